"""What the code under test prints, kept out of the report."""

import contextlib
import ctypes  # NumPy has imported it
import io
import os
import sys
from collections.abc import Iterator
from typing import BinaryIO, Protocol

_C = ctypes.CDLL(None) if os.name == "posix" else None

MOST_BYTES = 64 * 2**10  # kept for each check; a print in a loop must not fill the memory


class Captured(Protocol):
    """What was printed; complete once the `with` is left."""

    text: str


class _Bounded(io.RawIOBase):
    """Keeps the first bytes and counts the rest."""

    def __init__(self) -> None:
        self.kept = bytearray()
        self.dropped = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        chunk = bytes(data)  # type: ignore[call-overload]
        room = MOST_BYTES - len(self.kept)
        self.kept += chunk[:room]
        self.dropped += max(len(chunk) - room, 0)
        return len(chunk)


class _Text:
    text = ""


@contextlib.contextmanager
def captured_output() -> Iterator[Captured]:
    """Keep what Python code prints to stdout and stderr, warnings included, and after that what compiled code
    and other processes write to standard output.

    What they write to standard error passes by: it is no place for reports, and may be their last words.
    """
    kept = _Bounded()
    # Not a StringIO: code may write to sys.stdout.buffer.
    stream = io.TextIOWrapper(io.BufferedWriter(kept), encoding="utf-8", errors="replace", write_through=True)
    found = _Text()
    try:
        with _descriptor(kept), contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            try:
                yield found
            finally:
                stream.flush()
    finally:
        found.text = kept.kept.decode("utf-8", errors="replace")
        if kept.dropped:
            found.text += f"\n... and {kept.dropped} bytes more"


@contextlib.contextmanager
def _descriptor(kept: _Bounded) -> Iterator[None]:
    """Keep what is written to file descriptor 1. Where no file can be made for it, it passes by."""
    with contextlib.ExitStack() as stack:
        try:
            before = os.dup(1)
            stack.callback(os.close, before)
            file = stack.enter_context(_nameless())
        except OSError:  # standard output is closed, or the disk is full
            yield
            return
        _flush()
        os.dup2(file.fileno(), 1)
        try:
            yield
        finally:
            _flush()
            os.dup2(before, 1)
            size = os.fstat(file.fileno()).st_size
            file.seek(0)
            kept.write(file.read(MOST_BYTES))
            kept.dropped += max(size - MOST_BYTES, 0)


def _nameless() -> BinaryIO:
    """A file that is gone when it is closed. Raises OSError."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("gradcli"), "w+b", buffering=0)
    import tempfile

    return tempfile.TemporaryFile(buffering=0)


def _flush() -> None:
    """Send what waits in buffers of Python and of C to where it was meant to go."""
    if sys.__stdout__ is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.__stdout__.flush()
    if _C is not None:
        _C.fflush(None)
