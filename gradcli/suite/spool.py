"""Values that wait in a file until a report is made of them: many of them take the memory of one."""

import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Generic, NamedTuple, TypeVar

_MOST_IN_MEMORY = 2**20  # bytes: a short run makes no file

T = TypeVar("T")


class _Place(NamedTuple):
    """Where a value lies in the file."""

    start: int
    length: int


class Spool(Generic[T]):
    """A sequence of which each value is read again whenever it is asked for.

    What the disk has no room for stays in memory.
    """

    def __init__(self, dump: Callable[[T], bytes] = pickle.dumps) -> None:
        """dump: makes what pickle reads."""
        self._dump = dump
        self._kept: list[bytes | _Place] = []
        self._in_memory = 0
        self._file: IO[bytes] | None = None
        self._end = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, number: int) -> T:
        value: T = pickle.loads(self._read(self._kept[number]))
        return value

    def __iter__(self) -> Iterator[T]:
        return map(self.__getitem__, range(len(self)))

    def add(self, value: T) -> None:
        self.add_frame(self._dump(value))

    def frames(self) -> Iterator[bytes]:
        """The values as they are kept, for another process."""
        return map(self._read, self._kept)

    def add_frame(self, data: bytes) -> None:
        """Add what a spool in another process keeps."""
        if self._in_memory + len(data) > _MOST_IN_MEMORY and (place := self._written(data)) is not None:
            self._kept.append(place)
        else:
            self._in_memory += len(data)
            self._kept.append(data)

    def reorder(self, numbers: Iterable[int]) -> None:
        """Put the values into another order: the numbers that they have now."""
        self._kept = [self._kept[number] for number in numbers]

    def close(self) -> None:
        """Forget everything."""
        self._kept.clear()
        if self._file is not None:
            self._file.close()

    def _written(self, data: bytes) -> _Place | None:
        """Where the data lie now; None if the disk is full."""
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (until all reports are made)
            self._file.seek(self._end)
            if self._file.write(data) < len(data):
                return None
        except OSError:
            return None
        self._end += len(data)
        return _Place(self._end - len(data), len(data))

    def _read(self, kept: bytes | _Place) -> bytes:
        if not isinstance(kept, _Place):
            return kept
        assert self._file is not None
        self._file.seek(kept.start)
        return self._file.read(kept.length)
