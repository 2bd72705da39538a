"""What a check can see, as Rich renderables."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from gradcli.mutate import CAUGHT, EQUIVALENT, Mutant, Power
from gradcli.report.numbers import count
from gradcli.report.plain import printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_STYLES = {CAUGHT: "green", EQUIVALENT: "dim"}


@dataclass(frozen=True)
class PowerReport:
    """A headline, then every survivor with its line; all versions if verbose."""

    power: Power
    verbose: bool = False

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        power = self.power
        shown = [m for m in power.mutants if self.verbose or m.fate not in (CAUGHT, EQUIVALENT)]
        yield from (_line(power.file, mutant) for mutant in shown)
        equivalent = len(power.mutants) - power.counted
        same = f"; {count(equivalent, 'edit')} changed nothing" if equivalent else ""
        style = "green" if power.caught == power.counted else "bold red"
        caught = f"{power.caught} of {count(power.counted, 'damaged version')} caught"
        yield Text(f"{printable(power.id)}: {caught}{same}", style)


def _line(file: str, mutant: Mutant) -> Text:
    line = Text(f"{mutant.fate}: ", _STYLES.get(mutant.fate, "bold red"))
    reason = f" ({mutant.reason})" if mutant.reason else ""
    return line.append(printable(f"{Path(file).name}:{mutant.edit.line}: {mutant.edit.what}{reason}"), "")
