"""Text files that are written whole or not at all."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from gradcli.errors import UsageError
from gradcli.reachable import is_folder, is_there


def refuse_unwritable(path: Path) -> None:
    """Raise UsageError, one line, if no file can be written there: before the work, not after it."""
    home = _home(path)
    try:
        probe = _beside(home)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text; see `write_pieces`."""
    write_pieces(path, [text])


def write_pieces(path: Path, pieces: Iterable[str]) -> None:
    """Write UTF-8 text that is made piece by piece; a file that was there before survives every failure.

    Half a surrogate (a byte of a file name that is no UTF-8) becomes an escape, in the way of JSON.
    Raises UsageError.
    """
    home = _home(path)
    temporary = _beside(home)
    try:
        try:
            with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.writelines(pieces)
            temporary.replace(home)
        except BaseException:  # Ctrl-C too
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def _home(path: Path) -> Path:
    """The file itself: a link stays a link, and what it points to is replaced."""
    home = Path(os.path.realpath(path))
    if is_folder(home):
        raise UsageError(f"{path}: cannot be written: it is a folder, not a file")
    if is_there(home) and not home.is_file():
        raise UsageError(f"{path}: cannot be written: it is a device or a pipe, not a file")
    return home


def _beside(home: Path) -> Path:
    return home.with_name(f".{secrets.token_hex(8)}.tmp")
