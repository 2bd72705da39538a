"""Could this check have gone red? Damage the backward on purpose, and see whether the check notices.

The numeric gradients do not depend on backward, so they are measured once; most damaged versions then cost
one forward and one backward. What slips through gets the whole check, promises included. What that passes
is either equivalent (the same gradients at other points as well) or a survivor: a hole in the check. Lines
that no point gets to are told apart: nothing is known of them.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from types import FunctionType

import numpy as np

from gradcli import checker
from gradcli.arrays import Array
from gradcli.blame.source import NotReadable, Written, rebuild, standing_in
from gradcli.executed import lines_run
from gradcli.mutate.damageable import damageable
from gradcli.mutate.edits import Edit, edits
from gradcli.mutate.helpers import helpers
from gradcli.problem import Problem
from gradcli.result import CheckResult
from gradcli.spec import Settings
from gradcli.subject import copies
from gradcli.verdict import K

CAUGHT, EQUIVALENT, SURVIVED, NEVER_RAN = "caught", "equivalent", "survived", "never ran"
_POINTS = 4  # at which a version must give the same gradients to be called equivalent


@dataclass(frozen=True, eq=False)
class Mutant:
    """A damaged version, and what became of it."""

    edit: Edit
    fate: str  # CAUGHT, EQUIVALENT, SURVIVED or NEVER_RAN
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Power:
    """What a check can see."""

    id: str
    file: str
    mutants: tuple[Mutant, ...]

    @property
    def caught(self) -> int:
        return sum(mutant.fate == CAUGHT for mutant in self.mutants)

    @property
    def counted(self) -> int:
        """How many versions are really wrong, as far as the check gets to them."""
        return sum(mutant.fate in (CAUGHT, SURVIVED) for mutant in self.mutants)

    @property
    def idle(self) -> tuple[int, ...]:
        """The lines that could be damaged at will: they never ran."""
        return tuple(sorted({mutant.edit.line for mutant in self.mutants if mutant.fate == NEVER_RAN}))

    @property
    def equivalent(self) -> int:
        """How many edits changed nothing."""
        return sum(mutant.fate == EQUIVALENT for mutant in self.mutants)


def mutants(problem: Problem, settings: Settings, original: CheckResult) -> Iterator[Mutant]:
    """Damage the backward of a problem whose check passed, and what else of its file runs for it alone; check
    every version.

    Raises UsageError if its source cannot be read or rewritten. Cost: about one forward and one backward for
    each version that is caught, a whole check for each that is not.
    """
    elsewhere = _Elsewhere(problem, settings.seed)
    for one in damageable(problem):
        for edit, damaged in _versions(problem, one.written, original, settings.seed):
            if not one.concerns(edit.lines):
                continue
            if damaged is None:
                yield _idle(edit)
                continue
            made = one.around(damaged)
            version = replace(
                made,
                id=problem.id,
                inputs=problem.inputs,
                nograd=problem.nograd | made.nograd,
                declared=problem.declared,
                hold=problem.hold,
            )
            yield _judged(version, edit, settings, original, elsewhere)
        for helper in helpers(problem, one.written, original.cotangents):
            for edit, damaged in _versions(problem, helper, original, settings.seed):
                if damaged is None:
                    yield _idle(edit)
                    continue
                with standing_in(helper, damaged) as is_version:
                    found = _judged(problem, edit, settings, original, elsewhere) if is_version else None
                if found is not None:
                    yield found


def _idle(edit: Edit) -> Mutant:
    return Mutant(edit, NEVER_RAN, "no point of this check gets here")


def _versions(
    problem: Problem, written: Written, original: CheckResult, seed: int
) -> Iterator[tuple[Edit, FunctionType | None]]:
    """The edits of a function, and the function with each; None where its lines never run."""
    ran = _lines_that_run(problem, written.file, original, seed)
    for edit in edits(written.node):
        if ran.isdisjoint(edit.lines):
            yield edit, None
            continue
        with suppress(NotReadable, SyntaxError, ValueError):  # an edit that is no program is no version
            yield edit, rebuild(written, edit.tree, {})


def _lines_that_run(problem: Problem, file: str, original: CheckResult, seed: int) -> set[int]:
    """The lines of a file that backward runs at the point of the check and wherever else it is tried."""
    cotangents = original.cotangents
    with np.errstate(all="ignore"), lines_run(file) as found:
        _gradients(problem, problem.inputs, cotangents)
        for inputs, weights in _other_points(problem, seed):
            _gradients(problem, inputs, weights)
    return found


def _judged(
    version: Problem, edit: Edit, settings: Settings, original: CheckResult, elsewhere: "_Elsewhere"
) -> Mutant:
    with np.errstate(all="ignore"):
        if not _fits(version, original, settings.tol):
            return Mutant(edit, CAUGHT)
        if checker.run(version, replace(settings, blame=False)).verdict == "fail":
            return Mutant(edit, CAUGHT)
        if elsewhere.is_same(version):
            return Mutant(
                edit, EQUIVALENT, "the same gradients at other points, too: the edit changes nothing"
            )
    return Mutant(edit, SURVIVED, "other gradients at other points: this point cannot tell them apart")


def _fits(version: Problem, original: CheckResult, tol: float) -> bool:
    """Whether a version's gradients agree with the numeric ones that are known; what raises does not."""
    gradients = _gradients(version, version.inputs, original.cotangents)
    if gradients is None:
        return False
    for name in version.differentiable:
        known, found = original.gradients[name], gradients.get(name)
        if found is None or found.shape != known.numeric.shape:
            return False
        compared = np.isfinite(known.numeric)
        size = np.maximum(np.abs(found), np.abs(known.numeric))
        allowed = np.maximum(known.allowed, tol * size + K * known.uncertainty)
        if not np.all((np.abs(found - known.numeric) <= allowed)[compared]):
            return False
    return True


def _gradients(
    problem: Problem, inputs: dict[str, Array], cotangents: tuple[Array, ...]
) -> dict[str, Array] | None:
    """What backward returns, as arrays; None where the code raises or returns no numbers."""
    try:
        run = problem.forward(copies(inputs))
        given = tuple(cotangent.copy() for cotangent in cotangents)
        found = problem.backward(given, run.saved)
        return {name: np.asarray(found[name], dtype=np.float64) for name in problem.differentiable}
    except Exception:
        return None


class _Elsewhere:
    """The gradients of the problem as it is, at points beside that of the check."""

    def __init__(self, problem: Problem, seed: int) -> None:
        with np.errstate(all="ignore"):
            points = list(_other_points(problem, seed))
            self._known = [(*point, _gradients(problem, *point)) for point in points]

    def is_same(self, version: Problem) -> bool:
        """Whether a version gives the same gradients, to rounding, at all of them."""
        for inputs, weights, known in self._known:
            found = _gradients(version, inputs, weights)
            if known is None or found is None or not all(_close(known[n], found[n]) for n in found):
                return False
        return True


def _other_points(problem: Problem, seed: int) -> Iterator[tuple[dict[str, Array], tuple[Array, ...]]]:
    """Points and cotangents beside those of the check, where forward runs."""
    rng = np.random.default_rng([seed, 5])
    for _ in range(_POINTS):
        inputs = {
            name: (rng.uniform(0.3, 1.7) * array + 0.3 * rng.standard_normal(array.shape)).astype(array.dtype)
            if array.dtype.kind == "f"
            else array
            for name, array in problem.inputs.items()
        }
        try:
            outputs = problem.forward(copies(inputs)).outputs
        except Exception:
            continue
        yield inputs, tuple(np.asarray(rng.standard_normal(out.shape)) for out in outputs)


def _close(first: Array, second: Array) -> bool:
    scale = float(np.max(np.abs(first), initial=0.0))
    return first.shape == second.shape and bool(np.all(np.abs(first - second) <= 1e-9 * scale + 1e-300))
