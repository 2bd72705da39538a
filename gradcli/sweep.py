"""Error against step: what a central difference is worth at every step, and which step gradcli takes.

Two errors meet in a difference quotient. Truncation grows with the step, as its square or fourth power;
round-off grows with its inverse. In a plot with two logarithmic axes they are straight lines, and the best
step lies where they cross.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gradcli import checker
from gradcli.arrays import FloatArray
from gradcli.clock import Clock
from gradcli.differencing import Differencing, differencing
from gradcli.errors import BrokenPromise
from gradcli.numeric import CENTRAL, KINK, SMOOTH, look
from gradcli.numeric.ladder import RATIO, central, evident_noise, lepski, richardson
from gradcli.numeric.line import Line, responses
from gradcli.problem import Problem
from gradcli.result import PASS, CheckResult, Gradient
from gradcli.spec import Settings
from gradcli.subject import Subject, copies

FLOOR = 1e-17  # where an error of exactly 0 is drawn

_INTERLEAVED = 3  # ladders of ratio 4 in the grid: almost exactly five steps per decade
_FIXED_COST, _COST = 20, 148  # evaluations of forward: for a problem, for a curve
_SHORTEST = 1e-9  # seconds

_STEPS = 71  # of the grid, from 1e-1 down to 1e-15 times the scale of the input


@dataclass(frozen=True, eq=False)
class Curve:
    """The error of a central difference at one element of a gradient, for every step.

    Errors are NaN where the code could not be evaluated, or where x + step is x.
    """

    label: str  # "x[1,2] of batchnorm[batch=2,features=3]"
    steps: FloatArray  # ascending, as are the errors
    errors2: FloatArray  # of the difference of 2nd order
    errors4: FloatArray  # of 4th order, which takes this step and four times that
    relative: bool  # whether errors are relative; absolute where the derivative is zero
    chosen: float | None  # the step that gradcli takes for central differences; None at a kink
    method: str  # what the check used: "linear", "complex", "central" or "probe"
    level: float  # uncertainty of the comparison in the check, on the scale of the errors
    at_kink: bool = False
    floor: float = FLOOR


@dataclass(frozen=True, eq=False)
class Sweep:
    """The curves of one problem, and the check that they belong to."""

    result: CheckResult
    curves: tuple[Curve, ...]
    left_out: tuple[str, ...]  # why other gradients have no curve, a line each


def sweep(
    problem: Problem, settings: Settings, *, progress: Callable[[float, str], None] | None = None
) -> Sweep:
    """Check a problem, then measure a curve at the element of each gradient that decided.

    The error is the distance to the numeric derivative that the check found, so the code's own backward
    plays no part in it. Raises what `checker.run` raises, and KeyboardInterrupt where that was interrupted.
    Cost: that of the check, 20 evaluations of forward, and 148 for each gradient.
    """
    result = checker.run(problem, replace(settings, blame=False), progress=progress)
    if result.interrupted:
        raise KeyboardInterrupt
    left_out = [f"{name}: {why}" for name, g in result.gradients.items() if (why := _why_not(g))]
    gradients = [g for g in result.gradients.values() if not _why_not(g)]
    curves: list[Curve] = []
    if gradients:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            measure = _Measurement(problem, result, settings)
            for done, gradient in enumerate(gradients):
                if progress is not None:
                    progress(done / len(gradients), f"sweep of {gradient.name}")
                curve = measure.curve(gradient)
                if curve is None:
                    left_out.append(f"{gradient.name}: nothing could be measured at its worst element")
                else:
                    curves.append(curve)
    return Sweep(result, tuple(curves), tuple(left_out))


def curves_of_doubt(problem: Problem, result: CheckResult, settings: Settings) -> dict[str, Curve]:
    """Curves of the gradients of a finished check that did not pass, by name.

    None where the check was interrupted or the code raises by now, and none for what would take longer than
    the budget of the check. Cost: 20 evaluations of forward, and 148 for each gradient.
    """
    doubtful = [g for g in result.gradients.values() if g.verdict != PASS and not _why_not(g)]
    each = result.seconds / max(1, result.evaluations)
    affordable = doubtful[: max(0, int((settings.budget / max(each, _SHORTEST) - _FIXED_COST) / _COST))]
    if result.interrupted or not affordable:
        return {}
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            measure = _Measurement(problem, result, settings)
            found = {gradient.name: measure.curve(gradient) for gradient in affordable}
    except BrokenPromise:
        return {}
    return {name: curve for name, curve in found.items() if curve is not None}


def _why_not(gradient: Gradient) -> str:
    if not gradient.size:
        return "it is empty"
    return "" if gradient.compared or gradient.probes else gradient.note or "it was not compared"


class _Measurement:
    """The code under test, ready to be differenced at the point of a check."""

    def __init__(self, problem: Problem, result: CheckResult, settings: Settings) -> None:
        subject = Subject(problem, Clock(None))
        subject.reseed = any(violation.code == "GC106" for violation in result.violations)
        outputs = tuple(np.array(out) for out in subject.forward(copies(problem.inputs)).outputs)
        self.problem = problem
        self.side: Differencing = differencing(
            subject, outputs, np.random.default_rng(settings.seed), fresh=True
        )
        self.cotangents = tuple(np.asarray(given, dtype=np.float64) for given in result.cotangents)
        self.step = settings.step

    def curve(self, gradient: Gradient) -> Curve | None:
        """The curve at the element that decided; None where its derivative is not known."""
        factor = self.problem.declared.factor(gradient.name)
        cotangents = tuple(factor * c for c in self.cotangents)
        index = _deciding(gradient)
        truth, uncertainty = float(gradient.numeric[index]), float(gradient.uncertainty[index])
        at_kink = False
        if gradient.at_kink or not np.isfinite(truth):
            arguments = gradient.name, index, cotangents, self.side.noise
            slopes = look(self.side.function, *arguments)
            at_kink = int(slopes.kind[0]) == KINK
            if not np.isfinite(truth):
                if int(slopes.kind[0]) not in (SMOOTH, KINK):
                    return None
                truth, uncertainty = float(slopes.low[0]), float(slopes.uncertainty[0])
        line = Line(self.side.function, gradient.name, index, cotangents, self.side.noise)
        steps = _grid(self.side.function.spread(gradient.name))
        plus, minus = responses(line, steps)
        second, fourth = _estimates(plus, minus, steps)
        relative = not abs(truth) <= uncertainty  # unknown where backward is not finite
        unit = abs(truth) if relative else 1.0
        return Curve(
            label=f"{_element(gradient.name, index)} of {self.problem.id}",
            steps=steps[:_STEPS],
            errors2=np.abs(second[:_STEPS] - truth) / unit,
            errors4=np.abs(fourth - truth) / unit,
            relative=relative,
            chosen=None if at_kink else self.step or _chosen(second, steps, line.rounding()),
            method=CENTRAL if self.step is not None else gradient.method,
            level=uncertainty / unit,
            at_kink=at_kink,
        )


def _deciding(gradient: Gradient) -> tuple[int, ...]:
    """The element that decided; where analytic and numeric are equal to the bit, the largest."""
    if gradient.error[gradient.worst_index] != 0 or gradient.at_kink == gradient.size:
        return gradient.worst_index
    sizes = np.nan_to_num(np.abs(gradient.numeric))
    return tuple(map(int, np.unravel_index(int(np.argmax(sizes)), sizes.shape)))


def _element(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{','.join(map(str, index))}]" if index else name


def _grid(scale: float) -> FloatArray:
    """Steps ascending from 1e-15 to 1e-1, and beyond for the 4th order; times the scale of an input that is
    far from 1, to a decade."""
    decade = 0.0 if 0.1 <= scale <= 10.0 else float(np.round(np.log10(scale)))
    rungs = np.arange(1 - _STEPS, 1 + _INTERLEAVED) / _INTERLEAVED
    return np.asarray(10.0 ** (decade - 1) * RATIO**rungs)


def _estimates(plus: FloatArray, minus: FloatArray, steps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Differences of 2nd order on the whole grid, and of 4th order on all but its last few steps."""
    second = central(plus, minus, steps)
    fourth = np.empty(len(steps) - _INTERLEAVED)
    for ladder in range(_INTERLEAVED):
        fourth[ladder::_INTERLEAVED] = richardson(second[ladder::_INTERLEAVED])
    return second, fourth


def _chosen(second: FloatArray, steps: FloatArray, rounding: float) -> float | None:
    """The step that Lepski's rule takes among those of one ladder; None where no step gave an estimate."""
    start = (_STEPS - 1) % _INTERLEAVED  # of the ladder that holds the largest step shown
    estimates, ladder = second[start::_INTERLEAVED], steps[start::_INTERLEAVED]
    usable = np.isfinite(estimates)
    if not usable.any():
        return None
    first = int(np.argmax(usable))  # below it, x + step is x
    estimates, ladder = estimates[first:, None], ladder[first:, None]
    noise = np.maximum(rounding, evident_noise(estimates, ladder))
    rung = int(lepski(richardson(estimates), 4 * noise / ladder[:-1]).rung[0])
    return float(ladder[rung, 0]) if rung >= 0 else None
