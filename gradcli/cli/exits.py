"""The exit codes: what they mean, and which one wins."""

from collections.abc import Iterable

OK = 0
WRONG = 1  # a gradient is wrong, a promise is broken, or the code under test raised
UNUSABLE = 2  # nothing can be said: usage, config, unknown target, unwritable file
BUG = 3  # in gradcli
UNDECIDED = 4
EMPTY = 5  # nothing was selected or compared
INTERRUPTED = 130  # 128 + SIGINT, as shells say it
READER_GONE = 141  # 128 + SIGPIPE: stdout was closed before all checks had run, and none had failed yet

_PRECEDENCE = (INTERRUPTED, BUG, UNUSABLE, WRONG, READER_GONE, UNDECIDED, EMPTY, OK)


def worst(codes: Iterable[int]) -> int:
    """The code that wins among those of several checks; without any, nothing was checked."""
    found = set(codes)
    return next((code for code in _PRECEDENCE if code in found), EMPTY)
