"""What a check can see, as Rich renderables."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from gradcli.mutate import CAUGHT, EQUIVALENT, NEVER_RAN, SURVIVED, Mutant, Power
from gradcli.report.numbers import count
from gradcli.report.plain import printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_STYLES = {CAUGHT: "green", EQUIVALENT: "dim", NEVER_RAN: "yellow"}


@dataclass(frozen=True)
class PowerReport:
    """A headline, then every survivor with its line; all versions if verbose."""

    power: Power
    verbose: bool = False

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        power = self.power
        shown = [m for m in power.mutants if self.verbose or m.fate == SURVIVED]
        yield from (_line(power.file, mutant) for mutant in shown)
        same = f"; {count(power.equivalent, 'edit')} changed nothing" if power.equivalent else ""
        style = "green" if power.caught == power.counted else "bold red"
        caught = f"{power.caught} of {count(power.counted, 'damaged version')} caught"
        if power.idle:
            lines = _spans(power.idle)
            yield Text(
                printable(f"never ran: {Path(power.file).name}:{lines}: no point of this check gets there"),
                "yellow",
            )
        yield Text(f"{printable(power.id)}: {caught}{same}", style)


def _spans(lines: Sequence[int]) -> str:
    """`3, 7-9` for 3, 7, 8, 9."""
    spans: list[list[int]] = []
    for line in lines:
        if spans and line == spans[-1][-1] + 1:
            spans[-1].append(line)
        else:
            spans.append([line])
    return ", ".join(str(s[0]) if len(s) == 1 else f"{s[0]}-{s[-1]}" for s in spans)


def _line(file: str, mutant: Mutant) -> Text:
    line = Text(f"{mutant.fate}: ", _STYLES.get(mutant.fate, "bold red"))
    reason = f"; {mutant.reason}" if mutant.reason else ""
    return line.append(printable(f"{Path(file).name}:{mutant.edit.line}: {mutant.edit.what}{reason}"), "")
