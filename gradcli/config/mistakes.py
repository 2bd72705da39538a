"""The mistakes of one file, in the order of their positions."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

from gradcli.errors import ConfigError
from gradcli.targets.near_miss import did_you_mean

MOST_SHOWN = 200
_LONGEST_QUOTE = 60
_PLAIN_NAME = re.compile(rf"[\w-]{{1,{_LONGEST_QUOTE}}}")


class Positioned(Protocol):
    """Anything that knows where in the file it stands, counted from 1."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


class Position(NamedTuple):
    line: int
    column: int


class Wrong(Exception):
    """What is wrong with a value, and which one, for it may be part of a list or a mapping."""

    def __init__(self, at: Positioned, what: str) -> None:
        super().__init__(what)
        self.at = at


class Mistakes:
    """Collects what is wrong with one file; `raise_if_any` reports all of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[tuple[int, int, str]] = []

    def add(self, at: Positioned, what: str) -> None:
        """Note a mistake. A file with very many of them is given up at once: nobody reads them all."""
        self._found.append((at.line, at.column, what))
        if len(self._found) >= MOST_SHOWN:
            raise ConfigError(
                [*self.lines(), f"{self._path}: only the first {MOST_SHOWN} mistakes are shown"]
            )

    def noting(self, where: str) -> "_Noting":
        """Note a `Wrong` raised inside as a mistake, and go on after it."""
        return _Noting(self, where)

    def __len__(self) -> int:
        return len(self._found)

    def lines(self) -> list[str]:
        return [f"{self._path}:{line}:{column}: {what}" for line, column, what in sorted(self._found)]

    def raise_if_any(self) -> None:
        if self._found:
            raise ConfigError(self.lines())


class _Noting:
    """A context; a class, because every key of a config opens one and a generator takes much longer."""

    __slots__ = ("_mistakes", "_where")

    def __init__(self, mistakes: Mistakes, where: str) -> None:
        self._mistakes = mistakes
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if not isinstance(error, Wrong):
            return False
        self._mistakes.add(error.at, f"{self._where}: {error}")
        return True


def inside(where: str, name: str) -> str:
    """The path of a key: `checks[0].eps`, or `checks[0]['a key']` if it is no plain name."""
    if not _PLAIN_NAME.fullmatch(name):
        return f"{where}[{quoted(name)}]"
    return f"{where}.{name}" if where else name


def quoted(text: str) -> str:
    """The user's text for a message: control characters escaped, long text cut."""
    if len(text) <= _LONGEST_QUOTE:
        return repr(text)
    return f"{text[: _LONGEST_QUOTE - 3]!r}..."


def unquoted(text: str) -> str:
    """The same without the quotes around it, for numbers and the like."""
    return text if len(text) <= _LONGEST_QUOTE and text.isprintable() else quoted(text)


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'step'?`, or nothing where no known word is near."""
    # A long word is no misspelling of a short one, and comparing it would take long.
    return did_you_mean(word, known) if len(word) <= _LONGEST_QUOTE else ""
