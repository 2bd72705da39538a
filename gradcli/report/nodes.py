"""The table of nodes as a Rich renderable: each intermediate beside what backward computes for it."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from gradcli.report import numbers
from gradcli.report.columns import Columns
from gradcli.report.plain import printable
from gradcli.result import FAIL, INCONCLUSIVE, PASS, UNPAIRED, NodeRow

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderableType

_WORDS = {PASS: "pass", FAIL: "FAIL", INCONCLUSIVE: "unresolved", UNPAIRED: "unpaired"}
_STYLES = {PASS: "green", FAIL: "bold red", INCONCLUSIVE: "yellow", UNPAIRED: "dim"}
_COLUMNS = ("verdict", "node", "line", "in backward", "line", "error", "note")
_LONGEST = 28  # of an expression


def node_rows(rows: Sequence[NodeRow], options: "ConsoleOptions") -> "Iterator[RenderableType]":
    """A table if it fits; where it does not, notes go below it; on the narrowest of terminals, a list."""
    cells = [_cells(row) for row in rows]
    noted = any(row.note for row in rows)
    for columns in (len(_COLUMNS), len(_COLUMNS) - 1) if noted else (len(_COLUMNS) - 1,):
        table = _table(cells, columns)
        if table.width <= options.max_width:
            yield table
            break
    else:
        yield from (Text(" ".join(part for part in row if part)) for row in cells)
        return
    if columns < len(_COLUMNS):
        yield from (Text(printable(f"{row.name or row.backward}: {row.note}")) for row in rows if row.note)


def _cells(row: NodeRow) -> tuple[str, ...]:
    backward = printable(row.backward)
    return (
        _WORDS[row.verdict],
        printable(row.name) or "-",
        str(row.line or "-"),
        (backward if cell_len(backward) <= _LONGEST else f"{backward[: _LONGEST - 3]}...") or "-",
        str(row.backward_line or "-"),
        numbers.relative(row.relative_error) if not math.isnan(row.relative_error) else "-",
        printable(row.note),
    )


def _table(cells: Sequence[tuple[str, ...]], columns: int) -> Columns:
    heads = _COLUMNS[:columns]
    right = [place for place, name in enumerate(heads) if name == "line"]
    return Columns(heads, [row[:columns] for row in cells], [_style(row[0]) for row in cells], right)


def _style(word: str) -> str:
    return next(_STYLES[verdict] for verdict, shown in _WORDS.items() if shown == word)
