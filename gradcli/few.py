"""A verdict from a handful of evaluations: for code so slow that a whole check does not fit the budget.

Along one random direction the gradient claims how the outputs change, and four evaluations of forward say
how they do. That is a verdict about every element at once, if a coarse one: what it calls wrong is off by a
visible part, and what it passes could hold an error in one element up to the size that is reported.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradcli.arrays import FloatArray, coarsest
from gradcli.clock import OutOfTime
from gradcli.dataclass import dataclass
from gradcli.digits import telling_apart
from gradcli.errors import BrokenPromise
from gradcli.numeric import spread
from gradcli.numeric.function import random_moves
from gradcli.observed import Observed
from gradcli.result import FAIL, INCONCLUSIVE, PASS, Gradient, Violation
from gradcli.uncompared import uncompared

EVALUATIONS = 4  # for each direction
_MOST = 3  # directions for each input
_VISIBLE = 1e-3  # of the typical change: an error that is called wrong
_PLAIN = 2e-2  # of it: one that needs no second direction
_KNOWN = 1e-3  # of it: what may be left unknown of a gradient that passes
_DOUBT = 10.0  # times the difference between two steps
_LEAST = 1e-3  # of its spread: how far an input moves at least, where another one would drown it


@dataclass(frozen=True, eq=False)
class _Slope:
    """What was claimed and measured along one direction."""

    claimed: float
    measured: float
    doubt: float
    typical: float  # size of a sum of elements along it
    least: float  # that an element moves

    @property
    def error(self) -> float:
        return abs(self.claimed - self.measured)

    @property
    def allowed(self) -> float:
        return max(self.doubt, 1e-6 * self.typical)

    def is_off(self, part: float) -> bool:
        return bool(self.error > max(self.allowed, part * self.typical))

    @property
    def agrees(self) -> bool:
        return bool(self.error <= self.allowed <= _KNOWN * self.typical)


class Few:
    """Random directions through one input or through all of them, as many as time allows."""

    def __init__(self, seen: Observed, rng: np.random.Generator) -> None:
        self.subject = seen.subject
        self.outputs = tuple(out.astype(np.float64) for out in seen.outputs)
        self.cotangents = tuple(c.astype(np.float64) for c in seen.cotangents)
        self.gradients = seen.gradients
        self.rng = rng
        self._looked = False
        inputs = [self.subject.problem.inputs[name] for name in seen.gradients]
        self.precision = coarsest((*inputs, *seen.outputs, *seen.gradients.values()))

    def run(self, add: Callable[[Gradient], None], violations: list[Violation]) -> None:
        """Judge each gradient by itself if there is time for that, else all of them together."""
        names = [name for name in self.gradients if self.gradients[name].size]
        alone = self._fits(EVALUATIONS * len(names)) or len(names) == 1
        slopes: dict[str, list[_Slope]] = {name: [] for name in names}
        together: list[_Slope] = []
        try:
            if not alone:
                self._look(names, together)
            if not together or self._verdict(together)[0] == INCONCLUSIVE:
                for name in names:
                    self._look([name], slopes[name])
        except (OutOfTime, BrokenPromise):
            pass
        for name in names:
            own = slopes[name] or (together if self._verdict(together)[0] == PASS else [])
            add(self._judged(name, own))
        if self._verdict(together)[0] == FAIL:
            violations.append(Violation("GC101", _off(names, together[-1])))
        violations += [
            Violation("GC101", _off([name], slopes[name][-1]), name)
            for name in names
            if self._verdict(slopes[name])[0] == FAIL
        ]

    def _look(self, names: Sequence[str], slopes: list[_Slope]) -> None:
        """Measure until there is a verdict, along a few directions; raises OutOfTime.

        The very first one, and a second where the first is off, may overdraw the budget a little.
        """
        while len(slopes) < _MOST and (not slopes or self._verdict(slopes)[0] == INCONCLUSIVE):
            urgent = not self._looked or any(slope.is_off(_VISIBLE) for slope in slopes)
            seconds = EVALUATIONS * self.subject.calls.forward_seconds
            if not self._fits(EVALUATIONS) and not (urgent and self.subject.clock.grace(seconds)):
                raise OutOfTime
            self._looked = True
            slopes.append(self._slope(names))

    def _fits(self, evaluations: int) -> bool:
        return self.subject.clock.affords(evaluations * self.subject.calls.forward_seconds)

    def _verdict(self, slopes: Sequence[_Slope]) -> tuple[str, str]:
        """An error that is plain needs one direction, one that is visible two; any doubt, no verdict."""
        if not slopes:
            return INCONCLUSIVE, "no time to compare"
        if any(slope.is_off(_PLAIN) for slope in slopes) or (
            len(slopes) > 1 and all(slope.is_off(_VISIBLE) for slope in slopes)
        ):
            return FAIL, "off along a direction"
        if all(slope.agrees for slope in slopes):
            return PASS, ""
        off = any(slope.error > slope.allowed for slope in slopes)
        return INCONCLUSIVE, "probes are off" if off else "too rough to tell"

    def _judged(self, name: str, slopes: Sequence[_Slope]) -> Gradient:
        verdict, note = self._verdict(slopes)
        found = uncompared(name, self.gradients[name], verdict, note)
        if not slopes:
            return replace(found, method="probe", detectable=float("inf"))
        if verdict == PASS and not self.gradients[name].any():
            note = "zero"
        seen = min(slope.allowed / slope.least for slope in slopes)
        evaluations = EVALUATIONS * len(slopes)
        return replace(
            found,
            note=note,
            method="probe",
            probes=len(slopes),
            detectable=seen,
            evaluations=evaluations,
        )

    def _slope(self, names: Sequence[str]) -> _Slope:
        """Measure along one direction by differences of two steps; raises BrokenPromise or OutOfTime."""
        moves = self._moves(names)
        step = self.precision**0.25
        wide, bend_wide, _ = self._differences(moves, step)
        near, bend, claimed = self._differences(moves, step / 2)
        error = (4 * near - wide) / 3
        change = sum(
            float(np.sum((c * out) ** 2)) for c, out in zip(self.cotangents, self.outputs, strict=True)
        )
        rounding = 32 * self.precision * np.sqrt(change) / step
        doubt = _DOUBT * abs(near - wide) + float(rounding)
        typical = self._typical(moves)
        if bend > 0.75 * bend_wide and bend > _VISIBLE * typical:
            doubt = float("inf")  # a kink at the point: any value between two slopes may be right
        if not np.isfinite(error):
            doubt = float("inf")
        least = min(float(np.min(np.abs(move[move != 0]), initial=np.inf)) for move in moves.values())
        measured = claimed - error
        return _Slope(claimed, measured, doubt, max(typical, abs(measured), 1e-300), least)

    def _moves(self, names: Sequence[str]) -> dict[str, FloatArray]:
        """A random direction in which no input drowns another."""
        inputs = self.subject.problem.inputs
        moves = {name: spread(inputs[name]) * random_moves(self.rng, inputs[name].shape) for name in names}
        if len(names) == 1:
            return moves
        sizes = {name: self._typical({name: move}) for name, move in moves.items()}
        smallest = min((size for size in sizes.values() if size), default=0.0)
        return {
            name: move * max(_LEAST, min(1.0, smallest / sizes[name])) if sizes[name] else move
            for name, move in moves.items()
        }

    def _typical(self, moves: Mapping[str, FloatArray]) -> float:
        squares = (float(np.sum((self.gradients[n].astype(np.float64) * m) ** 2)) for n, m in moves.items())
        return float(np.sqrt(sum(squares)))

    def _differences(self, moves: Mapping[str, FloatArray], step: float) -> tuple[float, float, float]:
        """Claimed minus measured slope, how much the slopes of the two sides differ, and what is claimed."""
        inputs = self.subject.problem.inputs
        factor = self.subject.problem.declared.factor
        changes, claimed = [], 0.0
        for sign in (1.0, -1.0):
            point = {name: array.copy() for name, array in inputs.items()}
            for name, move in moves.items():
                point[name] = (inputs[name].astype(np.float64) + sign * step * move).astype(
                    inputs[name].dtype
                )
                taken = point[name].astype(np.float64) - inputs[name].astype(np.float64)
                part = float(np.sum(self.gradients[name].astype(np.float64) * taken))
                claimed += sign * part / (2 * step * factor(name))
            found = self.subject.forward(point).outputs
            changes.append(
                sum(
                    float(np.sum(c * (out.astype(np.float64) - base)))
                    for c, out, base in zip(self.cotangents, found, self.outputs, strict=True)
                )
            )
        up, down = changes
        return claimed - (up - down) / (2 * step), abs(up + down) / step, claimed


def _off(names: Sequence[str], slope: _Slope) -> str:
    which = (
        f"the gradient of {names[0]} is" if len(names) == 1 else f"of {', '.join(names)}, some gradient is"
    )
    digits = telling_apart(slope.error / max(abs(slope.claimed), abs(slope.measured)))
    return (
        f"{which} wrong: along a random direction it gives {slope.claimed:.{digits}g}, "
        f"forward changes by {slope.measured:.{digits}g} ± {slope.allowed:.1e} (no time to look at elements)"
    )
