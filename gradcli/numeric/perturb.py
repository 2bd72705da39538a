"""Move one batch of an input and measure what the cotangent sees of the outputs."""

from collections import deque
from collections.abc import Iterable, Iterator
from types import EllipsisType

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.numeric.function import Function, Outputs
from gradcli.numeric.structure import Position, Selection, Structure

Move = tuple[Position, FloatArray | float]


class Perturbation:
    """Responses of <cotangent, f> to moves of one input, a batch at a time.

    One working copy of the input is moved and put back, so that a batch costs what it moves. `fresh` makes
    a new copy for each evaluation instead, for code that writes into its arguments.
    """

    def __init__(
        self,
        function: Function,
        name: str,
        structure: Structure,
        cotangents: tuple[Array, ...],
        *,
        fresh: bool = False,
    ) -> None:
        self.function = function
        self.name = name
        self.structure = structure
        self.cotangents = cotangents
        self._fresh = fresh
        self._origin = np.asarray(function.point[name], dtype=np.float64)
        self._work: FloatArray | None = None
        self._moved_last: Selection | None = None
        self._complex: Array | None = None

    def responses(self, moves: Iterable[Move]) -> Iterator[FloatArray]:
        """Contracted f(x + steps) - f(x) for one batch after the other; see `Function.changes`.

        Shapes: those of the batch's group. NaN where the code could not be evaluated. Cost: one evaluation
        for each batch.
        """
        under_way: deque[Position] = deque()

        def moved(move: Move) -> dict[str, Array]:
            under_way.append(move[0])
            return self._moved(self.structure.selection(move[0]), move[1])

        def contracted(changes: list[FloatArray] | None) -> FloatArray:
            position = under_way.popleft()
            if changes is None:
                return np.full(self.structure.group_at(position), np.nan)
            return self.structure.contract(self.cotangents, changes, position)

        # Not a loop with a yield: that would keep each response until the next one is there.
        return map(contracted, self.function.changes(map(moved, moves)))

    def taken(self, where: Selection | slice | EllipsisType, steps: FloatArray | float) -> FloatArray:
        """Steps as floating point takes them from some elements of the input."""
        return taken(self._origin[where], steps)

    def unmoved(self, position: Position) -> FloatArray:
        """The elements of a batch at the point, by their place in its group; they must not be written to."""
        return np.ravel(self._origin[self.structure.selection(position)])

    def _moved(self, selection: Selection, steps: FloatArray | float) -> dict[str, Array]:
        """The input as a move leaves it, until the next one is made."""
        if self._work is None:
            self._work = self._origin.copy()
        elif self._moved_last is not None and self._moved_last != selection:
            # Put back now, not after the evaluation: others may have moved something in the meantime.
            self._work[self._moved_last] = self._origin[self._moved_last]
        self._moved_last = selection
        np.add(self._origin[selection], steps, out=self._work[(*selection, ...)])
        return {self.name: self._work.copy() if self._fresh else self._work}

    def imaginary(
        self, position: Position, step: float, around: dict[str, Array] | None = None
    ) -> FloatArray | None:
        """Contracted Im f(x + i step) / step for one batch; None where the code could not be evaluated.

        `around` replaces the point: all inputs, this one as complex numbers. Cost: one evaluation, in complex
        arithmetic.
        """
        if around is not None:
            self._complex = None  # memory for the other point
            moved = around[self.name]
        else:
            if self._complex is None:
                self._complex = self._origin.astype(np.complex128)
            moved = self._complex
        if self._fresh:
            moved = moved.copy()
        selection = self.structure.selection(position)
        original = np.copy(moved[selection])
        moved[selection] += 1j * step
        try:
            outputs = self.function.at({**(around or {}), self.name: moved})
            # An output may be a view of the input: contract before the input is put back.
            # A real output does not depend on the input: validation has seen to that.
            return None if outputs is None else self._contract_imaginary(outputs, position) / step
        finally:
            moved[selection] = original

    def _contract_imaginary(self, outputs: Outputs, position: Position) -> FloatArray:
        return self.structure.contract(self.cotangents, [np.imag(out) for out in outputs], position)


def taken(original: FloatArray, steps: FloatArray | float) -> FloatArray:
    """Steps as floating point takes them from some numbers."""
    moved = np.asarray(original + steps)
    moved -= original
    return moved
