"""Lines to paste into a shell."""

import re
import shlex
from collections.abc import Iterable


def shell_line(words: Iterable[str]) -> str:
    """The words as one printable line, each quoted where it has to be.

    A word with control characters, or with bytes that are no text, is quoted as bash, zsh and ksh know it:
    `$'new\\nline.py'`.
    """
    return " ".join(shlex.quote(word) if word.isprintable() else _escaped(word) for word in words)


def _escaped(word: str) -> str:
    escaped = re.sub(r"[\\']", r"\\\g<0>", word)
    return f"$'{''.join(c if c.isprintable() else _escape(c) for c in escaped)}'"


def _escape(character: str) -> str:
    """One that does not print; half a surrogate stands for a byte that is no UTF-8."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\U{code:08x}"
