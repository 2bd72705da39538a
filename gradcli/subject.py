"""The code under test, called with care.

Every call gets arrays of its own, so that nothing it does to them can reach the check; what it prints is
left alone; what it raises becomes `BrokenPromise`, with the user's own file and line.
"""

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.clock import Clock, OutOfTime
from gradcli.dataclass import dataclass
from gradcli.errors import BrokenPromise, GradcliError, LackingError, said_by
from gradcli.generators import fixed_generators
from gradcli.installed import is_installed
from gradcli.lacking import lacking
from gradcli.problem import Problem, Run, Source


@dataclass(frozen=True, eq=False)
class Pass:
    """One forward and one backward."""

    run: Run
    gradients: Mapping[str, Any]


class Calls:
    """How often the code was called, and what the last call of each took."""

    def __init__(self) -> None:
        self.forwards = 0
        self.backwards = 0
        self.forward_seconds = 0.0
        self.backward_seconds = 0.0


class Subject:
    """Calls a problem's forward and backward and counts the calls.

    With `reseed`, the global generators of NumPy, Python and torch (where it is loaded) start every call
    from the same state, so that code which draws from them is a function again.
    """

    def __init__(self, problem: Problem, clock: Clock, calls: "Calls | None" = None) -> None:
        self.problem = problem
        self.clock = clock
        self.reseed = problem.reseed
        self.stacks = False  # whether many points in one call are known to leave each other alone
        self.calls = calls or Calls()

    def widened(self) -> "Subject":
        """The same code at the same point in float64; its calls count with these."""
        inputs = {
            name: array.astype(np.float64) if array.dtype.kind == "f" else array
            for name, array in self.problem.inputs.items()
        }
        return self.elsewhere(inputs)

    def elsewhere(self, inputs: Mapping[str, Array]) -> "Subject":
        """The same code at another point; its calls count with these."""
        problem = replace(self.problem, inputs={**self.problem.inputs, **inputs})
        subject = Subject(problem, self.clock, self.calls)
        subject.reseed = self.reseed
        subject.stacks = self.stacks
        return subject

    def forward(self, inputs: Mapping[str, Array]) -> Run:
        """Evaluate forward; raises BrokenPromise, or OutOfTime where the budget allows no more calls."""
        return self._forward(self.problem.forward, inputs)

    def _forward(self, call: Callable[..., Run], inputs: Mapping[str, Array]) -> Run:
        calls = self.calls
        self.clock.check(calls.forward_seconds)
        calls.forwards += 1
        started = time.perf_counter()
        run: Run = self._guarded("forward", call, inputs)
        calls.forward_seconds = time.perf_counter() - started
        return run

    def differenced(self, point: Mapping[str, Array]) -> Callable[[Mapping[str, Array]], Run]:
        """Forward as it is differenced around a point: what is declared constant keeps its value there."""
        if self.problem.hold is None:
            return self.forward
        self.calls.forwards += 1
        held = self._guarded("forward", self.problem.hold, point)

        return partial(self._forward, held)

    def backward(self, cotangents: tuple[Array, ...], saved: Any) -> Mapping[str, Any]:
        """Evaluate backward; raises BrokenPromise, or OutOfTime where the budget allows no more calls."""
        self.clock.check(self.calls.backward_seconds)
        self.calls.backwards += 1
        started = time.perf_counter()
        gradients: Mapping[str, Any] = self._guarded("backward", self.problem.backward, cotangents, saved)
        self.calls.backward_seconds = time.perf_counter() - started
        return gradients

    def both(self, inputs: Mapping[str, Array], cotangents: tuple[Array, ...]) -> Pass:
        """Forward and backward on copies of the arguments; raises BrokenPromise."""
        run = self.forward(copies(inputs))
        return Pass(run, self.backward(tuple(c.copy() for c in cotangents), run.saved))

    def outputs(self, points: Sequence[Mapping[str, Array]]) -> list[tuple[Array, ...]]:
        """The outputs at many points in one call, where the code `stacks`; raises BrokenPromise."""
        return [outputs for outputs, _ in self.together(points, None)]

    def gradients(
        self, points: Iterable[tuple[Mapping[str, Array], tuple[Array, ...]]]
    ) -> Iterator[Mapping[str, Any] | BrokenPromise]:
        """The gradients at one point and for its cotangents after the other, or what the code did wrong.

        In one call where the code `stacks`; else each is evaluated when it is asked for.
        """
        if self.stacks:
            points = list(points)
            try:
                found = self.together([point for point, _ in points], [c for _, c in points])
            except BrokenPromise:
                pass  # because of one of them
            else:
                yield from (gradients for _, gradients in found)
                return
        for point, cotangents in points:
            try:
                yield self.both(point, cotangents).gradients
            except BrokenPromise as broken:
                yield broken

    def together(
        self, points: Sequence[Mapping[str, Array]], cotangents: Sequence[tuple[Array, ...]] | None
    ) -> Sequence[tuple[tuple[Array, ...], Mapping[str, Any]]]:
        """Outputs and gradients at many points in one call; raises BrokenPromise, or OutOfTime."""
        assert self.problem.together is not None
        self.clock.check()
        self.calls.forwards += len(points)
        if cotangents is not None:
            self.calls.backwards += len(points)
        found: Sequence[tuple[tuple[Array, ...], Mapping[str, Any]]] = self._guarded(
            "forward" if cotangents is None else "backward", self.problem.together, points, cotangents
        )
        return found

    def _guarded(self, what: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """Turn whatever the code raises into BrokenPromise; Ctrl-C stays Ctrl-C.

        Raises LackingError where the code needs what this machine has not.
        """
        try:
            if not self.reseed:
                return call(*arguments)
            with fixed_generators():
                return call(*arguments)
        except (BrokenPromise, GradcliError, KeyboardInterrupt, OutOfTime):
            raise
        except BaseException as error:  # SystemExit, GeneratorExit, and whatever the code makes of its own
            file, line = _place(error)
            if file is None:
                file, line = _definition(self.problem.source, what)
            lacks = lacking(error)
            if lacks is not None:
                place = f"{Path(file).name}:{line}: " if file is not None else ""
                raise LackingError(f"{place}{what} {lacks}") from error
            first = next(filter(None, map(str.strip, said_by(error).splitlines())), "")
            text = f"{type(error).__name__}: {first}" if first else type(error).__name__
            raise BrokenPromise("GC108", f"{what} raised {text}", file, line) from error


def copies(inputs: Mapping[str, Array]) -> dict[str, Array]:
    return {name: array.copy() for name, array in inputs.items()}


def _place(error: BaseException) -> tuple[str | None, int | None]:
    """The deepest line of the user's own code in the traceback: not gradcli's, and not a library's."""
    walked = ((frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__))
    own = [(file, line) for file, line in walked if _is_users(file)]
    return own[-1] if own else (None, None)


def _definition(source: Source | None, what: str) -> tuple[str | None, int | None]:
    """Where the half stands that a library refused without a line of it: torch counts its gradients."""
    half = source and (source.forward if what == "forward" else source.backward)
    code = getattr(half, "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code else (None, None)


@lru_cache(maxsize=512)  # the same few files are asked about at every refusal of a guess
def _is_users(filename: str) -> bool:
    path = Path(filename)
    is_ours = _PACKAGE in path.parents and path.parent.name != "layers"
    return not (is_ours or is_installed(path) or filename.startswith("<"))


_PACKAGE = Path(__file__).parent
