"""Separable axes: which axes of an input can be perturbed all at once.

If row j of the output depends on row j of the input alone, for an axis of each of equal length, all
rows can be moved in one evaluation and the response still be told apart. That is tested here, never
assumed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import product
from math import prod

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray
from gradcli.dataclass import dataclass
from gradcli.numeric.function import Function, random_moves
from gradcli.numeric.rounding import Noise
from gradcli.numeric.scale import scale_of
from gradcli.numeric.windows import Turns, Windows

_SHORT = 4  # rows of an axis that ties may keep apart by luck
_FEW = 1 << 10

Position = tuple[int, ...]
Selection = tuple[int | slice, ...]

# As einsum names axes; the module `string` has them as well, and takes time to import.
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Pairing:
    """An axis of an input whose rows move together and, for each output, the axis that goes with it.

    Row j reaches row j of the outputs alone, or a window of rows where there are `windows`.
    """

    axis: int
    partners: tuple[int, ...]
    windows: Windows | None = None


@dataclass(frozen=True, eq=False)
class Structure:
    """Which elements of one input move together, and how outputs contract onto them.

    A batch moves one position of the other axes in all rows of the separable ones at once, and in one of the
    sets of rows of those that have windows.
    """

    shape: tuple[int, ...]
    pairings: tuple[Pairing, ...]  # by the input's axes, in order
    ranks: tuple[int, ...]  # of the outputs

    @cached_property
    def separable(self) -> tuple[int, ...]:
        """Axes of the input whose rows all move together."""
        return tuple(pairing.axis for pairing in self.pairings if pairing.windows is None)

    @property
    def alone(self) -> tuple[int, ...]:
        """Axes of the input whose rows move one at a time."""
        return tuple(axis for axis, turns in self._moving if turns is None)

    @property
    def partners(self) -> tuple[tuple[int, ...], ...]:
        """For each output, its axis for each that moves together."""
        return tuple(tuple(pairing.partners[i] for pairing in self.pairings) for i in range(len(self.ranks)))

    @cached_property
    def group_shape(self) -> tuple[int, ...]:
        """Shape of what one batch measures, at most: `places` says how much of it a batch has."""
        return tuple(p.windows.turns.longest if p.windows else self.shape[p.axis] for p in self.pairings)

    @cached_property
    def batch_shape(self) -> tuple[int, ...]:
        return tuple(len(turns.slices) if turns else self.shape[axis] for axis, turns in self._moving)

    @property
    def batches(self) -> int:
        return prod(self.batch_shape) if self.group_size else 0

    @property
    def group_size(self) -> int:
        return prod(self.group_shape)

    def selection(self, position: Position) -> Selection:
        places: list[int | slice] = [slice(None)] * len(self.shape)
        for (axis, turns), place in zip(self._moving, position, strict=True):
            places[axis] = turns.slices[place] if turns else place
        return tuple(places)

    @cached_property
    def _moving(self) -> tuple[tuple[int, Turns | None], ...]:
        """The axes of the input in which a batch has a position, each with its sets of rows."""
        windowed = {p.axis: p.windows.turns for p in self.pairings if p.windows}
        axes = (axis for axis in range(len(self.shape)) if axis not in self.separable)
        return tuple((axis, windowed.get(axis)) for axis in axes)

    @cached_property
    def _windowed(self) -> tuple[tuple[int, int, Windows], ...]:
        """Of each axis with windows, its place in a group and its place in a batch's position."""
        axes = [axis for axis, _ in self._moving]
        return tuple(
            (i, axes.index(p.axis), p.windows) for i, p in enumerate(self.pairings) if p.windows is not None
        )

    def starts(self, position: Position) -> Position:
        """What batches with the same rows moving together have in common."""
        if not self._windowed:
            return ()
        return tuple(position[place] for _, place, _ in self._windowed)

    def places(self, position: Position) -> tuple[slice, ...]:
        """The part of a group that a batch has: the last row may lie outside of the input."""
        if not self._windowed:
            return self._every_place
        counts = list(self.group_shape)
        for i, place, windows in self._windowed:
            counts[i] = windows.turns.count(position[place])
        return tuple(map(slice, counts))

    @cached_property
    def _every_place(self) -> tuple[slice, ...]:
        return tuple(map(slice, self.group_shape))

    def variants(self) -> Iterator[Position]:
        """A batch for each set of rows that move together."""
        return product(*(range(len(turns.slices) if turns else 1) for _, turns in self._moving))

    def group_at(self, position: Position) -> tuple[int, ...]:
        """The shape of what a batch measures."""
        return tuple(place.stop for place in self.places(position)) if self._windowed else self.group_shape

    def batch_of(self, index: tuple[int, ...]) -> tuple[Position, tuple[int, ...]]:
        """The batch position and the place in its group of one element."""
        position = tuple(turns.of(index[axis])[0] if turns else index[axis] for axis, turns in self._moving)
        return position, tuple(
            p.windows.turns.of(index[p.axis])[1] if p.windows else index[p.axis] for p in self.pairings
        )

    @cached_property
    def _products(self) -> list[Callable[[Array, Array], FloatArray]]:
        """For each output, the product of two of its shape, summed over all axes that have no partner."""
        names = [_LETTERS[:rank] for rank in self.ranks]
        kept = ["".join(n[axis] for axis in axes) for n, axes in zip(names, self.partners, strict=True)]
        return [
            np.multiply if n == k else partial(np.einsum, f"{n},{n}->{k}")
            for n, k in zip(names, kept, strict=True)
        ]

    def contract(
        self, weights: tuple[Array, ...], changes: list[FloatArray], position: Position = ()
    ) -> FloatArray:
        """Sum weights * changes over everything but what moves together; shape `group_at(position)`."""
        total: FloatArray | None = None
        for output, (multiply, weight, change) in enumerate(
            zip(self._products, weights, changes, strict=True)
        ):
            part = multiply(weight, change)
            for axis, place, windows in self._windowed:
                rows = windows.turns.slices[position[place]]
                part = windows.each[output].sums(part, axis, rows)
            total = part if total is None else total + part
        return np.zeros(self.group_at(position)) if total is None else np.asarray(total)


def discover(
    function: Function,
    name: str,
    noise: tuple[FloatArray, ...],
    rng: np.random.Generator,
    known: Sequence[Pairing] = (),
) -> Structure:
    """Find the separable axes of one input, beside those that are `known` already.

    Some rows at a time are moved by random amounts; the others must stay as they were, to the bit or to
    within measured rounding (`noise`: a matrix product need not be row-independent to the last bit). Of any
    two rows each moves once while the other stays, so no dependence between them goes unseen.
    Cost: log2(n) evaluations and a few for an axis of length n, twice that for few rows with ties; one or two
    where it is not separable.
    """
    array = function.point[name]
    amounts: FloatArray | None = None
    found = list(known)
    for axis, length in enumerate(array.shape):
        taken = [{pairing.partners[i] for pairing in found} for i in range(len(function.base))]
        candidates = [
            [b for b in range(out.ndim) if out.shape[b] == length and b not in used]
            for out, used in zip(function.base, taken, strict=True)
        ]
        if length < 2 or not all(candidates) or any(pairing.axis == axis for pairing in found):
            continue
        if amounts is None:
            amounts = random_amounts(function, name, noise, rng)
        matched = _match(function, {name: axis}, {name: amounts}, candidates, noise)
        if matched is not None and length <= _SHORT and _has_ties(array):
            # Of the tied only what moves upwards may reach a maximum: by luck that keeps few rows apart.
            matched = _match(function, {name: axis}, {name: -amounts}, [[b] for b in matched], noise)
        if matched is not None:
            found.append(Pairing(axis, tuple(matched)))
    found.sort(key=lambda pairing: pairing.axis)
    return Structure(array.shape, tuple(found), tuple(out.ndim for out in function.base))


def _has_ties(array: Array) -> bool:
    """Whether numbers occur more than once, among the first few."""
    few = np.sort(array.flat[:_FEW])
    return bool(np.any(few[1:] == few[:-1]))


def discover_together(
    function: Function, names: Iterable[str], noise: tuple[FloatArray, ...], rng: np.random.Generator
) -> dict[str, list[Pairing]]:
    """Separable axes that several inputs share, tested for all of them in the same evaluations.

    Axes are aligned from the right with those of the outputs, as NumPy aligns them. What is not found here,
    `discover` may still find. Cost: that of one input for each axis of the outputs.
    """
    found: dict[str, list[Pairing]] = {name: [] for name in names}
    if len(found) < 2:
        return found
    ranks = [out.ndim for out in function.base]
    amounts = {name: random_amounts(function, name, noise, rng) for name in found}
    for back in range(1, min(ranks, default=0) + 1):
        length = function.base[0].shape[-back]
        if length < 2 or any(out.shape[-back] != length for out in function.base):
            continue
        axes = {
            name: moves.ndim - back
            for name, moves in amounts.items()
            if moves.ndim >= back and moves.shape[-back] == length
        }
        if len(axes) < 2:
            continue
        partners = [rank - back for rank in ranks]
        if _match(function, axes, amounts, [[axis] for axis in partners], noise) is not None:
            for name, axis in axes.items():
                found[name].append(Pairing(axis, tuple(partners)))
    return found


def random_amounts(function: Function, name: str, noise: Noise, rng: np.random.Generator) -> FloatArray:
    array = function.point[name]
    amounts = random_moves(rng, array.shape)
    amounts *= scale_of(function, name, noise, rng)
    return amounts


def _match(
    function: Function,
    axes: Mapping[str, int],
    amounts: Mapping[str, FloatArray],
    candidates: list[list[int]],
    noise: tuple[FloatArray, ...],
) -> list[int] | None:
    """The output axis that goes with an axis of an input, or of several inputs, for each output; None where
    there is none."""
    name, axis = next(iter(axes.items()))
    subsets = [rows for rows in separating(amounts[name].shape[axis]) if rows.any() and not rows.all()]
    moves = (
        {
            name: function.point[name] + amounts[name] * along(rows.astype(np.float64), axis, amounts[name])
            for name, axis in axes.items()
        }
        for rows in subsets
    )
    for rows, changes in zip(subsets, function.changes(moves), strict=True):
        if changes is None:
            return None
        candidates = [
            [b for b in left if unmoved(change, level, b, ~rows)]
            for left, change, level in zip(candidates, changes, noise, strict=True)
        ]
        if not all(candidates):
            return None
    return [left[0] for left in candidates]


def separating(length: int) -> BoolArray:
    """Sets of rows such that for any two, in either order, one set holds the first and not the second.

    The rows' numbers in binary and, behind these, how many zeros they have: where one number has ones only
    where the other has, it has more zeros. Shape: (sets, length).
    Source: Berger (1961), Information and Control 4(1).
    """
    rows = np.arange(length)
    width = (length - 1).bit_length()
    bits = (rows >> np.arange(width)[:, None]) & 1
    zeros = width - bits.sum(axis=0)
    count = (zeros >> np.arange(width.bit_length())[:, None]) & 1
    return np.concatenate([bits, count]).astype(bool)


def along(rows: Array, axis: int, array: Array) -> Array:
    """Something about the rows of an axis, in a shape that goes with an array."""
    return rows.reshape([-1 if a == axis else 1 for a in range(array.ndim)])


def unmoved(change: FloatArray, noise: FloatArray, axis: int, rows: BoolArray) -> bool:
    """Whether some rows stayed as they were: the same bits, or the same to within rounding."""
    moved = np.asarray(change != 0)
    moved &= along(rows, axis, change)
    if not moved.any():
        return True
    places = np.flatnonzero(rows)
    still = np.abs(np.take(change, places, axis))
    return bool(np.all(still <= 8 * np.take(noise, places, axis)))  # False for NaN
