"""What waits for a report: in a file, on a full disk in memory, and never lost."""

import io
import tempfile

import pytest

from gradcli.suite import spool
from gradcli.suite.spool import Spool

VALUES = [("a", 1), ["b" * 40], None, {"c": (2, 3)}]


class FullDisk:
    """A file that takes so many bytes, and then as much of the next as fits or an error."""

    def __init__(self, room, error):
        self._file, self._room, self._error = io.BytesIO(), room, error
        self.seek, self.read, self.close = self._file.seek, self._file.read, self._file.close

    def write(self, data):
        fits, self._room = data[: self._room], max(self._room - len(data), 0)
        if self._error and len(fits) < len(data):
            raise OSError(28, "No space left on device")
        return self._file.write(fits)


@pytest.fixture
def kept_in(monkeypatch):
    """Says how much stays in memory, and what takes the rest."""

    def arrange(most, file=None):
        monkeypatch.setattr(spool, "_MOST_IN_MEMORY", most)
        if file is not None:
            monkeypatch.setattr(tempfile, "TemporaryFile", lambda buffering: file())

    return arrange


def no_disk():
    raise FileNotFoundError(2, "No usable temporary directory found")


@pytest.mark.parametrize("most", [0, 60, 10**6])
@pytest.mark.parametrize(
    "file", [None, no_disk, lambda: FullDisk(60, True), lambda: FullDisk(60, False)], ids=range(4)
)
def test_everything_comes_back_as_often_as_it_is_asked_for(most, file, kept_in):
    kept_in(most, file)
    kept = Spool()
    for value in VALUES:
        kept.add(value)
    assert list(kept) == list(kept) == VALUES
    assert (len(kept), kept[3], kept[0]) == (4, VALUES[3], VALUES[0])
    kept.reorder([2, 0, 3, 1])
    assert list(kept) == [VALUES[number] for number in (2, 0, 3, 1)]
    other = Spool()
    for frame in kept.frames():
        other.add_frame(frame)
    assert list(other) == list(kept)
    kept.close()
    other.close()
    assert len(kept) == 0


def test_no_more_than_a_little_stays_in_memory(kept_in):
    kept_in(1000)
    kept = Spool()
    for number in range(200):
        kept.add(b"x" * 100 + bytes([number]))
    assert sum(len(one) for one in kept._kept if isinstance(one, bytes)) <= 1000
    assert kept[199][-1] == 199
    kept.close()
