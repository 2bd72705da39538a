"""The line that blame names, among the lines around it."""

import linecache
from dataclasses import dataclass

from gradcli.report.plain import printable
from gradcli.result import Blame

_AROUND = 4


@dataclass(frozen=True)
class SourceLine:
    """One line of the user's code."""

    number: int
    text: str
    blamed: bool


def context(blame: Blame) -> list[SourceLine]:
    """A few lines before and after; the line alone if the file has changed since, or cannot be read."""
    lines = linecache.getlines(blame.file)
    at = blame.line - 1
    first_words = blame.source.strip().partition("\n")[0].strip()
    if not 0 <= at < len(lines) or first_words not in lines[at]:
        return [SourceLine(blame.line, printable(blame.source), True)]
    first, last = max(0, at - _AROUND), min(len(lines), at + _AROUND + 1)
    return [
        SourceLine(number + 1, printable(lines[number].rstrip().expandtabs()), number == at)
        for number in range(first, last)
    ]
