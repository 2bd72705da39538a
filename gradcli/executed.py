"""Which lines of a file run."""

import sys
from collections.abc import Iterator
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
