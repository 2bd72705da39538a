"""A limit on the time that a user's code may take where it is only tried."""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

_AGAIN = 0.05  # seconds after which an import is looked at again
WAITING = 5.0  # as many seconds of waiting count as one of work: a busy machine makes code wait


@contextlib.contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the code that is running once it has worked for so many seconds.

    A guess may be no point for an iteration to end at. An import is let end: half a module would be left, and
    be a fault of the code at the next try. There is no limit where Python has no timers
    (Windows), and outside the main thread, which alone gets signals.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if sys.platform == "win32" or not in_main or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    began = Moment()

    def stop(_: int, frame: FrameType | None) -> None:
        if _is_importing(frame):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
            return
        if (left := seconds - began.spent()) > 0:
            signal.setitimer(signal.ITIMER_REAL, max(left, _AGAIN))
            return
        raise TimeoutError(f"not done after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Moment:
    """The time, and how long this thread has worked."""

    def __init__(self) -> None:
        self.time, self.worked = time.perf_counter(), time.thread_time()

    def spent(self) -> float:
        """The seconds of work since then; of waiting where that is far more."""
        now = Moment()
        return max(now.worked - self.worked, (now.time - self.time) / WAITING)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
