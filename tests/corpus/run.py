"""Run a checker over the corpus and compare what it says with the truth."""

from __future__ import annotations

import time
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

import gradcli
from gradcli.result import CheckResult
from tests.corpus import reference
from tests.corpus.case import Bug, Layer, build, inputs_for
from tests.corpus.reference import Point, Sight

# What can be said about one check.
CAUGHT, MISSED, UNDECIDED, MISPLACED = "caught", "missed", "undecided", "misplaced"
PASSED, ALARM, INVISIBLE, CRASHED = "passed", "alarm", "invisible", "crashed"


@dataclass(frozen=True)
class Finding:
    """One check of the corpus and what came of it."""

    layer: str
    bug: str  # "" for correct code
    case: str
    seed: int
    outcome: str
    seconds: float
    detail: str = ""
    how: str = ""  # how the bug shows: "value", "shape", "shift", … or its code

    def __str__(self) -> str:
        what = self.bug or "(correct)"
        where = f"{self.layer} | {what} | {self.case} | seed {self.seed}"
        return f"{self.outcome:10} {where} | {self.how} | {self.detail}"


@dataclass
class Tally:
    """All findings of a run, by outcome."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        self.findings.append(finding)

    def of(self, *outcomes: str, how: str | None = None) -> list[Finding]:
        return [f for f in self.findings if f.outcome in outcomes and (how is None or f.how == how)]


def gradcli_check(layer: Layer, bug: Bug | None, case: str, seed: int, **settings: object) -> CheckResult:
    """Check a pair as a user would; inputs are drawn afresh, lest damaged code spoil them for others."""
    pair = build(layer, bug)
    with reference.quiet():
        np.random.seed(seed)  # noqa: NPY002  the code under test may draw from it
        return gradcli.check(
            pair.forward,
            pair.backward,
            inputs=inputs_for(layer, case, seed),
            constants=layer.constants,
            seed=seed,
            blame=False,
            **settings,
        )


@lru_cache(maxsize=64)
def points(layer: Layer, case: str, seed: int) -> tuple[Point, ...]:
    """The layer at the hard case under three cotangents: a bug must show under each to be demanded."""
    inputs = inputs_for(layer, case, seed)
    return tuple(
        reference.point(layer, case, inputs, reference.draw_cotangents(layer, inputs, 10 * seed + k))
        for k in range(3)
    )


def seen(layer: Layer, bug: Bug, case: str, seed: int) -> dict[str, Sight]:
    """By input: the weakest sight of the bug under three random cotangents."""
    each = [reference.sights(here, bug) for here in points(layer, case, seed)]
    return {k: min((s[k] for s in each), key=lambda sight: (sight.visible, sight.deviation)) for k in each[0]}


def worst(result: CheckResult, name: str) -> str:
    """The numbers that decided, for the lead of an investigation."""
    g = result.gradients.get(name)
    if g is None:
        return f"{name}: no gradient in the result"
    at = g.worst_index
    analytic = np.asarray(g.analytic)
    shown = analytic[at] if analytic.shape == g.numeric.shape and analytic.size else "?"
    try:
        numbers = f"numeric {g.numeric[at]:.17g} unc {g.uncertainty[at]:.3g} allowed {g.allowed[at]:.3g}"
    except (IndexError, TypeError):
        numbers = "nothing compared"
    return (
        f"{name}{list(at)}: {g.verdict}, analytic {shown!r} {numbers} rel {g.relative_error:.3g} "
        f"{g.method} compared {g.compared}/{g.size} kink {g.at_kink} unresolved {g.unresolved} {g.note}"
    )


def _broken(result: CheckResult) -> list[str]:
    return [v.code for v in result.violations if not v.is_warning]


def _said(result: CheckResult) -> str:
    said = "; ".join(f"{v.code} {v.message}" for v in result.violations if not v.is_warning)
    return f"[{said}] " if said else ""


Checker = Callable[[Layer, Bug | None, str, int], CheckResult]


def judge_correct(
    layer: Layer, _: Bug | None, case: str, seed: int, check: Checker = gradcli_check
) -> Finding:
    start = time.perf_counter()
    result = check(layer, None, case, seed)
    seconds = time.perf_counter() - start
    outcome = {"pass": PASSED, "fail": ALARM, "inconclusive": UNDECIDED}[result.verdict]
    if outcome == PASSED:
        return Finding(layer.name, "", case, seed, outcome, seconds)
    if outcome == UNDECIDED and not any(g.size for g in result.gradients.values()):
        return Finding(layer.name, "", case, seed, PASSED, seconds, "nothing to compare, and it says so")
    bad = [k for k, g in result.gradients.items() if g.verdict != "pass"]
    detail = _said(result) + " / ".join(worst(result, k) for k in bad)
    return Finding(layer.name, "", case, seed, outcome, seconds, detail)


def judge_bug(layer: Layer, bug: Bug | None, case: str, seed: int, check: Checker = gradcli_check) -> Finding:
    assert bug is not None
    if bug.code is not None:
        return _judge_promise(layer, bug, case, seed, check)
    sights = seen(layer, bug, case, seed)
    wrong = {k for k, s in sights.items() if s.visible}
    if not wrong:
        return Finding(layer.name, bug.name, case, seed, INVISIBLE, 0.0)
    start = time.perf_counter()
    result = check(layer, bug, case, seed)
    seconds = time.perf_counter() - start
    how = min(
        (sights[k].how for k in wrong),
        key=lambda h: ("raises", "shape", "nonfinite", "value", "shift").index(h),
    )

    def found(outcome: str, detail: str = "") -> Finding:
        return Finding(layer.name, bug.name, case, seed, outcome, seconds, detail, how)

    blamed = {k for k, g in result.gradients.items() if g.verdict == "fail"}
    blamed |= {v.gradient for v in result.violations if not v.is_warning and v.gradient}
    far = "; ".join(
        f"{k} off by {sights[k].deviation:.2g} (rounding {sights[k].rounding:.2g})" for k in sorted(wrong)
    )
    if result.verdict != "fail":
        told = " / ".join(worst(result, k) for k in sorted(wrong))
        return found(MISSED if result.verdict == "pass" else UNDECIDED, f"{far}: {told}")
    if how in ("raises",) or (not blamed and _broken(result)):
        return found(CAUGHT)
    # Fully right gradients must not be blamed; those between right and visibly wrong may go either way.
    right = {
        k for k, s in sights.items() if not s.visible and s.deviation <= 3 * s.rounding and s.how == "value"
    }
    # A "shift" shows in no single element, so the check may fail for it as a whole.
    if blamed & right or (wrong - blamed and how != "shift"):
        told = _said(result) + " / ".join(
            worst(result, k) for k in sorted((blamed & right) | (wrong - blamed))
        )
        return found(MISPLACED, f"wrong: {sorted(wrong)}, blamed: {sorted(blamed)}: {far}: {told}")
    return found(CAUGHT)


def _judge_promise(layer: Layer, bug: Bug, case: str, seed: int, check: Checker) -> Finding:
    if case not in bug.where:
        return Finding(layer.name, bug.name, case, seed, INVISIBLE, 0.0, "", bug.code or "")
    start = time.perf_counter()
    result = check(layer, bug, case, seed)
    seconds = time.perf_counter() - start
    codes = _broken(result)
    detail = f"expected {bug.code}, got {codes or result.verdict} {_said(result)}"
    outcome = CAUGHT
    if result.verdict != "fail":
        outcome = MISSED if result.verdict == "pass" else UNDECIDED
    elif not set((bug.code or "").split()) & set(codes):
        outcome = MISPLACED
    return Finding(layer.name, bug.name, case, seed, outcome, seconds, detail, bug.code or "")


def run(
    layers: Iterable[Layer],
    seeds: Iterable[int],
    check: Checker = gradcli_check,
    *,
    correct: bool = True,
    bugs: bool = True,
    share: float = 1.0,
    correct_share: float = 1.0,
    once: bool = False,
    cases: tuple[str, ...] = (),
) -> Iterator[Finding]:
    """Judge every layer at every hard case: correct, and with each bug of a share chosen by hash.

    `correct_share`: of the hard cases of correct code; that of nothing hard is always among them. `once`: of
    the cases chosen for a bug, one alone.
    """
    for layer in layers:
        for case in layer.cases:
            if cases and case not in cases:
                continue
            for seed in seeds:
                if correct and (case == "default" or _mark(layer, "", case, seed) < correct_share):
                    yield _guarded(judge_correct, layer, None, case, seed, check)
                for bug in layer.bugs if bugs else ():
                    if case in _chosen(layer, bug, seed, share, once):
                        yield _guarded(judge_bug, layer, bug, case, seed, check)


def _chosen(layer: Layer, bug: Bug, seed: int, share: float, once: bool) -> list[str]:
    """The hard cases at which a bug is looked for; a broken promise is at least where it is demanded."""
    demanded = [case for case in layer.cases if bug.code is not None and case in bug.where]
    marks = {case: _mark(layer, bug.name, case, seed) for case in layer.cases}
    chosen = demanded + [case for case, mark in marks.items() if mark < share and case not in demanded]
    return sorted(chosen, key=lambda case: (case not in demanded, marks[case]))[:1] if once else chosen


def _mark(layer: Layer, bug: str, case: str, seed: int) -> float:
    """A number between 0 and 1, always the same for the same check."""
    return zlib.crc32(f"{layer.name}/{bug}/{case}/{seed}".encode()) / 2**32


def _guarded(
    judge: Callable[[Layer, Bug | None, str, int, Checker], Finding],
    layer: Layer,
    bug: Bug | None,
    case: str,
    seed: int,
    check: Checker,
) -> Finding:
    """A checker that raises is a finding like any other."""
    try:
        return judge(layer, bug, case, seed, check)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)[-2:]
        where = " < ".join(f"{f.filename.rsplit('/', 2)[-1]}:{f.lineno}" for f in reversed(frames))
        detail = f"{type(error).__name__}: {error} at {where}"
        return Finding(layer.name, bug.name if bug else "", case, seed, CRASHED, 0.0, detail)
