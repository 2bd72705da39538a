"""One target at several points: those that the user did not choose.

Most real defects pass on a comfortable point and fail on another: a batch of one, a tiny scale, a stride
of 2.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gradcli import checker
from gradcli.arrays import largest
from gradcli.checker import Measured
from gradcli.declarations import NONE
from gradcli.plan import PROBE
from gradcli.problem import Problem
from gradcli.result import FAIL, INCONCLUSIVE, PASS, CheckResult, Gradient
from gradcli.spec import Settings

Progress = Callable[[float, str], None]

_LEAST_SECONDS = 0.5  # for a further case
_LEAST_PART = 0.6  # of the budget: for the first case, however long guessing took
_OVER = 0.4  # of the budget: by how much all cases together may overdraw it
_MOST_SHRINKS = 12
_CANCELLED = 1e-3  # relative error that the formula itself may have at another scale
_OF_EXTREMES = 1  # element of each gradient
_NOTHING = 1e-9  # of a gradient, what an epsilon inside a formula may leave where it vanishes
_SMALL = 32  # elements: an example of no more needs no shrinking


class Case(NamedTuple):
    """A result, and the problem that it is about: that of the case which decided."""

    problem: Problem
    result: CheckResult


class _Looked(NamedTuple):
    """A check without its causes, and the problem that it is of."""

    problem: Problem
    measured: Measured


def run(problem: Problem, settings: Settings, *, progress: Progress | None = None) -> CheckResult:
    """The result of `decide`."""
    return decide(problem, settings, progress=progress).result


def decide(problem: Problem, settings: Settings, *, progress: Progress | None = None) -> Case:
    """Check a problem, and if its point was inferred, the other cases of its target too.

    The result is held against what is declared of it: that it fails (xfail), or differs (surrogate).
    The result is that of the first case that fails, at the smallest shape that still fails, else that of the
    problem itself; `cases` lists all that were looked at. Raises as `checker.run`.
    Cost: that of one check per case, together within the budget.
    """
    if problem.spec is None or problem.spec.declarations == NONE:
        return _decide(problem, settings, progress)
    from gradcli.declaring import judged  # few checks declare anything

    case = _decide(problem, settings, progress)
    return case._replace(result=judged(problem.spec.declarations, case.result))


def _decide(problem: Problem, settings: Settings, progress: Progress | None) -> Case:
    if problem.inferred is None:
        return Case(problem, checker.run(problem, settings, progress=progress))
    began = time.perf_counter() - problem.inferred.seconds  # guessing counts as well
    deadline = began + settings.budget
    left = min(settings.budget, max(_LEAST_PART * settings.budget, deadline - time.perf_counter()))
    without = replace(settings, blame=False)
    measured = checker.measure(problem, replace(without, budget=left), progress=progress)
    seen = [problem.inferred.label]
    if measured.result.verdict == FAIL and not measured.result.interrupted:
        right = _right_for_fewer(problem, measured, settings, deadline)
        if right is not None:
            return Case(problem, right)
        return _failed(_Looked(problem, measured), settings, deadline, seen)
    first = measured.told(without)
    if first.interrupted:
        return Case(problem, first)
    for other in _others(problem, deadline):
        found = _look(other, settings, deadline)
        result = found.result
        if result.interrupted:
            return Case(problem, replace(first, interrupted=True, cases=tuple(seen)))
        counts = _counts(other, result) and not _vanishes(result, first)
        if other.inferred is not None and (counts or result.verdict == PASS):
            seen.append(other.inferred.label)
        if counts:
            return _failed(_Looked(other, found), settings, deadline, seen)
    return Case(problem, replace(first, cases=tuple(seen)))


def _others(problem: Problem, deadline: float) -> Iterable[Problem]:
    """The further cases, as long as there is time for them."""
    assert problem.inferred is not None
    others = iter(problem.inferred.others())  # finding one takes calls as well
    while time.perf_counter() + _LEAST_SECONDS <= deadline:
        other = next(others, None)
        if other is None or time.perf_counter() + _LEAST_SECONDS > deadline:
            return
        yield other


def _look(problem: Problem, settings: Settings, deadline: float) -> Measured:
    """A check without its causes, in what is left of the time.

    At a large scale what counts is whether the gradients are finite: few elements of them are measured.
    """
    left = max(_LEAST_SECONDS, deadline - time.perf_counter())
    is_extreme = problem.inferred is not None and problem.inferred.is_extreme
    elements = _OF_EXTREMES if is_extreme and settings.elements == "auto" else settings.elements
    return checker.measure(
        problem, replace(settings, blame=False, budget=min(settings.budget, left), elements=elements)
    )


def _counts(problem: Problem, result: CheckResult) -> bool:
    """Whether a further case shows a defect.

    What raises for a shape that it was not written for shows none; nor does what saturates at a large scale,
    nor what is not finite for a batch of one: a mean over all others; nor digits that cancel at a tiny scale.
    """
    codes = {violation.code for violation in result.violations if not violation.is_warning}
    if result.verdict != FAIL or "GC108" in codes:
        return False
    assert problem.inferred is not None
    if "GC105" in codes:
        return 1 not in problem.inferred.sizes.values()
    wrong = [one.relative_error for one in result.gradients.values() if one.verdict == FAIL]
    if problem.inferred.is_scaled and codes == {"GC101"} and wrong and max(wrong) < _CANCELLED:
        return False
    return not problem.inferred.is_extreme


def _vanishes(result: CheckResult, first: CheckResult) -> bool:
    """Whether all that is wrong in a further case is next to nothing beside the same gradients in the first
    one: of a gradient that vanishes there, an epsilon somewhere is all that is left."""
    if {violation.code for violation in result.violations if not violation.is_warning} != {"GC101"}:
        return False
    wrong = [one for one in result.gradients.values() if one.verdict == FAIL]
    return all(_size(one) <= _NOTHING * _size(first.gradients[one.name]) for one in wrong)


def _size(gradient: Gradient) -> float:
    sides = (np.nan_to_num(side) for side in (gradient.analytic, gradient.numeric))
    return max(largest(np.abs(side)) for side in sides)


def _right_for_fewer(
    problem: Problem, measured: Measured, settings: Settings, deadline: float
) -> CheckResult | None:
    """A failure as what it is where it hangs on a guess: code that is right for symmetric matrices, and does
    not say that it is for others. None where it fails for both."""
    assert problem.inferred is not None
    if any(not v.is_warning and v.code != "GC101" for v in measured.result.violations):
        return None
    for what, other in problem.inferred.narrower():
        if _look(other, settings, deadline).result.verdict == PASS:
            result = measured.told(replace(settings, blame=False))
            said = next(remark for remark in other.remarks if remark.startswith("inferred: "))
            gradients = {
                name: replace(gradient, verdict=INCONCLUSIVE, failing=None, note=f"right for {what}")
                if gradient.verdict == FAIL
                else gradient
                for name, gradient in result.gradients.items()
            }
            at = said.removeprefix("inferred: ")
            why = f"right for {what} ({at}), wrong for others: say which are meant"
            warnings = tuple(violation for violation in result.violations if violation.is_warning)
            remarks = (*result.remarks, why)
            return replace(
                result, verdict=INCONCLUSIVE, gradients=gradients, violations=warnings, remarks=remarks
            )
    return None


def _failed(looked: _Looked, settings: Settings, deadline: float, seen: list[str]) -> Case:
    """The failing case at the smallest shape that fails in the same way, with its causes."""
    shown = looked
    if settings.elements == "auto":
        shown = _shrunk(looked, settings, deadline)
    if settings.blame:
        # A check runs for up to one and a half of its budgets, and all of them together must not.
        left = (deadline + _OVER * settings.budget - time.perf_counter()) / (1 + _OVER)
        if settings.elements in ("auto", PROBE) and left < _LEAST_SECONDS:
            result = looked.measured.told(replace(settings, blame=False))
            remarks = (*result.remarks, "no line can be named in the time there is")
            return Case(looked.problem, replace(result, remarks=remarks, cases=tuple(seen)))
        settings = replace(settings, budget=min(settings.budget, max(left, _LEAST_SECONDS)))
        shown = _complete(shown, settings)
    result = shown.measured.told(settings, checker.clock_for(settings))
    return Case(shown.problem, replace(result, cases=tuple(seen)))


def _complete(looked: _Looked, settings: Settings) -> _Looked:
    """All elements of a case of which few were measured."""
    if looked.problem.inferred is None or not looked.problem.inferred.is_extreme:
        return looked
    complete = checker.measure(looked.problem, settings)
    return _Looked(looked.problem, complete) if complete.result.verdict == FAIL else looked


def _shrunk(looked: _Looked, settings: Settings, deadline: float) -> _Looked:
    """Shorten one dimension after another as long as the same gradients fail."""
    problem, wanted, tries = looked.problem, _signature(looked.measured.result), 0
    while problem.inferred is not None and sum(array.size for array in problem.inputs.values()) > _SMALL:
        for smaller in problem.inferred.smaller():
            tries += 1
            if tries > _MOST_SHRINKS or time.perf_counter() + _LEAST_SECONDS > deadline:
                return looked
            found = _look(smaller, settings, deadline)
            if _signature(found.result) == wanted:
                problem, looked = smaller, _Looked(smaller, found)
                break
        else:
            break
    return looked


def _signature(result: CheckResult) -> tuple[object, ...]:
    """Which gradients fail, and which promises are broken."""
    failing = [name for name, gradient in result.gradients.items() if gradient.verdict == FAIL]
    codes = {violation.code for violation in result.violations if not violation.is_warning}
    return (result.verdict, *failing, *sorted(codes))
