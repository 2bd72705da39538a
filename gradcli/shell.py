"""Lines to paste into a shell, and words as a shell reads them."""

import os
import re
import shlex
from collections.abc import Iterable

_WINDOWS = os.name == "nt"


def shell_line(words: Iterable[str], *, windows: bool = _WINDOWS) -> str:
    """The words as one printable line, each quoted where it has to be.

    A word with control characters, or with bytes that are no text, is quoted as bash, zsh and ksh know it:
    `$'new\\nline.py'`. On Windows, cmd and PowerShell know double quotes only.
    """
    if windows:
        return " ".join(map(_double_quoted, words))
    return " ".join(shlex.quote(word) if word.isprintable() else _escaped(word) for word in words)


def shell_words(line: str, *, windows: bool = _WINDOWS) -> list[str]:
    """The words of a line. On Windows a backslash is part of a path. Raises ValueError for an open quote."""
    if not windows:
        return shlex.split(line)
    return [re.sub(r"^(['\"])(.*)\1$", r"\2", word) for word in shlex.split(line, posix=False)]


def _double_quoted(word: str) -> str:
    is_plain = re.fullmatch(r"[\w.:/\\=+-]+", word)
    return word if is_plain else '"{}"'.format(word.replace('"', '\\"'))


def _escaped(word: str) -> str:
    escaped = re.sub(r"[\\']", r"\\\g<0>", word)
    return f"$'{''.join(c if c.isprintable() else _escape(c) for c in escaped)}'"


def _escape(character: str) -> str:
    """One that does not print; half a surrogate stands for a byte that is no UTF-8."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\U{code:08x}"
