"""What the code under test prints, kept out of the report."""

import contextlib
import ctypes  # NumPy has imported it
import io
import os
import sys
from collections.abc import Iterator
from typing import IO, Protocol, cast

_C = ctypes.CDLL(None) if os.name == "posix" else None
_LINE_BY_LINE = 1  # _IOLBF, with glibc, musl and macOS

MOST_BYTES = 64 * 2**10  # kept for each check; a print in a loop must not fill the disk


class Captured(Protocol):
    """What was printed; complete once the `with` is left."""

    text: str


class _Printed(io.RawIOBase):
    """Keeps the first bytes in a file and counts the rest."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._start = file.tell()
        self._room = MOST_BYTES
        self._dropped = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        chunk = bytes(data)  # type: ignore[call-overload]
        kept = chunk[: self._room]
        if kept:
            with contextlib.suppress(OSError):  # the disk is full, which is not the code's to know
                self._file.write(kept)
        self._room -= len(kept)
        self._dropped += len(chunk) - len(kept)
        return len(chunk)

    def end(self) -> str:
        """The whole text. What is written later, by a logger that holds the stream, goes nowhere."""
        self._room = 0
        return read_printed(self._file, self._start, self._dropped)


class _Text:
    text = ""


@contextlib.contextmanager
def captured_output(file: IO[bytes] | None = None, before: str = "") -> Iterator[Captured]:
    """Keep what Python code prints to stdout and stderr, warnings included, and what compiled code and other
    processes write to standard output.

    What they write to standard error passes by: it is no place for reports, and may be their last words.
    file: unbuffered; holds what has been printed so far, for whoever outlives this process: see `emptied`.
    before: what was printed earlier, which only the file shall hold as well.
    """
    found = _Text()
    with contextlib.nullcontext(file) if file is not None else _nameless() as kept:
        if file is not None:
            emptied(file)
            with contextlib.suppress(OSError):
                file.write(before.encode())
        printed = _Printed(kept)
        # Not a StringIO: code may write to sys.stdout.buffer.
        stream = io.TextIOWrapper(
            cast("IO[bytes]", printed), encoding="utf-8", errors="replace", write_through=True
        )
        try:
            with _descriptor(kept), contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
                try:
                    yield found
                finally:
                    with contextlib.suppress(ValueError):  # the code has closed its standard output
                        stream.flush()
        finally:
            found.text = printed.end()


def emptied(file: IO[bytes]) -> None:
    """Forget what was printed: it has been told."""
    with contextlib.suppress(OSError):
        file.seek(0)
        file.truncate()


def print_lines_at_once() -> None:
    """Have compiled code print each line when it ends: what waits in a buffer of C is lost in a crash."""
    name = "__stdoutp" if sys.platform == "darwin" else "stdout"
    with contextlib.suppress(ValueError):  # a C library that calls it otherwise
        if _C is not None:
            _C.setvbuf(ctypes.c_void_p.in_dll(_C, name), None, _LINE_BY_LINE, 0)


def read_printed(file: IO[bytes], start: int = 0, dropped: int = 0) -> str:
    """The text of a file that was given to `captured_output`; dropped: bytes that did not get into it."""
    try:
        file.seek(start)
        kept = file.read(MOST_BYTES)
        dropped += file.seek(0, os.SEEK_END) - start - len(kept)
    except OSError:
        return ""
    text = kept.decode("utf-8", errors="replace")
    return f"{text}\n... and {dropped} bytes more" if dropped else text


@contextlib.contextmanager
def _descriptor(file: IO[bytes]) -> Iterator[None]:
    """Keep what is written to file descriptor 1. Where that is not possible, it passes by."""
    try:
        to = file.fileno()
        before = os.dup(1)
    except OSError:  # standard output is closed, or the file is memory
        yield
        return
    try:
        _flush()
        os.dup2(to, 1)
        try:
            yield
        finally:
            _flush()
            os.dup2(before, 1)
    finally:
        os.close(before)


def _nameless() -> IO[bytes]:
    """A file that is gone when it is closed; memory, where there can be none."""
    try:
        if hasattr(os, "memfd_create"):
            return os.fdopen(os.memfd_create("gradcli"), "w+b", buffering=0)
        import tempfile

        return tempfile.TemporaryFile(buffering=0)
    except OSError:
        return io.BytesIO()


def _flush() -> None:
    """Send what waits in buffers of Python and of C to where it was meant to go."""
    if sys.__stdout__ is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.__stdout__.flush()
    if _C is not None:
        _C.fflush(None)
