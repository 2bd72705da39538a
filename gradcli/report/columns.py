"""A table without borders: heads, a rule, rows. Rich's own takes milliseconds, and a suite has many."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from gradcli.dataclass import dataclass

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

GAP = 2  # between two columns


@dataclass(frozen=True)
class Columns:
    """Heads and cells may have several lines; nothing is ever cut or folded."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    styles: Sequence[str]  # of the first cell of each row
    right: Collection[int] = ()  # columns whose cells stand at the right

    @property
    def width(self) -> int:
        """Characters of its lines."""
        widths = self._widths()
        return sum(widths) + GAP * (len(widths) - 1)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        widths = self._widths()
        rule = ("-" if options.ascii_only else "─") * self.width
        table = Text()
        for line in self._lines(_low(self.heads), widths):
            table.append(f"{line}\n", "bold")
        table.append(rule)
        for cells, style in zip(self.rows, self.styles, strict=True):
            for number, line in enumerate(self._lines(cells, widths)):
                table.append("\n")
                if number == 0:
                    table.append(cells[0], style)
                    line = line[len(cells[0]) :]
                table.append(line)
        yield table

    def _widths(self) -> list[int]:
        return [max(map(_width, column)) for column in zip(self.heads, *self.rows, strict=True)]

    def _lines(self, cells: Sequence[str], widths: Sequence[int]) -> Iterable[str]:
        """A row, as many lines as its tallest cell."""
        parts = [cell.split("\n") for cell in cells]
        for number in range(max(map(len, parts))):
            line = [part[number] if number < len(part) else "" for part in parts]
            padded = (
                _padded(text, width, place in self.right)
                for place, (text, width) in enumerate(zip(line, widths, strict=True))
            )
            yield (" " * GAP).join(padded).rstrip()


def _low(heads: Sequence[str]) -> list[str]:
    """All of the same height, standing on the rule."""
    height = max(head.count("\n") for head in heads)
    return ["\n" * (height - head.count("\n")) + head for head in heads]


def _width(cell: str) -> int:
    return max(map(cell_len, cell.split("\n")))


def _padded(text: str, width: int, right: bool) -> str:
    padding = " " * (width - cell_len(text))
    return padding + text if right else text + padding
