"""What the code under test prints, kept out of the report."""

import contextlib
import io
from collections.abc import Iterator
from typing import Protocol

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
    """Keep what Python code prints to stdout and stderr, warnings included.

    What compiled code writes to the file descriptors themselves passes by.
    """
    kept = _Bounded()
    # Not a StringIO: code may write to sys.stdout.buffer.
    stream = io.TextIOWrapper(io.BufferedWriter(kept), encoding="utf-8", errors="replace", write_through=True)
    found = _Text()
    try:
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            yield found
    finally:
        stream.flush()
        found.text = kept.kept.decode("utf-8", errors="replace")
        if kept.dropped:
            found.text += f"\n... and {kept.dropped} bytes more"
