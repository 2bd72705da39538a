"""Jupyter notebooks as Python: one piece of source for each code cell, magics left out."""

import ast
import json
import re
from typing import NamedTuple

from gradcli.errors import TargetError

_OTHER_LANGUAGES = re.compile(
    r"%%(bash|sh|html|javascript|js|latex|markdown|svg|writefile|script|perl|ruby|cython)"
)
_MAGIC = re.compile(
    r"^(?P<indent>\s*)(?:[\w, ]+=\s*)?[%!].*$|^(?P<help>\s*)(?:\?{1,2}[\w.]+|[\w.]+\?{1,2})\s*$"
)


class Cell(NamedTuple):
    """A code cell: how messages call it, and its Python with every line where it was."""

    shown: str
    source: str


def read_cells(text: str, shown: str) -> list[Cell]:
    """The code cells of a notebook, counted as Jupyter shows them: among all cells, from 1.

    Raises TargetError for what is no notebook.
    """
    try:
        cells = json.loads(text)["cells"]
        sources = [(one["cell_type"], one["source"]) for one in cells]
    except (ValueError, KeyError, TypeError) as error:
        raise TargetError(f"{shown}: is not a notebook in Jupyter's format 4") from error
    return [
        Cell(f"{shown}: cell {number}", _python("".join(source)))
        for number, (kind, source) in enumerate(sources, 1)
        if kind == "code"
    ]


def _python(source: str) -> str:
    """The cell without magics; lines keep their numbers."""
    if _OTHER_LANGUAGES.match(source.lstrip()):
        return ""
    if _parses(source):
        return source
    return "\n".join(_without_magic(line) for line in source.split("\n"))


def _without_magic(line: str) -> str:
    match = _MAGIC.match(line)
    return line if match is None else f"{match['indent'] or match['help'] or ''}pass"


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True
