"""What code runs, seen while it does: which lines and functions of a file, and how many lines."""

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

Trace = Callable[[FrameType, str, Any], Any]


@contextmanager
def traced(trace: Trace) -> Iterator[None]:
    """Have a function told what runs meanwhile, in this thread; see `sys.settrace`."""
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def lines_run(file: str) -> Iterator[set[int]]:
    """Collect the numbers of the lines of a file that run meanwhile, in this thread."""
    found: set[int] = set()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        del event, argument
        if frame.f_code.co_filename != file:
            return None
        found.add(frame.f_lineno)
        return trace

    with traced(trace):
        yield found


@contextmanager
def functions_run(file: str) -> Iterator[set[CodeType]]:
    """Collect the code of the functions of a file that are called meanwhile, in this thread."""
    found: set[CodeType] = set()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        del event, argument
        if frame.f_code.co_filename == file:
            found.add(frame.f_code)

    with traced(trace):
        yield found


class TooManyLines(Exception):
    """Far more lines ran than there was reason to expect: a loop that may not end."""


@contextmanager
def at_most(lines: int, files: Collection[str]) -> Iterator[None]:
    """Raise TooManyLines within the code of these files once so many lines have run."""
    left = lines

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        del event, argument
        if frame.f_code.co_filename not in files:
            return None
        left -= 1
        if left < 0:
            raise TooManyLines
        return trace

    with traced(trace):
        yield
