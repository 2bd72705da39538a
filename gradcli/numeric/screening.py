"""A cheap first pass where there is much to measure: one pair of real evaluations for each batch.

Complex arithmetic takes two to six times as long as real arithmetic, and a central difference at a single
step is sharper than most elements need. A few batches are measured by the complex step as well, which tells
how far the differences are off. What they leave uncertain goes to the complex step, and so does, later,
whatever disagrees with the analytic gradient.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gradcli.arrays import BoolArray, FloatArray
from gradcli.dataclass import dataclass
from gradcli.numeric import complex_step
from gradcli.numeric.function import Function
from gradcli.numeric.known import Known
from gradcli.numeric.perturb import Perturbation
from gradcli.numeric.structure import Position, Structure

_STEP = 2.0**-14  # by the spread: truncation and round-off of a smooth function are about equal there
ENOUGH = 2.0**-16  # of an element: it is known well enough where its uncertainty is smaller
_BENT = 2.0**-7  # of the largest response: where the two sides differ by more, there may be a kink
_BATCHES = 16  # from so many on it pays
_CALIBRATED = 32  # batches for each that is measured by the complex step beside a difference
_MOST_CALIBRATED = 16
_PART = 1 << 12  # elements that are judged at once
_NUMBERS = 1 << 12  # in all inputs and outputs: with fewer, the calls themselves take most of the time


def pays(function: Function, structure: Structure) -> bool:
    """Whether real arithmetic saves much. A rule by size, not by the clock: reports must repeat."""
    arrays = (*function.point.values(), *function.base)
    return structure.batches >= _BATCHES and sum(array.size for array in arrays) >= _NUMBERS


@dataclass(frozen=True, eq=False)
class Screened:
    """What pairs of evaluations tell of some batches; the first axis goes over these."""

    value: FloatArray  # (batches, *group_shape)
    uncertainty: FloatArray
    enough: BoolArray  # (batches,): whether every element is known well enough


class Screen:
    """Central differences at one step. `exact` measures a batch by the complex step (None: it failed there);
    `rounding` is that of a contracted response."""

    def __init__(
        self,
        perturbation: Perturbation,
        exact: Callable[[Position], FloatArray | None],
        rounding: FloatArray,
        scale: float,
    ) -> None:
        self._perturbation = perturbation
        self._exact = exact
        self._rounding = rounding
        self._step = _STEP * scale
        self._truncation = np.zeros_like(rounding)

    def calibrate(self, positions: Sequence[Position], tick: Callable[[int], None]) -> bool:
        """Compare with the complex step in some batches; whether the differences serve for most elements.

        Cost: 2 evaluations and a complex one for each position.
        """
        needed: list[tuple[Position, FloatArray]] = []
        for position in positions:
            exact = self._exact(position)
            tick(1)
            if exact is None:
                return False
            found = self.measure([position], tick)
            places = self._places(position)
            distance = 2 * np.abs(found.value[0, ...][places] - exact)
            self._truncation[places] = np.fmax(self._truncation[places], distance)
            needed.append((position, exact))
        doubt = self._truncation + self._band(np.zeros_like(self._rounding))
        known = [
            np.ravel((doubt[self._places(position)] <= ENOUGH * np.abs(exact)) | (exact == 0))
            for position, exact in needed
        ]
        return bool(np.mean(np.concatenate(known)) > 0.9)

    def _places(self, position: Position) -> tuple[slice, ...]:
        return self._perturbation.structure.places(position)

    def parts(self, positions: Sequence[Position]) -> Iterator[Sequence[Position]]:
        """Batches that are measured and judged together: few where they are large."""
        count = max(1, _PART // max(1, self._rounding.size))
        return (positions[start : start + count] for start in range(0, len(positions), count))

    def measure(self, positions: Sequence[Position], tick: Callable[[int], None]) -> Screened:
        """Some batches. Cost: 2 evaluations for each."""
        step, selection = self._step, self._perturbation.structure.selection
        plus, minus = np.zeros((2, len(positions), *self._rounding.shape))
        apart = np.full_like(plus, 2 * step)  # the two points, as floating point has them
        moves = ((position, signed) for position in positions for signed in (step, -step))
        responses = self._perturbation.responses(moves)
        for number, position in enumerate(positions):
            here = (number, *self._places(position))
            plus[here] = next(responses)
            tick(1)
            minus[here] = next(responses)
            tick(1)
            there = selection(position)
            apart[here] = self._perturbation.taken(there, step) - self._perturbation.taken(there, -step)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            value = np.asarray(plus - minus)
            value /= apart
            bend = np.abs(plus + minus)
            size = np.maximum(np.abs(plus, out=plus), np.abs(minus, out=minus), out=plus)
            still = size == 0  # no output that counts has moved
            largest = np.max(size, axis=self._group, initial=0.0, keepdims=True)
            bent = bend > _BENT * largest
            if bent.any():
                bent &= bend > 64 * self._rounding
            doubt = self._band(size)
            doubt += self._truncation
            enough = doubt <= ENOUGH * np.abs(value)
            enough &= ~bent
            enough |= still
        return Screened(value, doubt, np.all(enough, axis=self._group))

    @property
    def _group(self) -> tuple[int, ...]:
        """The axes of a group, behind that of the batches."""
        return tuple(range(1, self._rounding.ndim + 1))

    def _band(self, size: FloatArray) -> FloatArray:
        """Round-off of a slope, from outputs as they are and as moved by responses of some size."""
        band = np.asarray(size * (8 * np.finfo(np.float64).eps / self._step))
        band += 4 * self._rounding / self._step
        return band


def screen(
    known: Known, positions: Sequence[Position], tick: Callable[[int], None], screened: set[Position]
) -> Sequence[Position]:
    """Measure batches by one pair of real evaluations each; returns those that need the complex step.
    The others are added to `screened`."""
    step = complex_step.step_of(known)

    def exact(position: Position) -> FloatArray | None:
        return known.perturbation.imaginary(position, step)

    rough = Screen(known.perturbation, exact, _largest_rounding(known), known.scale)
    most = min(max(len(positions) // _CALIBRATED, 2), _MOST_CALIBRATED)
    if not rough.calibrate([positions[i] for i in known.sample(len(positions), most)], tick):
        return positions
    left: list[Position] = []
    done = 0
    for part in rough.parts(positions):
        found = rough.measure(part, tick)
        measured = zip(part, found.value, found.uncertainty, found.enough.tolist(), strict=True)
        for position, value, doubt, enough in measured:
            selection, places = known.moves.selection(position), known.moves.places(position)
            known.value[selection] = value[places]
            known.uncertainty[selection] = doubt[places]
            (screened.add if enough else left.append)(position)
        done += len(part)
        if len(left) > len(positions) // 4:
            return [*left, *positions[done:]]
    return left


def _largest_rounding(known: Known) -> FloatArray:
    """The rounding of a response, for each place of a group, whichever rows move."""
    largest = np.zeros(known.moves.group_shape)
    for position in known.moves.variants():
        places = known.moves.places(position)
        largest[places] = np.maximum(largest[places], known.rounding_at(known.moves, position))
    return largest
