"""Separable axes: which axes of an input can be perturbed all at once.

If row j of the output depends on row j of the input alone, for an axis of each of equal length, all
rows can be moved in one evaluation and the response still be told apart. That is tested here, never
assumed.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.numeric.function import Function, spread


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
        return int(np.prod(self.batch_shape, dtype=np.int64)) if self.group_size else 0

    @property
    def group_size(self) -> int:
        return int(np.prod(self.group_shape, dtype=np.int64))

    def selection(self, position: tuple[int, ...]) -> tuple[int | slice, ...]:
        rest = iter(position)
        return tuple(slice(None) if axis in self.separable else next(rest) for axis in range(len(self.shape)))

    def batch_of(self, index: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The batch position and the place in its group of one element."""
        position = tuple(i for axis, i in enumerate(index) if axis not in self.separable)
        return position, tuple(index[axis] for axis in self.separable)

    def contract(self, weights: tuple[Array, ...], changes: list[FloatArray]) -> FloatArray:
        """Sum weights * changes over everything but the separable axes; shape `group_shape`."""
        total: FloatArray | None = None
        for weight, change, partner, rank in zip(weights, changes, self.partners, self.ranks, strict=True):
            axes = list(range(rank))
            part = np.einsum(weight, axes, change, axes, list(partner))
            total = part if total is None else total + part
        return np.zeros(self.group_shape) if total is None else np.asarray(total)


def discover(
    function: Function, name: str, noise: tuple[FloatArray, ...], rng: np.random.Generator
) -> Structure:
    """Find the separable axes of one input.

    For every bit of the row number, the rows with that bit set are moved by random amounts, then those
    without it; the others must stay as they were, to the bit or to within measured rounding (`noise`:
    a matrix product need not be row-independent to the last bit). Two rows differ in some bit, so no
    dependence between them goes unseen.
    Cost: at most 2 log2(n) evaluations for an axis of length n; one or two where it is not separable.
    """
    array = function.point[name]
    amounts = spread(array) * rng.choice([-1.0, 1.0], array.shape) * rng.uniform(0.5, 1.5, array.shape)
    separable: list[int] = []
    partners: list[list[int]] = [[] for _ in function.base]
    for axis, length in enumerate(array.shape):
        candidates = [
            [b for b in range(out.ndim) if out.shape[b] == length and b not in taken]
            for out, taken in zip(function.base, partners, strict=True)
        ]
        if length < 2 or not all(candidates):
            continue
        matched = _match(function, name, axis, amounts, candidates, noise)
        if matched is not None:
            separable.append(axis)
            for taken, partner in zip(partners, matched, strict=True):
                taken.append(partner)
    ranks = tuple(out.ndim for out in function.base)
    return Structure(array.shape, tuple(separable), tuple(tuple(p) for p in partners), ranks)


def _match(
    function: Function,
    name: str,
    axis: int,
    amounts: FloatArray,
    candidates: list[list[int]],
    noise: tuple[FloatArray, ...],
) -> list[int] | None:
    """The output axis that goes with an input axis, for each output; None where there is none."""
    array = function.point[name]
    length = array.shape[axis]
    rows = np.arange(length)
    along = tuple(length if a == axis else 1 for a in range(array.ndim))
    for bit, wanted in product(range((length - 1).bit_length()), (1, 0)):
        moved = (rows >> bit) & 1 == wanted
        changes = function.change({name: array + amounts * moved.reshape(along)})
        if changes is None:
            return None
        still = np.flatnonzero(~moved)
        candidates = [
            [b for b in axes if _unmoved(change, level, b, still)]
            for axes, change, level in zip(candidates, changes, noise, strict=True)
        ]
        if not all(candidates):
            return None
    return [axes[0] for axes in candidates]


def _unmoved(change: FloatArray, noise: FloatArray, axis: int, rows: Array) -> bool:
    """Whether some rows stayed as they were: the same bits, or the same to within rounding."""
    others = tuple(a for a in range(change.ndim) if a != axis)
    changed = np.flatnonzero(np.any(change, axis=others))
    suspicious = np.intersect1d(rows, changed, assume_unique=True)
    if not suspicious.size:
        return True
    still = np.take(change, suspicious, axis)
    return bool(np.all(np.abs(still) <= 8 * np.take(noise, suspicious, axis)))  # False for NaN
