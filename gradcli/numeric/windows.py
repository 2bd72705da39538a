"""Rows of an input that reach a few neighbouring places of each output, as in a convolution.

Rows whose windows have no place in common can move together, and what each place does is that of the one row
that reaches it. Where an axis has no ends (periodic boundaries), its last rows are neighbours of the first.
"""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from gradcli.arrays import BoolArray, FloatArray
from gradcli.dataclass import dataclass

IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Window:
    """The places along an axis of one output that each row can reach: `first` to before `last`.

    Shapes: (rows,). Where a row reaches none, they are equal. Both rise with the row, or both fall. Where the
    axis goes `around`, places are counted on beyond its ends.
    """

    first: IntArray
    last: IntArray
    length: int  # of the axis
    around: bool

    def reached(self, rows: BoolArray) -> BoolArray:
        """Which places are in the window of one of some rows."""
        edges = np.zeros(3 * self.length + 1, dtype=np.intp)
        np.add.at(edges, self.first[rows] + self.length, 1)
        np.add.at(edges, self.last[rows] + self.length, -1)
        return np.asarray(np.any(np.cumsum(edges[:-1]).reshape(3, self.length) > 0, axis=0))

    def apart(self) -> int:
        """How far apart rows must be to have no place in common."""
        rows = len(self.first)
        first, last = self.first, self.last
        if self.around:
            turn = self.length if first[-1] > first[0] else -self.length
            first, last = (np.concatenate([edge, edge + turn]) for edge in (first, last))
        for distance in range(1, rows):
            near, far = slice(None, -distance), slice(distance, None)
            if np.all((last[near] <= first[far]) | (last[far] <= first[near])):
                return distance
        return rows

    def sums(self, values: FloatArray, axis: int, rows: slice) -> FloatArray:
        """Sums over the windows of some rows, which have no place in common, along an axis."""
        first, last = self.first[rows], self.last[rows]
        held = np.flatnonzero(first < last)
        held = held[np.argsort(first[held])]
        shape = list(values.shape)
        shape[axis] = len(first)
        result = np.zeros(shape)
        if held.size:
            edges = np.stack([first[held], last[held]], axis=1).ravel()
            if self.around:
                values = np.roll(values, -edges[0], axis)
                edges -= edges[0]
            if edges[-1] == self.length:
                edges = edges[:-1]
            here = np.add.reduceat(values, edges, axis)  # windows, and what is between them
            np.moveaxis(result, axis, 0)[held] = np.moveaxis(here, axis, 0)[::2]
        return result


@dataclass(frozen=True)
class Turns:
    """Sets of rows that move together, at least `period` apart, one set after the other.

    Where an axis goes around, rows behind the last whole period are left over, and move alone.
    """

    rows: int
    period: int
    around: bool

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        together = tuple(slice(start, self.whole, self.period) for start in range(self.period))
        return together + tuple(slice(row, row + 1) for row in range(self.whole, self.rows))

    @property
    def whole(self) -> int:
        """Rows that move together with others."""
        return self.rows // self.period * self.period if self.around else self.rows

    @property
    def longest(self) -> int:
        return -(-self.whole // self.period)

    def count(self, turn: int) -> int:
        return len(range(*self.slices[turn].indices(self.rows)))

    def of(self, row: int) -> tuple[int, int]:
        """The set that a row is in, and its place there."""
        if row < self.whole:
            return row % self.period, row // self.period
        return self.period + row - self.whole, 0


@dataclass(frozen=True, eq=False)
class Windows:
    """One window for each output, and which rows move together."""

    turns: Turns
    each: tuple[Window, ...]
