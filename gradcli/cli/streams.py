"""Standard output and error: never a traceback because of who reads them, or in which encoding."""

import contextlib
import errno
import faulthandler
import io
import os
import sys
from pathlib import Path
from typing import TextIO


class ReaderGone(Exception):
    """Nobody reads standard output any more (`| head -1`)."""


def is_reader_gone(error: OSError) -> bool:
    """Whether writing failed because nobody reads, for which Windows has no number of its own."""
    return isinstance(error, BrokenPipeError) or (sys.platform == "win32" and error.errno == errno.EINVAL)


class Output:
    """Standard output for Rich. When the reader has left, writing raises ReaderGone.

    Rich answers a BrokenPipeError by exiting with 1, which here would mean a wrong gradient.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = stream.encoding or "ascii"

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            if is_reader_gone(error):
                raise ReaderGone from error
            raise

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            if is_reader_gone(error):
                raise ReaderGone from error
            raise

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


def prepare_streams() -> None:
    """Make stdout and stderr exist, and write what their encoding lacks as an escape."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller: `>&-`
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 (for the whole run)
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def tell_crashes() -> None:
    """Let a crash of compiled code, which ends this process, say at which line of Python it was."""
    if not faulthandler.is_enabled():  # as it is under pytest, whose it stays
        with contextlib.suppress(OSError, ValueError, RuntimeError):  # stderr is no file
            faulthandler.enable(all_threads=False)


def silence(stream: TextIO) -> None:
    """Send what is left in a broken stream to nowhere, so that Python's last flush does not complain."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
