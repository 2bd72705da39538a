"""`python -m tests.blame`: every planted slip, what was said about it, and how often that was right."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from unittest.mock import patch

import numpy as np

import gradcli
import gradcli.clock
from gradcli.blame.allowance import Allowance
from gradcli.result import Blame, CheckResult
from tests.blame import foreign_slips, heldout_slips, judged
from tests.blame.damage import (
    changed_lines,
    check_damaged,
    check_foreign,
    damage,
    functions,
    inputs_of,
    text_of,
)
from tests.blame.slips import SLIPS
from tests.corpus import reference
from tests.corpus.bugs import LAYERS
from tests.corpus.case import Bug, Layer, build, inputs_for

_MOST = 20  # times what a check costs that blame may cost
RIGHT, WRONG, SILENT, UNSEEN = "right", "wrong", "silent", "unseen"


@dataclass(frozen=True)
class Said:
    """What was said about one slip."""

    habit: str
    slip: str
    outcome: str
    told: str
    check: int  # calls without blame
    blame: int
    true: tuple[bool, ...] = ()  # of each diagnosis that was printed at a right line, in the corpus

    def __str__(self) -> str:
        cost = f"({self.check} + {self.blame} calls)"
        doubt = "" if all(self.true) else "UNTRUE "
        return f"{self.outcome:7} {self.habit:8} {doubt}{self.slip} -> {self.told} {cost}"


def staged(only: str) -> Iterator[Said]:
    return planted(SLIPS, only)


def heldout(only: str) -> Iterator[Said]:
    return planted(heldout_slips.SLIPS, only)


def foreign(only: str) -> Iterator[Said]:
    """Slips of a file in other habits, checked as on the command line."""
    for habit, target, old, new in foreign_slips.SLIPS:
        if only not in f"{habit} {target}":
            continue
        source, lines = damage(target, old, new, "foreign.py")

        def check(blame: bool, target: str = target, source: str = source) -> CheckResult:
            return check_foreign(target, source, blame=blame)

        yield _said(habit, f"{target}: {old!r} -> {new!r}", check, lines)


def planted(slips: Iterable[tuple[str, str, str, str]], only: str) -> Iterator[Said]:
    """Slips of whole files of layers, by habit."""
    for habit, pair, old, new in slips:
        if only not in f"{habit} {pair}":
            continue
        source, lines = damage(pair, old, new)

        def check(
            blame: bool, pair: str = pair, source: str = source, name: str = f"<{pair}: {new}>"
        ) -> CheckResult:
            return check_damaged(pair, source, name, blame=blame)

        def judge(blame: Blame, pair: str = pair, source: str = source) -> bool:
            inputs = inputs_of(pair, 8)
            trial = judged.Trial(inputs, partial(functions, pair), "staged")
            shapes = {name: np.shape(array) for name, array in inputs.items()}
            claim = (blame.diagnosis, blame.line, blame.gradients)
            return judged.holds(*claim, source, text_of(pair), shapes, [trial])

        yield _said(habit, f"{pair}: {old!r} -> {new!r}", check, lines, judge)


def corpus(only: str) -> Iterator[Said]:
    """Bugs of the corpus that make numbers wrong and stand in backward."""
    for layer in LAYERS:
        for bug in layer.bugs:
            if bug.code is not None or only not in f"corpus {layer.name}/{bug.name}":
                continue
            lines = _lines(layer, bug)
            if not lines:
                continue

            def check(blame: bool, layer: Layer = layer, bug: Bug = bug) -> CheckResult:
                pair = build(layer, bug)
                with reference.quiet():
                    np.random.seed(0)  # noqa: NPY002  the code under test may draw from it
                    return gradcli.check(
                        pair.forward,
                        pair.backward,
                        inputs=inputs_for(layer, "default", 0),
                        constants=layer.constants,
                        blame=blame,
                    )

            def judge(blame: Blame, layer: Layer = layer, bug: Bug = bug) -> bool:
                return judged.is_true(layer, bug, blame.diagnosis, blame.line, blame.gradients)

            yield _said("corpus", f"{layer.name}/{bug.name}", check, lines, judge)


def _lines(layer: Layer, bug: Bug) -> set[int]:
    """The lines of an edit in backward; none if it stands in forward."""
    pair = build(layer, bug)
    found: set[int] = set()
    first = pair.backward.__code__.co_firstlineno
    for line, (old, new) in zip(pair.lines, ((bug.old, bug.new), *bug.also), strict=True):
        found |= {line + offset for offset in changed_lines(old, new)}
    return found if min(found) >= first else set()


def _said(
    habit: str,
    slip: str,
    check: Callable[[bool], CheckResult],
    lines: Iterable[int],
    judge: Callable[[Blame], bool] | None = None,
) -> Said:
    spent = []

    class Counted(Allowance):
        def __init__(self, calls: float, seconds: float | None) -> None:
            super().__init__(calls, seconds)
            spent.append(self)

    with patch("gradcli.blame.finding.Allowance", Counted):
        result = check(True)
    calls = result.evaluations + result.backward_evaluations, max((s.used() for s in spent), default=0)
    blames = [b for b in (result.blame, *result.also) if b is not None]
    if not any(g.verdict == "fail" and g.failing is not None for g in result.gradients.values()):
        outcome = UNSEEN
    elif not blames:
        outcome = SILENT
    else:
        outcome = RIGHT if {b.line for b in blames} <= set(lines) else WRONG
    told = " | ".join(f"{b.line}: {b.diagnosis}" for b in blames) or "; ".join(result.remarks)
    printed = [b for b in blames if outcome == RIGHT and judged.said(b.diagnosis)]
    true = tuple(judge(b) for b in printed) if judge else ()
    return Said(habit, f"{slip} @ {sorted(lines)}", outcome, told, *calls, true)


def summary(said: list[Said]) -> str:
    lines = []
    for habit in dict.fromkeys(s.habit for s in said):
        own = [s for s in said if s.habit == habit and s.outcome != UNSEEN]
        counts = Counter(s.outcome for s in own)
        shares = ", ".join(f"{100 * counts[o] / max(1, len(own)):.1f} % {o}" for o in (RIGHT, SILENT, WRONG))
        ratio = sorted(s.blame / max(s.check, 1) for s in own)
        lines.append(
            f"{habit:8} {len(own):4} slips: {shares}; median cost {ratio[len(ratio) // 2]:.0f} x the check, "
            f"{sum(r > _MOST for r in ratio)} above {_MOST} x"
        )
        true = [t for s in own for t in s.true]
        if true:
            lines.append(f"{'':8} {len(true):4} diagnoses printed: {100 * sum(true) / len(true):.1f} % true")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.blame", description=__doc__)
    parser.add_argument("--only", default="", help="slips whose habit and layer contain this")
    parser.add_argument("--set", choices=("staged", "corpus", "heldout", "foreign"), action="append")
    options = parser.parse_args()
    # Other work on the machine must not decide what is found in time.
    gradcli.clock.time.perf_counter = time.process_time
    sets = {"staged": staged, "corpus": corpus, "heldout": heldout, "foreign": foreign}
    said: list[Said] = []
    for name in options.set or sets:
        for one in sets[name](options.only):
            print(one, flush=True)
            said.append(one)
    print(summary(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
