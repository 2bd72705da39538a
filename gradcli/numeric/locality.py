"""Locality: how far a row of an input can be seen along an axis of the outputs, found by test.

In a convolution, a pooling layer or a stencil an output depends on a window of rows, so rows further apart
than the window can move together. It takes two tests. In the first, every so-manieth row moves; this measures
the windows, and shows that nothing lies outside of those of all rows that moved. What it cannot tell is
whether an output in the window of one row depends on another one that moved, a multiple of that distance
away. In the second, whole blocks of rows move, and of any two blocks each while the other has to stay. So for
any row and any output outside of its window there is a test in which the one moves and the other has to stay.
Where an axis has few rows, each moves alone. Where windows are blocks (groups of channels, pooling without
overlap), the second test is enough.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray
from gradcli.dataclass import dataclass
from gradcli.numeric.function import Function
from gradcli.numeric.rounding import Noise
from gradcli.numeric.structure import Pairing, Structure, random_amounts, separating
from gradcli.numeric.windows import Turns, Window, Windows

_BATCHES = 48  # with fewer there is little to save
_ROWS = 6
_MARGIN = 2.0  # places of an output that are seen to stay still between two windows, at least
_PILOTS = 2  # rows that are moved first
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
    kinks: bool,
    most: float,
) -> tuple[Structure, bool]:
    """A structure that moves rows together along further axes, and whether all else stayed the same to the
    bit (rather than to within rounding) in all tests.

    `per_batch`: evaluations that a batch takes; `most`: that may be spent on the search. `kinks`: whether the
    point may be at some, where an output may move with a row in one direction alone: both are tried.
    Cost: one or two evaluations for an axis without windows; for one with windows of w rows, about 2 w and
    4 log2(n / w); twice that for one without ends, and for both directions. Not more than half of what that
    saves, each time.
    """
    exact = True
    for axis in sorted(structure.alone, key=lambda axis: -structure.shape[axis]):
        if structure.batches < _BATCHES or structure.shape[axis] < _ROWS or most < _PILOTS:
            break
        before = function.evaluations
        search = _Search(function, name, axis, structure, noise, rng, kinks=kinks)
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
    seen: tuple[tuple[int, int, int], ...]  # rows, each with the first place it reaches and the one behind

    @property
    def extent(self) -> int:
        """Of the most that one row reaches."""
        return max(behind - first for _, first, behind in self.seen)

    def block(self, rows: int, length: int) -> int:
        """How many rows a block has, if what rows reach may be one of many equal blocks; 0 if not."""
        block, left = divmod(rows * self.extent, length)
        fits = all(
            (first, behind - first) == (row // max(block, 1) * self.extent, self.extent)
            for row, first, behind in self.seen
        )
        return block if fits and not left and length % self.extent == 0 else 0

    def nearest(self, places: Array, rows: Array, length: int, around: bool) -> tuple[FloatArray, FloatArray]:
        """For each place the row that is seen closest to it, of some evenly apart, and how far off it is."""
        apart = rows[1] - rows[0] if len(rows) > 1 else 1
        row = (places - self.start) / self.slope
        by_row = np.clip(np.rint((row - rows[0]) / apart).astype(np.intp), 0, len(rows) - 1)
        candidates = np.stack([rows[by_row], *(np.full(len(places), end) for end in (rows[0], rows[-1]))])
        distances = places - self.start - self.slope * candidates
        if around:
            distances = (distances + length / 2) % length - length / 2
        best = np.argmin(np.abs(distances), axis=0)
        every = np.arange(len(places))
        return candidates[best, every], distances[best, every]

    def strip(self, seen: FloatArray, rows: int, length: int, around: bool) -> Window:
        """The window of every row that holds all that any row reaches, moved along with it.

        `seen`: rows, and how far from the line the places are that they reach. A row need not show all that
        it can reach (one that is not the maximum): what others show holds for it.
        """
        reached = self.start + self.slope * seen[0] + seen[1]
        slopes = [self.slope]
        if not around:
            sizes = (length / rows, (length - 1) / (rows - 1))
            exact = (round(self.slope) or 1.0, 1 / (round(1 / self.slope) or 1.0))
            slopes = [*exact, *(float(np.copysign(size, self.slope)) for size in sizes), self.slope]
        slope = min(slopes, key=lambda candidate: float(np.ptp(reached - candidate * seen[0])))
        offsets = reached - slope * seen[0]
        middle = slope * np.arange(rows)
        first = np.ceil(middle + offsets.min() - _EDGE).astype(np.intp)
        last = np.floor(middle + offsets.max() + _EDGE).astype(np.intp) + 1
        if not around:
            first, last = np.clip(first, 0, length), np.clip(last, 0, length)
        return Window(first, np.maximum(first, last), length, around)

    @property
    def reach(self) -> int:
        """How many rows reach the same place."""
        return int(np.ceil(self.extent / abs(self.slope)))

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
        *,
        kinks: bool,
    ) -> None:
        self.function = function
        self.name = name
        self.axis = axis
        self.rows = structure.shape[axis]
        self.exact = True  # whether what counts as still stays the same to the bit
        self._noise = noise
        self._signs = (1.0, -1.0) if kinks else (1.0,)
        self._amounts = random_amounts(function, name, noise, rng)
        self._free = [
            [axis for axis in range(rank) if axis not in used]
            for rank, used in zip(structure.ranks, structure.partners, strict=True)
        ]

    def pairing(self, evaluations: int, most: float) -> Pairing | None:
        """The axis with its windows, where the search saves of so many evaluations; None where not."""
        lines = self._lines() if all(self._free) else None
        if lines is None:
            return None
        windows = self._blocks(lines) or self._strips(lines, evaluations, most)
        return None if windows is None else Pairing(self.axis, tuple(line.axis for line in lines), windows)

    def _blocks(self, lines: Sequence[_Line]) -> Windows | None:
        """Windows that are blocks of equal length, as of groups of channels; None where they are not."""
        lengths = [out.shape[line.axis] for line, out in zip(lines, self.function.base, strict=True)]
        rows = {line.block(self.rows, length) for line, length in zip(lines, lengths, strict=True)}
        block = rows.pop()
        if rows or not 0 < 2 * block <= self.rows:
            return None
        number = np.arange(self.rows) // block
        each = tuple(
            Window(number * line.extent, (number + 1) * line.extent, length, False)
            for line, length in zip(lines, lengths, strict=True)
        )
        if not self._confined(each, lines, [number]):
            return None
        return Windows(Turns(self.rows, block, around=False), each)

    def _strips(self, lines: Sequence[_Line], evaluations: int, most: float) -> Windows | None:
        """Windows along a line, where they save enough of so many evaluations; None where not."""
        reach = max(line.reach for line in lines)
        limit = min(most, evaluations * (1 - reach / self.rows) / _SAVED)
        period = max(line.period for line in lines)
        windows = self._tested(lines, period, limit, around=False)
        if windows is None and self._may_go_around(lines):
            lines = [replace(line, slope=self._once_around(i, line)) for i, line in enumerate(lines)]
            windows = self._tested(lines, period, limit, around=True)
        return windows

    def _tested(self, lines: Sequence[_Line], period: int, limit: float, *, around: bool) -> Windows | None:
        """Windows that both tests bear out, for so many evaluations at most; None where there are none.

        `period`: how far apart rows are that move in the first test.
        """
        cost = period + 4 * (self.rows // period + 1).bit_length()
        if 2 * period > self.rows:
            period = cost = self.rows
        left = limit - len(self._signs) * cost
        if left < 0:
            return None
        each = self._windows(lines, Turns(self.rows, period, around))
        if each is None:
            return None
        apart = max(window.apart() for window in each)
        if period == self.rows:  # each has moved alone
            return Windows(Turns(self.rows, apart, around), each) if 2 * apart <= period else None
        rows, half = np.arange(self.rows), period // 2
        if around:  # the last block is longer
            last = self.rows // period - 1
            partitions = [np.minimum((rows - shift) % self.rows // period, last) for shift in (0, half)]
        else:
            partitions = [(rows + shift) // period for shift in (0, half)]
        if apart > half + 1:  # some windows are wider than those of the first two rows
            return self._tested(lines, 2 * (apart - 1), left, around=around)
        # Each window lies in a single block of rows, of one partition or the other.
        confined = self._confined(each, lines, partitions)
        return Windows(Turns(self.rows, apart, around), each) if confined else None

    def _once_around(self, output: int, line: _Line) -> float:
        """The slope of a line that goes once around an axis of an output while its row does so."""
        return float(np.copysign(self.function.base[output].shape[line.axis] / self.rows, line.slope))

    def _may_go_around(self, lines: Sequence[_Line]) -> bool:
        return all(
            abs(line.slope - self._once_around(output, line)) * self.rows <= 2 * _MARGIN
            for output, line in enumerate(lines)
        )

    def _reached(self, rows: BoolArray, lines: Sequence[_Line]) -> list[BoolArray] | None:
        """Which places along the axis of each output move with some rows; None where the code fails there."""
        reached = [
            np.zeros(out.shape[line.axis], bool) for line, out in zip(lines, self.function.base, strict=True)
        ]
        for sign in self._signs:
            changes = self._changes(rows, sign)
            if changes is None:
                return None
            for output, (line, change) in enumerate(zip(lines, changes, strict=True)):
                reached[output] |= self._moved(change, output, line.axis)
        return reached

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
                    seen = ((near, low, high), (far, later_low, later_high))
                    found.append((part, _Line(axis, start, slope, seen)))
            if not found:
                return None
            lines.append(min(found, key=lambda candidate: candidate[0])[1])
        return lines

    def _windows(self, lines: Sequence[_Line], turns: Turns) -> tuple[Window, ...] | None:
        """The windows for each output; None where they are too close to be told from each other."""
        seen: list[list[Array]] = [[] for _ in lines]  # rows, and how far the places are that they reach
        for turn in turns.slices:
            rows = np.arange(self.rows)[turn]
            reached = self._reached(np.isin(np.arange(self.rows), rows), lines)
            if reached is None:
                return None
            for output, (line, moved) in enumerate(zip(lines, reached, strict=True)):
                places = np.flatnonzero(moved)
                nearest, distance = line.nearest(places, rows, len(moved), turns.around)
                doubtful = np.abs(distance) > turns.period * abs(line.slope) / 2 - 0.5
                if len(rows) > 1 and np.any(doubtful):
                    return None
                seen[output].append(np.stack([nearest, distance]))
        return tuple(
            line.strip(np.concatenate(pairs, axis=1), self.rows, out.shape[line.axis], turns.around)
            for pairs, line, out in zip(seen, lines, self.function.base, strict=True)
        )

    # --- the second test

    def _confined(
        self, windows: Sequence[Window], lines: Sequence[_Line], partitions: Sequence[Array]
    ) -> bool:
        """Whether blocks of rows reach nothing outside of their windows; a partition numbers each row's."""
        for partition in partitions:
            for blocks in separating(int(partition.max()) + 1):
                rows = blocks[partition]
                reached = self._reached(rows, lines)
                if reached is None:
                    return False
                if any(np.any(r & ~window.reached(rows)) for r, window in zip(reached, windows, strict=True)):
                    return False
        return True


def _hull(moved: BoolArray) -> tuple[int, int] | None:
    """The first place that has moved, and the one behind the last."""
    places = np.flatnonzero(moved)
    return (int(places[0]), int(places[-1]) + 1) if places.size else None
