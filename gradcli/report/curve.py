"""Error against step as a plot of up to 80 columns, in block characters or in plain ASCII."""

import math
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from gradcli.arrays import FloatArray
from gradcli.report.numbers import relative
from gradcli.report.plain import printable
from gradcli.sweep import Curve, Sweep

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

LEGEND = "left: round-off grows as 1/step; right: truncation grows as step^2 / step^4"

_COLUMNS_PER_DECADE = 5  # where there is room
_MARGIN = 10  # columns beside the plot
_LABEL = 6  # columns that a label of the x axis takes
_MOST_DECADES = 18
_LEAST_DECADES = 4


class _Marks(NamedTuple):
    second: str
    fourth: str
    both: str
    level: str
    chosen: str
    line: str  # of the x axis
    tick: str
    corner: str
    side: str  # of the y axis
    label: str  # where it is labelled


_BLOCKS = _Marks("█", "░", "▓", "┄", "▲", "─", "┬", "└", "│", "┤")
_ASCII = _Marks("2", "4", "#", ".", "^", "-", "+", "+", "|", "+")


class Range(NamedTuple):
    """Decades of an axis: 10**low to 10**high."""

    low: int
    high: int


@dataclass(frozen=True)
class CurvePlot:
    """A curve with its title, its legend and what gradcli did at this element."""

    curve: Curve

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        marks = _ASCII if options.ascii_only else _BLOCKS
        curve = self.curve
        above = _wrapped(title(curve), options.max_width)
        below = _wrapped([_key(curve, marks), LEGEND, *remarks(curve)], options.max_width)
        lines = [*above, *_plot(curve, marks, options.max_width), *below]
        yield Text("\n".join(lines), no_wrap=True, overflow="ignore")


def _wrapped(lines: Iterable[str], width: int) -> list[str]:
    """Lines that are broken between words where they do not fit."""
    parts = (
        textwrap.wrap(line, width, break_long_words=False) if len(line) > width else [line] for line in lines
    )
    return [part for found in parts for part in found]


@dataclass(frozen=True)
class SweepReport:
    """All curves of a check, and what there is no curve for."""

    sweep: Sweep

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        for place, curve in enumerate(self.sweep.curves):
            if place:
                yield ""
            yield CurvePlot(curve)
        result = self.sweep.result
        lines = [f"{result.id}: no curve for {reason}" for reason in self.sweep.left_out]
        broken = [v for v in result.violations if not v.is_warning]
        lines += [f"{result.id}: {v.code} {v.message}" for v in broken]
        if broken and result.rerun:
            lines.append(f"the check of this code fails, see {result.rerun}")
        # Not broken into lines here: the command is to be copied.
        yield from (Text(printable(line), no_wrap=True, overflow="ignore") for line in lines)


def title(curve: Curve) -> list[str]:
    """What is plotted, in two lines."""
    kind = "relative" if curve.relative else "absolute"
    return [printable(curve.label), f"{kind} error of a central difference against its step"]


def remarks(curve: Curve) -> list[str]:
    """What the numbers do not say by themselves: how gradcli got its value here."""
    known = f"known to {relative(curve.level)}" if curve.level else "exact"
    known = known if math.isfinite(curve.level) else "of unknown uncertainty"
    if curve.at_kink:
        return ["at a kink: the slopes on its two sides differ, and any step gives their mean"]
    if curve.method == "complex":
        found = [f"gradcli used a complex step here: {known}, whatever the step"]
    elif curve.method == "linear":
        found = [f"linear in this input: gradcli took one long step here, {known}"]
    elif curve.method == "probe":
        found = ["gradcli compared sums along random directions in this input, not single elements"]
    elif curve.chosen is not None:
        found = [f"gradcli used central differences here, step {curve.chosen:.1e}: {known}"]
    else:
        found = ["no step gave an estimate"]
    if curve.method in ("complex", "linear", "probe") and curve.chosen is not None:
        found.append(f"a central difference would take step {curve.chosen:.1e}")
    if not curve.relative:
        found.append("the derivative cannot be told from 0 here, so errors are absolute")
    return found


def shown(curve: Curve, errors: FloatArray) -> list[float | None]:
    """log10 of the errors: an error of 0 at the floor, None where there is none."""
    return [
        math.log10(max(error, curve.floor)) if math.isfinite(error) else None for error in errors.tolist()
    ]


def error_range(curve: Curve) -> Range:
    """The decades that hold the errors and the level; huge errors beyond the last are drawn on its edge."""
    values = [v for errors in (curve.errors2, curve.errors4) for v in shown(curve, errors) if v is not None]
    values += [v for v in [level(curve)] if v is not None]
    low = math.floor(min(values, default=0.0))
    high = math.ceil(max(values, default=0.0))
    return Range(low, min(max(high, low + _LEAST_DECADES), low + _MOST_DECADES))


def step_range(curve: Curve) -> Range:
    """The decades of the steps."""
    first, last = (math.log10(step) for step in (curve.steps[0], curve.steps[-1]))
    return Range(round(first), round(last))


def level(curve: Curve) -> float | None:
    """log10 of the uncertainty of the comparison; None where there is none to show."""
    if not math.isfinite(curve.level):
        return None
    return math.log10(max(curve.level, curve.floor))


def _plot(curve: Curve, marks: _Marks, columns: int) -> list[str]:
    decades, errors = step_range(curve), error_range(curve)
    per_decade = max(1, min(_COLUMNS_PER_DECADE, (columns - _MARGIN) // (decades.high - decades.low)))
    rows_per_decade = 1 if errors.high - errors.low > _MOST_DECADES // 2 else 2
    height = (errors.high - errors.low) * rows_per_decade + 1
    width = (decades.high - decades.low) * per_decade + 1
    canvas = [[" "] * width for _ in range(height)]

    def row(value: float) -> int:
        return min(max(round((errors.high - value) * rows_per_decade), 0), height - 1)

    def column(step: float) -> int:
        return min(max(round((math.log10(step) - decades.low) * per_decade), 0), width - 1)

    if (known := level(curve)) is not None:
        canvas[row(known)] = [marks.level] * width
    for values, mark, taken in (
        (curve.errors4, marks.fourth, ()),
        (curve.errors2, marks.second, (marks.fourth, marks.both)),
    ):
        for step, value in zip(curve.steps.tolist(), shown(curve, values), strict=True):
            if value is not None:
                line, at = canvas[row(value)], column(step)
                line[at] = marks.both if line[at] in taken else mark
    axis = [marks.tick if at % per_decade == 0 else marks.line for at in range(width)]
    if curve.chosen is not None:
        axis[column(curve.chosen)] = marks.chosen
    lines = [f"{_side(i, rows_per_decade, errors, marks)}{''.join(row)}" for i, row in enumerate(canvas)]
    lines = [*lines, f"{'':5} {marks.corner}{''.join(axis)}", _ticks(decades, per_decade)]
    return [line.rstrip() for line in lines]


def _side(row: int, rows_per_decade: int, errors: Range, marks: _Marks) -> str:
    """The y axis at a row: every second decade is labelled."""
    decade, rest = divmod(row, rows_per_decade)
    exponent = errors.high - decade
    if rest or exponent % 2:
        return f"{'':5} {marks.side}"
    return f"{_power(exponent):>5} {marks.label}"


def _ticks(decades: Range, per_decade: int) -> str:
    """The labels below the x axis, each centred below its tick, as many as there is room for."""
    line = [" "] * (7 + (decades.high - decades.low) * per_decade + 3)
    every = 2 * math.ceil(_LABEL / (2 * per_decade))
    for exponent in range(decades.high, decades.low - 1, -every):
        text = _power(exponent)
        start = 7 + (exponent - decades.low) * per_decade - len(text) // 2
        line[start : start + len(text)] = text
    return "".join(line)


def _power(exponent: int) -> str:
    return f"1e{exponent}"


def _key(curve: Curve, marks: _Marks) -> str:
    entries = [f"{marks.second} 2nd order", f"{marks.fourth} 4th order", f"{marks.both} both"]
    if curve.chosen is not None:
        entries.append(f"{marks.chosen} chosen step")
    if level(curve) is not None:
        entries.append(f"{marks.level * 2} uncertainty of the check")
    return "   ".join(entries)
