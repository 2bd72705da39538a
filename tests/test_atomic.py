"""A text file is written whole or not at all."""

from pathlib import Path

import pytest

from gradcli.atomic import refuse_unwritable, write_text
from gradcli.errors import UsageError


def test_text_is_written_as_utf_8_with_plain_line_ends(tmp_path):
    write_text(tmp_path / "a.txt", "±\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc2\xb1\n"


def test_a_file_that_was_there_survives_a_failure_and_nothing_is_left_behind(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("before")

    def fail(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(UsageError) as caught:
        write_text(path, "after")
    assert str(caught.value) == f"{path}: cannot be written: No space left on device"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "before"


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_text(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "text"


@pytest.mark.parametrize("write", [refuse_unwritable, lambda path: write_text(path, "")])
def test_a_place_that_cannot_be_written_is_refused(tmp_path, write):
    for path, why in (
        (tmp_path / "no" / "a.txt", "No such file or directory"),
        (tmp_path, "it is a folder, not a file"),
        (Path("/dev/null"), "it is a device or a pipe, not a file"),
    ):
        with pytest.raises(UsageError) as caught:
            write(path)
        assert str(caught.value) == f"{path}: cannot be written: {why}"


def test_trying_leaves_nothing_behind(tmp_path):
    refuse_unwritable(tmp_path / "a.txt")
    assert list(tmp_path.iterdir()) == []
