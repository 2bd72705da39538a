"""Rows of an input that reach a few neighbouring places of each output, as in a convolution.

Rows whose windows have no place in common can move together, and what each place does is that of the one row
that reaches it.
"""

import numpy as np
import numpy.typing as npt

from gradcli.arrays import FloatArray
from gradcli.dataclass import dataclass

IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Window:
    """The places along an axis of one output that each row can reach: `first` to before `last`.

    Shapes: (rows,). Where a row reaches none, they are equal. Both rise with the row, or both fall.
    """

    first: IntArray
    last: IntArray

    def reached(self, rows: npt.NDArray[np.bool_], length: int) -> npt.NDArray[np.bool_]:
        """Which of the output's places are in the window of one of some rows."""
        edges = np.zeros(length + 1, dtype=np.intp)
        np.add.at(edges, self.first[rows], 1)
        np.add.at(edges, self.last[rows], -1)
        return np.asarray(np.cumsum(edges[:-1]) > 0)

    def apart(self) -> int:
        """How far apart rows must be to have no place in common."""
        rows = len(self.first)
        for distance in range(1, rows):
            near, far = slice(None, -distance), slice(distance, None)
            above = self.last[near] <= self.first[far]
            if np.all(above | (self.last[far] <= self.first[near])):
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
            if edges[-1] == values.shape[axis]:
                edges = edges[:-1]
            here = np.add.reduceat(values, edges, axis)  # windows, and what is between them
            np.moveaxis(result, axis, 0)[held] = np.moveaxis(here, axis, 0)[::2]
        return result


@dataclass(frozen=True, eq=False)
class Windows:
    """One window for each output, and how far apart rows move together."""

    period: int
    each: tuple[Window, ...]
