"""Stop-watches for a machine that does other things as well: they count this process's CPU time.

Everything timed here runs on one thread and waits for nothing, so CPU time is the time that it would take
alone; in wall time, a neighbour's work came out as a factor of two between one run and the next. What starts
other processes (`elapsed`) is timed by the clock on the wall.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


def once(call: Callable[[], object]) -> float:
    """Seconds that one call takes, of CPU time."""
    started = time.process_time()
    call()
    return time.process_time() - started


def elapsed(call: Callable[[], object]) -> float:
    """Seconds that one call takes, other processes included."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def median(call: Callable[[], object], *, seconds: float = 0.1, least: int = 5) -> float:
    """The median time of a call, over at least `least` calls and `seconds` of them; one call warms up."""
    call()
    times: list[float] = []
    while len(times) < least or sum(times) < seconds:
        times.append(once(call))
    return statistics.median(times)


@dataclass
class Meter:
    """Counts calls of a function and adds up the time within them; those on complex numbers once more."""

    calls: int = 0
    seconds: float = 0.0
    complex_calls: int = 0
    complex_seconds: float = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, metered; it keeps its name and its signature."""

        @functools.wraps(function)
        def metered(*args: Any, **keywords: Any) -> Any:
            started = time.process_time()
            try:
                return function(*args, **keywords)
            finally:
                seconds = time.process_time() - started
                self.seconds += seconds
                self.calls += 1
                if any(map(_is_complex, (*args, *keywords.values()))):
                    self.complex_seconds += seconds
                    self.complex_calls += 1

        return metered


def _is_complex(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "c"
