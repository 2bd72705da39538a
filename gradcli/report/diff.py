"""Two dumps side by side, as Rich renderables."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from gradcli.diff import Comparison, Row
from gradcli.digits import telling_apart
from gradcli.report import numbers
from gradcli.report.columns import GAP, Columns
from gradcli.report.numbers import count
from gradcli.report.plain import printable
from gradcli.targets.notation import format_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderableType

_HEADS = ("verdict", "array", "shape", "dtype", "worst difference")
_GIVEN = ("in", "const", "cotangent")  # not computed by the code under test


@dataclass(frozen=True)
class DiffReport:
    """A row for each value, what only one dump has, and the first difference as the last line."""

    comparison: Comparison
    names: tuple[str, str]
    quiet: bool = False  # the last line alone

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[RenderableType]":
        if not self.quiet:
            yield from _rows(self.comparison, self.names, options.max_width)
            for name, keys in zip(self.names, self.comparison.only, strict=True):
                if keys:
                    yield Text(f"only in {printable(name)}: {printable(', '.join(keys))}")
        yield _summary(self.comparison, self.names)


def _rows(comparison: Comparison, names: tuple[str, str], width: int) -> "Iterator[RenderableType]":
    """The widest table that fits, or a list: nothing is cut or folded."""
    cells = [_cells(row) for row in comparison.rows]
    heads = (*_HEADS, *map(printable, names))
    for left_out in ((), ("dtype",), ("dtype", "shape")):
        columns = [place for place, head in enumerate(heads) if head not in left_out]
        rows = [[row[place] for place in columns] for row in cells]
        table = Columns([heads[place] for place in columns], rows, [_style(row[0]) for row in rows])
        if table.width + GAP <= width:
            yield table
            return
    for verdict, key, shape, dtype, difference, *values in cells:
        line = Text.assemble(_verdict(verdict), f" {key} {shape} {dtype}: {difference}")
        yield line.append(f", {' against '.join(values)}" if any(values) else "")


def _verdict(word: str) -> Text:
    return Text(word, _style(word))


def _style(word: str) -> str:
    return "green" if word == "same" else "bold red"


def _cells(row: Row) -> list[str]:
    shapes = dict.fromkeys(map(format_shape, row.shapes))
    return [
        "DIFFERS" if row.differs else "same",
        printable(row.key),
        " / ".join(shapes),
        " / ".join(dict.fromkeys(row.dtypes)),
        _difference(row),
        *_values(row),
    ]


def _difference(row: Row) -> str:
    if row.shapes[0] != row.shapes[1]:
        return "another shape"
    at = f" @ {numbers.index(row.index)}" if row.index else ""
    return f"{numbers.relative(row.difference)}{at}"


def _values(row: Row) -> tuple[str, str]:
    """Both numbers, with as many digits as tell them apart."""
    if row.values is None:
        return "", ""
    one, other = (_number(value, row.difference) for value in row.values)
    return one, other


def _number(value: object, difference: float) -> str:
    if isinstance(value, np.floating):
        return numbers.value(float(value), telling_apart(difference))
    return str(value)


def _summary(comparison: Comparison, names: tuple[str, str]) -> Text:
    one, other = map(printable, names)
    first = comparison.first
    if first is None:
        agree = f"{count(len(comparison.rows), 'array')} agree to rounding in {comparison.precision}"
        return Text("SAME", "green").append(f"  {one}, {other}: {agree}", "default")
    differing = sum(row.differs for row in comparison.rows)
    what = f"{printable(first.key)} is the first of {count(len(comparison.rows), 'array')} to differ"
    line = Text("DIFFERENT", "bold red").append(f"  {one}, {other}: {what}", "default")
    if first.shapes[0] != first.shapes[1]:
        line.append(f" ({' against '.join(map(format_shape, first.shapes))})", "default")
    elif first.values is not None:
        at = f" at {numbers.index(first.index)}" if first.index else ""
        line.append(f" ({' against '.join(_values(first))}{at})", "default")
    line.append(f"; {differing - 1} after it" if differing > 1 else "", "default")
    given = first.key.partition("/")[0] in _GIVEN
    return line.append("; the two were not run on the same numbers" if given else "", "default")
