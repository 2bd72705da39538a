"""The power of a check: how many damaged versions of the backward it would have caught."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from gradcli import analytic, checker, contract
from gradcli.arrays import Array
from gradcli.clock import Clock
from gradcli.errors import BrokenPromise
from gradcli.mutate.damages import Damage, damages
from gradcli.numeric import spread
from gradcli.problem import Problem
from gradcli.result import FAIL, INCONCLUSIVE, CheckResult, Violation
from gradcli.spec import Settings
from gradcli.subject import Subject

CAUGHT, SURVIVED, EQUIVALENT = "caught", "survived", "equivalent"
_CLEAR = 1e3  # an error so many times what is allowed needs no second look
_REACH = (1.0, 1.0, 30.0, 1000.0)  # how far off other points are, in spreads: branches lie far out
_POINTS = 1 + len(_REACH)
_ROUNDINGS = 16.0


@dataclass(frozen=True, eq=False)
class Fate:
    """What became of one damaged version."""

    damage: Damage
    outcome: str  # CAUGHT, SURVIVED or EQUIVALENT
    reason: str


@dataclass(eq=False)
class Power:
    """What is known so far."""

    original: CheckResult
    fates: list[Fate] = field(default_factory=list)
    interrupted: bool = False

    @property
    def judged(self) -> int:
        """Damaged versions that a check could have caught: all but the equivalent ones."""
        return sum(fate.outcome != EQUIVALENT for fate in self.fates)

    @property
    def caught(self) -> int:
        return sum(fate.outcome == CAUGHT for fate in self.fates)

    @property
    def share(self) -> float:
        return self.caught / self.judged if self.judged else 0.0


def measure(problem: Problem, settings: Settings, tick: Callable[[float, str], None] | None = None) -> Power:
    """Damage the backward of a problem, one edit at a time, and check each version.

    Where the original does not pass, nothing is damaged. Ctrl-C gives what is known so far, marked
    `interrupted`. Raises UsageError where the backward cannot be read.
    Cost: a check of the original; a forward and a backward for each version that is clearly wrong, a check
    without blame for each other.
    """
    settings = replace(settings, blame=False)
    original = checker.run(problem, settings)
    power = Power(original, interrupted=original.interrupted)
    if not original.passed or original.interrupted:
        return power
    try:
        versions = list(damages(problem))
        for done, damage in enumerate(versions):
            if tick is not None:
                tick(done / len(versions), problem.id)
            power.fates.append(_fate(problem, damage, original, settings))
    except KeyboardInterrupt:
        power.interrupted = True
    return power


def _fate(problem: Problem, damage: Damage, original: CheckResult, settings: Settings) -> Fate:
    with np.errstate(all="ignore"):
        reason = _clearly_wrong(damage.problem, original, settings.tol)
    if reason:
        return Fate(damage, CAUGHT, reason)
    result = checker.run(damage.problem, settings)
    if result.interrupted:
        raise KeyboardInterrupt
    if result.verdict == FAIL:
        broken = next((v.code for v in result.violations if not v.is_warning), "GC101")
        return Fate(damage, CAUGHT, broken)
    with np.errstate(all="ignore"):
        return _survivor(problem, damage, result)


def _clearly_wrong(problem: Problem, original: CheckResult, tol: float) -> str:
    """The code of what is wrong at a glance, against the numeric gradients of the undamaged check.

    Forward did not change, so they hold; a version that is not far off is checked in full instead.
    """
    violations: list[Violation] = []
    try:
        found = contract.observe_backward(Subject(problem, Clock(None)), _cotangents(original), violations)
    except BrokenPromise as broken:
        return broken.code
    before = {(violation.code, violation.gradient) for violation in original.violations}
    for violation in violations:
        if not violation.is_warning and (violation.code, violation.gradient) not in before:
            return violation.code
    for name, value in found.items():
        known = original.gradients[name]
        error = np.abs(value.astype(np.float64) - known.numeric)
        allowed = known.allowed + tol * np.abs(value.astype(np.float64))
        if not known.at_kink and np.any(error > _CLEAR * allowed):
            return "GC101"
    return ""


def _cotangents(original: CheckResult) -> tuple[Array, ...]:
    """Those of the check, in the order of the outputs."""
    return tuple(
        array for key, array in original.arrays.items() if key == "cotangent" or key.startswith("cotangent/")
    )


def _survivor(problem: Problem, damage: Damage, result: CheckResult) -> Fate:
    """Why a version was not caught: the same function to all that can be seen, or a gap of the check."""
    differs = _differences(problem, damage.problem, _cotangents(result))
    if not any(at is None or at > 0.0 for at in differs):
        return Fate(damage, EQUIVALENT, f"the same gradients bit for bit at {_POINTS} points")
    if all(at is not None and at <= 1.0 for at in differs):
        return Fate(damage, EQUIVALENT, f"the same gradients within rounding at {_POINTS} points")
    if result.verdict == INCONCLUSIVE:
        return Fate(damage, SURVIVED, "the check could not decide")
    if differs[0] is not None and differs[0] <= 1.0:
        return Fate(damage, SURVIVED, "right at this point, wrong at others: check more seeds or shapes")
    return Fate(damage, SURVIVED, "differs by less than the check allows")


def _differences(problem: Problem, damaged: Problem, cotangents: tuple[Array, ...]) -> list[float | None]:
    """At the point of the check and at others, how far the gradients are apart, in units of their rounding.

    None where one of the two raises or returns no such gradient.
    """
    rng = np.random.default_rng(zlib.crc32(problem.id.encode()))
    points = [problem.inputs, *(_moved(problem.inputs, reach, rng) for reach in _REACH)]
    return [
        _difference(replace(problem, inputs=point), replace(damaged, inputs=point), cotangents, rng)
        for point in points
    ]


def _difference(
    problem: Problem, damaged: Problem, cotangents: tuple[Array, ...], rng: np.random.Generator
) -> float | None:
    subject = Subject(problem, Clock(None))
    try:
        both = subject.both(problem.inputs, cotangents)
        right = contract.comparable(problem, both.gradients)
        other = contract.comparable(
            damaged, Subject(damaged, Clock(None)).both(damaged.inputs, cotangents).gradients
        )
    except BrokenPromise:
        return None
    if set(right) != set(other):
        return None
    if all(np.array_equal(right[name], other[name], equal_nan=True) for name in right):
        return 0.0
    width = analytic.rounding(subject, cotangents, right, rng, repeats=6)
    floor = analytic.floor(problem, both.run.outputs, cotangents)
    return max(_in_roundings(right[n], other[n], width[n], floor[n]) for n in right)


def _in_roundings(right: Array, other: Array, width: Array, floor: float) -> float:
    """The largest difference over what rounding explains; infinite where it is not a number."""
    ratio = np.abs(right.astype(np.float64) - other) / (_ROUNDINGS * (width + floor))
    return float(np.max(np.where(np.isnan(ratio), np.where(right == other, 0.0, np.inf), ratio), initial=0.0))


def _moved(inputs: Mapping[str, Array], reach: float, rng: np.random.Generator) -> dict[str, Array]:
    """Another point like this one: what is whole stays, so that it remains a valid argument."""
    return {
        name: (array + reach * spread(array) * rng.standard_normal(array.shape)).astype(array.dtype)
        if array.dtype.kind == "f"
        else array
        for name, array in inputs.items()
    }
