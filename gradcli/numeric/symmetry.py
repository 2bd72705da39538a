"""A symmetric Jacobian: its product with the cotangent from the left is the one from the right.

Softmax, batch normalisation, a step along a gradient, the equations of an energy at rest: all derivatives
of <cotangent, f> are then the derivative of f along the cotangent, and one evaluation measures what takes one
for each batch otherwise. It is tested, never assumed: along a random direction w, what the cotangent v sees
of J w is what w sees of J v, or J is not symmetric where v looks.
"""

from collections.abc import Callable, Sequence

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray, largest
from gradcli.dataclass import dataclass
from gradcli.numeric import complex_step
from gradcli.numeric.function import jitter_key, jittered, random_moves
from gradcli.numeric.known import Known
from gradcli.numeric.screening import ENOUGH
from gradcli.numeric.structure import Position

_BATCHES = 32  # from so many on it pays to try
_SYMMETRIC = 2.0**-36  # of the sizes of what is summed: by less are two sums off that only round
_CONFIRMED = 16  # batches
_POINTS = 3  # at which it is tested and measured
COST = 2 * _POINTS  # evaluations


@dataclass(frozen=True, eq=False)
class Symmetric:
    """The gradient as the derivative along the cotangent; arrays have the input's shape."""

    value: FloatArray
    uncertainty: FloatArray
    poor: BoolArray  # the shape of the batches: which hold an element that is not known well enough

    @property
    def left(self) -> int:
        """The number of batches that are to be measured one by one."""
        return int(np.count_nonzero(self.poor))

    def take(self, known: Known, positions: Sequence[Position], taken: set[Position]) -> Sequence[Position]:
        """Take all batches over; those that are known well enough are added to `taken`, others returned."""
        np.copyto(known.value, self.value)
        np.copyto(known.uncertainty, self.uncertainty)
        left = [position for position in positions if self.poor[position]]
        taken.update(position for position in positions if not self.poor[position])
        return left


def find(known: Known) -> Symmetric | None:
    """The gradient, where the Jacobian by this input is symmetric; by the complex step, which must be valid.

    Cost: 2 complex evaluations where it is not, 6 where it is; none where the outputs are not one array of
    the input's shape, or few batches would do.
    """
    structure = known.structure
    if structure.batches < _BATCHES or len(known.cotangents) != 1:
        return None
    if known.function.base[0].shape != structure.shape or structure.partners[0] != structure.separable:
        return None
    value, narrow = np.zeros(0), np.zeros(0, dtype=np.float32)
    sizes, off = value, 0.0
    for number in range(_POINTS):
        # Other digits round otherwise; and another direction each time.
        slope, apart, sizes = _seen(known, jitter_key(known.rng) if number else None)
        if slope is None:
            return None
        off = max(off, float(np.max(np.abs(apart) / np.where(sizes > 0, sizes, 1.0), initial=0.0)))
        if not off <= _SYMMETRIC:
            return None
        if number == 0:
            # A few digits will do, and memory counts; what is too small for them is measured again on demand.
            value, narrow = slope, np.zeros(slope.shape, dtype=np.float32)
        else:
            slope -= value
            np.maximum(narrow, np.abs(slope, out=slope), out=narrow, casting="same_kind")
        del slope  # before the next
    doubt = narrow.astype(np.float64)
    doubt += 4 * np.finfo(np.float64).eps * np.abs(value)
    doubt += known.spread_over(4 * off * sizes)
    poor = np.any(~(doubt <= ENOUGH * np.abs(value)), axis=structure.separable)
    found = Symmetric(value, doubt, np.asarray(poor))
    return found if found.left <= structure.batches // 4 else None


def confirm(known: Known, positions: Sequence[Position], tick: Callable[[int], None]) -> bool:
    """Whether a few of some batches are found to be the same one by one; they are known by that then.

    Cost: 16 complex evaluations, and those for their rounding.
    """
    some = [positions[i] for i in known.sample(len(positions), _CONFIRMED)]
    before = [(known.value[s].copy(), known.uncertainty[s].copy()) for s in map(known.moves.selection, some)]
    complex_step.measure(known, some, tick)
    return all(
        bool(np.all(np.abs(known.value[s] - value) <= 4 * (known.uncertainty[s] + doubt)))
        for s, (value, doubt) in zip(map(known.moves.selection, some), before, strict=True)
    )


def _seen(known: Known, key: int | None) -> tuple[FloatArray | None, FloatArray, FloatArray]:
    """The derivative along the cotangent; how far what it and a random direction see of each other's
    derivatives is apart, and the size of what is summed, for each place in a group.

    `key`: that of a jitter of the point. None where the code could not be evaluated. These arrays are as
    large as the input, so they come one after the other, and the direction is drawn again.
    """
    contract, (cotangent,), shape = known.structure.contract, known.cotangents, known.structure.shape
    nothing = np.zeros(known.structure.group_shape)
    seed = int(known.rng.integers(1 << 62))
    beside = _along(known, key, lambda: random_moves(np.random.default_rng(seed), shape))
    if beside is None:
        return None, nothing, nothing
    apart = contract((cotangent,), [beside])
    sizes = contract((np.abs(cotangent),), [np.abs(beside, out=beside)])
    del beside
    there = _along(known, key, lambda: cotangent)
    if there is None:
        return None, nothing, nothing
    direction = random_moves(np.random.default_rng(seed), shape)
    apart -= contract((direction,), [there])
    sizes += contract((np.abs(direction, out=direction),), [np.abs(there)])
    return there, apart, sizes


def _along(known: Known, key: int | None, direction: Callable[[], FloatArray]) -> FloatArray | None:
    """The derivative of the output along a direction; None where the code could not be evaluated."""

    def at(array: Array) -> Array:
        return array if key is None else jittered(array, key)

    steps = direction()
    step = complex_step.step_of(known) / (largest(steps) or 1.0)
    moved = np.array(at(known.function.point[known.name]), dtype=np.complex128)
    np.multiply(steps, step, out=moved.imag)
    del steps
    point = {name: at(array) for name, array in known.function.point.items() if name != known.name}
    outputs = known.function.at({**point, known.name: moved})
    del moved
    return None if outputs is None else np.asarray(np.imag(outputs[0]) / step)
