"""Which lines of a file run, and how many."""

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def lines_run(file: str) -> Iterator[set[int]]:
    """Collect the numbers of the lines of a file that run meanwhile, in this thread."""
    found: set[int] = set()
    before = sys.gettrace()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        del event, argument
        if frame.f_code.co_filename != file:
            return None
        found.add(frame.f_lineno)
        return trace

    sys.settrace(trace)
    try:
        yield found
    finally:
        sys.settrace(before)


class TooManyLines(Exception):
    """Far more lines ran than there was reason to expect: a loop that may not end."""


@contextmanager
def at_most(lines: int, files: Collection[str]) -> Iterator[None]:
    """Raise TooManyLines within the code of these files once so many lines have run."""
    left = lines
    before = sys.gettrace()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        del event, argument
        if frame.f_code.co_filename not in files:
            return None
        left -= 1
        if left < 0:
            raise TooManyLines
        return trace

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)
