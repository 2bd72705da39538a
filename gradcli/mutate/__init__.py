"""Could this check have gone red? Damage the backward on purpose, and see whether the check notices.

The numeric gradients do not depend on backward, so they are measured once; most damaged versions then cost
one forward and one backward. What slips through gets the whole check, promises included. What that passes
is either equivalent (the same gradients at other points as well) or a survivor: a hole in the check.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gradcli import checker
from gradcli.arrays import Array
from gradcli.blame.source import NotReadable, like, plain, read, rebuild
from gradcli.errors import UsageError
from gradcli.mutate.edits import Edit, edits
from gradcli.problem import Problem
from gradcli.result import CheckResult
from gradcli.spec import Settings
from gradcli.subject import copies
from gradcli.verdict import K

CAUGHT, EQUIVALENT, SURVIVED = "caught", "equivalent", "survived"
_POINTS = 4  # at which a version must give the same gradients to be called equivalent


@dataclass(frozen=True, eq=False)
class Mutant:
    """A damaged version, and what became of it."""

    edit: Edit
    fate: str  # CAUGHT, EQUIVALENT or SURVIVED
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
        """How many versions are really wrong."""
        return sum(mutant.fate != EQUIVALENT for mutant in self.mutants)


def mutants(problem: Problem, settings: Settings, original: CheckResult) -> Iterator[Mutant]:
    """Damage the backward of a problem whose check passed, and check every version.

    Raises UsageError if its source cannot be read or rewritten. Cost: about one forward and one backward for
    each version that is caught, a whole check for each that is not.
    """
    source = problem.source
    if source is None or source.remake is None:
        raise UsageError(f"{problem.id}: its backward is not a Python function that can be rewritten")
    try:
        written = read(plain(source.backward))
    except NotReadable as reason:
        raise UsageError(f"{problem.id}: {reason}") from reason
    for edit in edits(written.node):
        try:
            damaged = rebuild(written, edit.tree, {})
        except (NotReadable, SyntaxError, ValueError):
            continue  # an edit that is no program is no version
        made = source.remake(source.forward, like(source.backward, damaged))
        version = replace(
            made, id=problem.id, inputs=problem.inputs, nograd=problem.nograd, declared=problem.declared
        )
        yield _judged(problem, version, edit, settings, original)


def _judged(
    problem: Problem, version: Problem, edit: Edit, settings: Settings, original: CheckResult
) -> Mutant:
    with np.errstate(all="ignore"):
        if not _fits(version, original, settings.tol):
            return Mutant(edit, CAUGHT)
        if checker.run(version, replace(settings, blame=False)).verdict == "fail":
            return Mutant(edit, CAUGHT)
        if _is_equivalent(problem, version, settings.seed):
            return Mutant(
                edit, EQUIVALENT, "the same gradients at other points, too: the edit changes nothing"
            )
    return Mutant(edit, SURVIVED, "other gradients at other points: this point cannot tell them apart")


def _fits(version: Problem, original: CheckResult, tol: float) -> bool:
    """Whether a version's gradients agree with the numeric ones that are known; what raises does not."""
    cotangents = tuple(a for name, a in original.arrays.items() if name.startswith("cotangent"))
    gradients = _gradients(version, version.inputs, cotangents)
    if gradients is None:
        return False
    for name, known in original.gradients.items():
        found = gradients.get(name)
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


def _is_equivalent(problem: Problem, version: Problem, seed: int) -> bool:
    """Whether both give the same gradients, to rounding, wherever they were asked."""
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
        weights = tuple(np.asarray(rng.standard_normal(out.shape)) for out in outputs)
        first, second = _gradients(problem, inputs, weights), _gradients(version, inputs, weights)
        if first is None or second is None or not all(_close(first[n], second[n]) for n in first):
            return False
    return True


def _close(first: Array, second: Array) -> bool:
    scale = float(np.max(np.abs(first), initial=0.0))
    return first.shape == second.shape and bool(np.all(np.abs(first - second) <= 1e-9 * scale + 1e-300))
