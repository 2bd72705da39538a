"""Separable axes: which axes of an input can be perturbed all at once.

If row j of the output depends on row j of the input alone, for an axis of each of equal length, all
rows can be moved in one evaluation and the response still be told apart. That is tested here, never
assumed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from math import prod

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray
from gradcli.dataclass import dataclass
from gradcli.numeric.function import Function, random_moves
from gradcli.numeric.rounding import Noise
from gradcli.numeric.scale import scale_of

# As einsum names axes; the module `string` has them as well, and takes time to import.
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, eq=False)
class Structure:
    """The separable axes of one input and how outputs contract onto them.

    A batch moves one position of the other axes, in all rows of the separable ones at once.
    """

    shape: tuple[int, ...]
    separable: tuple[int, ...]  # axes of the input
    partners: tuple[tuple[int, ...], ...]  # for each output, its axis for each separable axis
    ranks: tuple[int, ...]  # of the outputs

    @property
    def group_shape(self) -> tuple[int, ...]:
        """Shape of what one batch measures: the lengths of the separable axes."""
        return tuple(self.shape[axis] for axis in self.separable)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return tuple(n for axis, n in enumerate(self.shape) if axis not in self.separable)

    @property
    def batches(self) -> int:
        return prod(self.batch_shape) if self.group_size else 0

    @property
    def group_size(self) -> int:
        return prod(self.group_shape)

    def selection(self, position: tuple[int, ...]) -> tuple[int | slice, ...]:
        places: list[int | slice] = [slice(None)] * len(self.shape)
        for axis, place in zip(self._moving, position, strict=True):
            places[axis] = place
        return tuple(places)

    @cached_property
    def _moving(self) -> tuple[int, ...]:
        """The axes of the input that are moved one position at a time."""
        return tuple(axis for axis in range(len(self.shape)) if axis not in self.separable)

    def batch_of(self, index: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The batch position and the place in its group of one element."""
        position = tuple(i for axis, i in enumerate(index) if axis not in self.separable)
        return position, tuple(index[axis] for axis in self.separable)

    @cached_property
    def _products(self) -> list[Callable[[Array, Array], FloatArray]]:
        """For each output, the product of two of its shape, summed over all axes that have no partner."""
        names = [_LETTERS[:rank] for rank in self.ranks]
        kept = ["".join(n[axis] for axis in axes) for n, axes in zip(names, self.partners, strict=True)]
        return [
            np.multiply if n == k else partial(np.einsum, f"{n},{n}->{k}")
            for n, k in zip(names, kept, strict=True)
        ]

    def contract(self, weights: tuple[Array, ...], changes: list[FloatArray]) -> FloatArray:
        """Sum weights * changes over everything but the separable axes; shape `group_shape`."""
        total: FloatArray | None = None
        for product, weight, change in zip(self._products, weights, changes, strict=True):
            part = product(weight, change)
            total = part if total is None else total + part
        return np.zeros(self.group_shape) if total is None else np.asarray(total)


@dataclass(frozen=True)
class Pairing:
    """A separable axis of an input and, for each output, the axis that goes with it."""

    axis: int
    partners: tuple[int, ...]


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
    Cost: log2(n) evaluations and a few for an axis of length n; one or two where it is not separable.
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
            amounts = _amounts(function, name, noise, rng)
        matched = _match(function, {name: axis}, {name: amounts}, candidates, noise)
        if matched is not None:
            found.append(Pairing(axis, tuple(matched)))
    found.sort(key=lambda pairing: pairing.axis)
    partners = tuple(tuple(pairing.partners[i] for pairing in found) for i in range(len(function.base)))
    ranks = tuple(out.ndim for out in function.base)
    return Structure(array.shape, tuple(pairing.axis for pairing in found), partners, ranks)


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
    amounts = {name: _amounts(function, name, noise, rng) for name in found}
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


def _amounts(function: Function, name: str, noise: Noise, rng: np.random.Generator) -> FloatArray:
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
    subsets = [rows for rows in _subsets(amounts[name].shape[axis]) if rows.any() and not rows.all()]
    moves = (
        {
            name: function.point[name]
            + amounts[name] * np.expand_dims(rows, tuple(a for a in range(amounts[name].ndim) if a != axis))
            for name, axis in axes.items()
        }
        for rows in subsets
    )
    for rows, changes in zip(subsets, function.changes(moves), strict=True):
        if changes is None:
            return None
        still = np.flatnonzero(~rows)
        candidates = [
            [b for b in left if _unmoved(change, level, b, still)]
            for left, change, level in zip(candidates, changes, noise, strict=True)
        ]
        if not all(candidates):
            return None
    return [left[0] for left in candidates]


def _subsets(length: int) -> BoolArray:
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


def _unmoved(change: FloatArray, noise: FloatArray, axis: int, rows: Array) -> bool:
    """Whether some rows stayed as they were: the same bits, or the same to within rounding."""
    still = np.take(change, rows, axis)
    return not still.any() or bool(np.all(np.abs(still) <= 8 * np.take(noise, rows, axis)))  # False for NaN
