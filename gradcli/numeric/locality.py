"""Locality: how far a row of an input can be seen along an axis of the outputs, found by test.

In a convolution, a pooling layer or a stencil an output depends on a window of rows, so rows further apart
than the window can move together. It takes two tests. In the first, every so-manieth row moves; this measures
the windows, and shows that nothing lies outside of those of all rows that moved. What it cannot tell is
whether an output in the window of one row depends on another one that moved, a multiple of that distance
away. In the second, whole blocks of rows move, and of any two blocks each while the other has to stay. So for
any row and any output outside of its window there is a test in which the one moves and the other has to stay.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray
from gradcli.dataclass import dataclass
from gradcli.numeric.function import Function
from gradcli.numeric.rounding import Noise
from gradcli.numeric.structure import Pairing, Structure, random_amounts, separating
from gradcli.numeric.windows import Window, Windows

_BATCHES = 48  # with fewer there is little to save
_ROWS = 8
_MARGIN = 2.0  # places of an output that are seen to stay still between two windows, at least
_TRIED = 3  # neighbouring rows, of which one must reach something
_EDGE = 1e-6  # of a place
_SAVED = 2.0  # evaluations for each that the search takes


def discover(
    function: Function,
    name: str,
    structure: Structure,
    noise: Noise,
    rng: np.random.Generator,
    *,
    per_batch: int,
    most: float,
) -> tuple[Structure, bool]:
    """A structure that moves rows together along further axes, and whether all else stayed the same to the
    bit (rather than to within rounding) in all tests.

    `per_batch`: evaluations that a batch takes; `most`: that may be spent on the search.
    Cost: one or two evaluations for an axis without windows; for one with windows of w rows, about 2 w and
    4 log2(n / w). Not more than half of what that saves.
    """
    exact = True
    for axis in sorted(structure.alone, key=lambda axis: -structure.shape[axis]):
        if structure.batches < _BATCHES or structure.shape[axis] < _ROWS:
            break
        before = function.evaluations
        search = _Search(function, name, axis, structure, noise, rng)
        pairing = search.pairing(per_batch * structure.batches, most)
        most -= function.evaluations - before
        if pairing is not None:
            exact = exact and search.exact
            pairings = sorted((*structure.pairings, pairing), key=lambda p: p.axis)
            structure = Structure(structure.shape, tuple(pairings), structure.ranks)
    return structure, exact


@dataclass(frozen=True)
class _Line:
    """Where rows are seen along an axis of an output, roughly: around `start` + `slope` * row."""

    axis: int
    start: float
    slope: float
    extent: int  # of what one row reaches

    @property
    def period(self) -> int:
        """How far apart rows are whose windows can be told apart, with room for some that are larger."""
        return int(np.ceil(max(self.extent + _MARGIN, 2 * self.extent) / abs(self.slope)))


class _Search:
    """The search for the windows of one axis of an input."""

    def __init__(
        self,
        function: Function,
        name: str,
        axis: int,
        structure: Structure,
        noise: Noise,
        rng: np.random.Generator,
    ) -> None:
        self.function = function
        self.name = name
        self.axis = axis
        self.rows = structure.shape[axis]
        self.exact = True  # whether what counts as still stays the same to the bit
        self._noise = noise
        self._amounts = random_amounts(function, name, noise, rng)
        self._free = [
            [axis for axis in range(rank) if axis not in used]
            for rank, used in zip(structure.ranks, structure.partners, strict=True)
        ]

    def pairing(self, evaluations: int, most: float) -> Pairing | None:
        """The axis with its windows, where they save enough of so many evaluations; None where not."""
        lines = self._lines() if all(self._free) else None
        if lines is None:
            return None
        period = max(line.period for line in lines)
        cost = period + 4 * (self.rows // period + 1).bit_length()
        if 2 * period > self.rows or cost > min(most, evaluations * (1 - period / self.rows) / _SAVED):
            return None
        each = self._windows(lines, period)
        if each is None:
            return None
        windows = Windows(max(window.apart() for window in each), each)
        axes = [line.axis for line in lines]
        # Each window then lies in a single block of rows, of one partition or the other.
        if windows.period > period // 2 + 1 or not self._confined(each, axes, period):
            return None
        return Pairing(self.axis, tuple(axes), windows)

    def _changes(self, rows: Array, sign: float = 1.0) -> list[FloatArray] | None:
        """What the outputs do when some rows move: True in a mask of them."""
        others = tuple(axis for axis in range(self._amounts.ndim) if axis != self.axis)
        moves = self._amounts * (sign * np.expand_dims(rows, others))
        moves += self.function.point[self.name]  # no further array: memory counts
        return self.function.change({self.name: moves})

    def _moved(self, change: FloatArray, output: int, axis: int) -> BoolArray:
        """Which places along an axis of an output have moved."""
        others = tuple(other for other in range(change.ndim) if other != axis)
        still = change == 0 if self.exact else np.abs(change) <= 8 * self._noise[output]
        return np.asarray(~np.all(still, axis=others))  # NaN has moved

    # --- the first test

    def _lines(self) -> list[_Line] | None:
        """Where rows are seen, from one in the first half and one in the second."""
        first = self._one_row(self.rows // 4)
        if first is None:
            return None
        near, changes = first
        self.exact = all(self._local(changes))
        if not all(self._local(changes)):
            return None
        second = self._one_row(3 * self.rows // 4)
        return None if second is None else self._through(near, changes, *second)

    def _one_row(self, start: int) -> tuple[int, list[FloatArray]] | None:
        """The first row from some on that reaches every output, and what these do."""
        for row in range(start, start + _TRIED):
            changes = self._changes(np.arange(self.rows) == row)
            if changes is None:
                return None
            if all(change.any() for change in changes):
                return row, changes
        return None

    def _local(self, changes: list[FloatArray]) -> Iterator[bool]:
        """For each output, whether one row moves no more than half of the places along some axis."""
        for output, (change, free) in enumerate(zip(changes, self._free, strict=True)):
            reached = ((_hull(self._moved(change, output, axis)), change.shape[axis]) for axis in free)
            yield any(hull is not None and 2 * (hull[1] - hull[0]) <= length for hull, length in reached)

    def _through(
        self, near: int, at_near: list[FloatArray], far: int, at_far: list[FloatArray]
    ) -> list[_Line] | None:
        """The lines through what two rows reach, along the axis of each output where that is least."""
        lines = []
        for output, free in enumerate(self._free):
            found = []
            for axis in free:
                early, late = (
                    _hull(self._moved(changes[output], output, axis)) for changes in (at_near, at_far)
                )
                if early is None or late is None:
                    continue
                (low, high), (later_low, later_high) = early, late
                slope = (later_low + later_high - low - high) / 2 / (far - near)
                extent = max(high - low, later_high - later_low)
                if slope:
                    start = (low + high - 1) / 2 - slope * near
                    part = extent / at_near[output].shape[axis]
                    found.append((part, _Line(axis, start, slope, extent)))
            if not found:
                return None
            lines.append(min(found, key=lambda candidate: candidate[0])[1])
        return lines

    def _windows(self, lines: Sequence[_Line], period: int) -> tuple[Window, ...] | None:
        """The windows for each output; None where they are too close to be told from each other."""
        seen: list[list[Array]] = [[] for _ in lines]  # rows, and places that they reach
        for start in range(period):
            changes = self._changes(np.arange(self.rows) % period == start)
            if changes is None:
                return None
            last = (self.rows - 1 - start) // period
            for output, (line, change) in enumerate(zip(lines, changes, strict=True)):
                places = np.flatnonzero(self._moved(change, output, line.axis))
                nearest = np.rint(((places - line.start) / line.slope - start) / period)
                rows = start + period * np.clip(nearest, 0, last)
                distance = np.abs(places - line.start - line.slope * rows)
                if np.any(distance > period * abs(line.slope) / 2 - 0.5):
                    return None
                seen[output].append(np.stack([rows, places]))
        found = []
        for pairs, line, change in zip(seen, lines, self.function.base, strict=True):
            rows, places = np.concatenate(pairs, axis=1)
            found.append(_strip(rows, places, line.slope, self.rows, change.shape[line.axis]))
        return tuple(found)

    # --- the second test

    def _confined(self, windows: Sequence[Window], axes: Sequence[int], length: int) -> bool:
        """Whether blocks of rows of that length reach nothing outside of their windows."""
        for offset, sign in ((0, 1.0), (length // 2, -1.0)):
            block = (np.arange(self.rows) + offset) // length
            for blocks in separating(int(block[-1]) + 1):
                rows = blocks[block]
                changes = self._changes(rows, sign)
                if changes is None:
                    return False
                for output, (window, axis, change) in enumerate(zip(windows, axes, changes, strict=True)):
                    if np.any(self._moved(change, output, axis) & ~window.reached(rows, change.shape[axis])):
                        return False
        return True


def _hull(moved: BoolArray) -> tuple[int, int] | None:
    """The first place that has moved, and the one behind the last."""
    places = np.flatnonzero(moved)
    return (int(places[0]), int(places[-1]) + 1) if places.size else None


def _strip(rows: Array, places: Array, slope: float, length: int, places_in_all: int) -> Window:
    """The window of every row that holds all that any row reaches, moved along with it.

    A row need not show all that it can reach (one that is not the maximum): what others show holds for it.
    """
    exact = (round(slope) or 1.0, 1 / (round(1 / slope) or 1.0))
    shapes = (places_in_all / length, (places_in_all - 1) / (length - 1))
    slopes = [*exact, *(np.copysign(ratio, slope) for ratio in shapes if ratio), slope]
    slope = min(slopes, key=lambda candidate: float(np.ptp(places - candidate * rows)))
    offsets = places - slope * rows
    line = slope * np.arange(length)
    first = np.clip(np.ceil(line + offsets.min() - _EDGE), 0, places_in_all).astype(np.intp)
    last = np.clip(np.floor(line + offsets.max() + _EDGE) + 1, 0, places_in_all).astype(np.intp)
    return Window(first, np.maximum(first, last))
