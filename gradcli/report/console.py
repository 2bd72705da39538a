"""Check results as Rich renderables: a table of gradients, what is wrong, and a summary.

To be printed with `soft_wrap`: a path or a command in a line stays in one piece.

A row shows the element that decided. What does not fit the width moves into fewer columns, two lines or a
list, but is never cut: a hidden exponent or verdict would be worse than no table.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rich.text import Text

from gradcli.dataclass import dataclass
from gradcli.report import numbers
from gradcli.report.columns import Columns
from gradcli.report.nodes import node_rows
from gradcli.report.numbers import count
from gradcli.report.plain import printable, printable_lines
from gradcli.result import DECLARED, FAIL, INCONCLUSIVE, PASS, Blame, CheckResult, Gradient, Violation
from gradcli.source_line import written_line

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

# Legible without colour: what needs attention is the word in capitals.
_WORDS = {PASS: "pass", FAIL: "FAIL", INCONCLUSIVE: "inconclusive", DECLARED: "declared"}
STYLES = {PASS: "green", FAIL: "bold red", INCONCLUSIVE: "yellow", DECLARED: "cyan"}
XFAIL = "xfail"  # of a check: it fails, as is declared

_ROOMY = 120  # from this width on, all columns are shown unasked

Cells: TypeAlias = dict[str, str]

_STACKED = ["verdict", "gradient", "shape", "compared", "worst error", "analytic\nnumeric"]
_PLAIN = [*_STACKED[:-1], "analytic", "numeric"]
_FULL = [*_PLAIN, "allowed", "method", "evaluations", "note"]


@dataclass(frozen=True)
class CheckReport:
    """All that there is to say about one check."""

    result: CheckResult
    verbose: bool = False
    replay: str | None = None  # the shell line that runs the same arrays again

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[RenderableType]":
        result, ascii_only = self.result, options.ascii_only
        if result.gradients:
            yield from _gradients(result, options, self.verbose)
        if result.node_table:
            yield from node_rows(result.node_table, options)
        yield from (_violation(violation, ascii_only) for violation in result.violations)
        for blame in result.blames:
            yield from _blame(blame, ascii_only)
        yield from _chosen(result)
        yield check_summary(result)
        if result.verdict != PASS and result.rerun:
            yield Text(f"re-run: {printable(result.rerun)}")
        if self.replay:
            yield Text(f"replay: {printable(self.replay)}")
        if self.verbose:
            yield Text(_effort(result))


def _chosen(result: CheckResult) -> Iterator[Text]:
    """What was assumed, chosen or left out, and at which cases the code was looked at."""
    yield from (Text(printable(remark)) for remark in result.remarks)
    if len(result.cases) > 1:
        yield Text(f"{count(len(result.cases), 'case')}: {printable(', '.join(result.cases))}")


def check_summary(result: CheckResult) -> Text:
    """One line that counts the evidence: `PASS  relu[…]: 1 gradient, 6 of 6 elements compared, seed 0`."""
    verdict = word(result)
    gradients = list(result.gradients.values())
    found = f"{_found(gradients)}, {_evidence(gradients)}, seed {result.seed}"
    line = Text()
    style = STYLES[DECLARED] if verdict == XFAIL else STYLES.get(result.verdict, "")
    line.append(verdict.upper() if verdict in ("pass", "FAIL") else verdict, style)
    line.append(f"  {printable(result.id)}: {found}")
    return line.append(f"; {printable(result.expected)}") if result.expected is not None else line


def captured_lines(output: str) -> Iterator[Text]:
    """What the code under test printed, each line marked as such, and once: a check calls it many times."""
    for text, times in Counter(printable_lines(output)).items():
        yield Text(f"| {text}" if times == 1 else f"| {text}  ({times} times)", "dim")


def _gradients(result: CheckResult, options: "ConsoleOptions", verbose: bool) -> "Iterator[RenderableType]":
    """The widest table that fits, or a list; then what it had no column for."""
    rows = [cells(gradient, ascii_only=options.ascii_only) for gradient in result.gradients.values()]
    full = [name for name in _FULL if name != "note" or any(row["note"] for row in rows)]
    layouts = [_PLAIN, _STACKED]
    if verbose or options.max_width >= _ROOMY:
        layouts = [full, _FULL[:-1], *layouts]
    tables = ((names, _table(names, rows)) for names in layouts)
    columns, table = next(((names, t) for names, t in tables if t.width <= options.max_width), ((), None))
    if table is None:
        yield from _records(rows, verbose)
        return
    yield table
    for row in rows:
        if row["note"] and "note" not in columns:
            yield Text(f"{row['gradient']}: {row['note']}")
        if verbose and "method" not in columns:
            yield Text(
                f"{row['gradient']}: method {row['method']}, {row['evaluations']} evaluations, "
                f"allowed {row['allowed']}"
            )


def _table(columns: Sequence[str], rows: Sequence[Cells]) -> Columns:
    return Columns(
        columns,
        [["\n".join(row[part] for part in name.split("\n")) for name in columns] for row in rows],
        [_style(row["verdict"]) for row in rows],
        right=[place for place, name in enumerate(columns) if name == "evaluations"],
    )


def _style(word: str) -> str:
    return next(STYLES[verdict] for verdict, shown in _WORDS.items() if shown == word)


def _records(rows: Sequence[Cells], verbose: bool) -> Iterator[Text]:
    """A list in place of a table, for the narrowest of terminals."""
    shown = ["compared", "worst error", "analytic", "numeric", "note"]
    shown += ["allowed", "method", "evaluations"] if verbose else []
    for row in rows:
        yield Text.assemble(
            Text(row["verdict"], _style(row["verdict"])), f" {row['gradient']} {row['shape']}"
        )
        for name in shown:
            if row[name]:
                yield Text(f"  {name}: {row[name]}")


def cells(gradient: Gradient, *, ascii_only: bool) -> Cells:
    at, digits = gradient.worst_index, numbers.digits_to_tell_apart(gradient)
    plus_minus = "+/-" if ascii_only else "±"
    analytic = numeric = allowed = error = "-"  # of what was never compared, there is nothing to show
    if gradient.size:
        analytic = numbers.value(float(gradient.analytic[at]), digits)
    if gradient.compared:
        error = numbers.relative(gradient.relative_error)
        error = f"{error} @ {numbers.index(at)}" if at else error
    if gradient.size and gradient.compared:
        uncertainty = numbers.relative(float(gradient.uncertainty[at]))
        numeric = f"{numbers.value(float(gradient.numeric[at]), digits)} {plus_minus} {uncertainty}"
        allowed = numbers.relative(float(gradient.allowed[at]))
    return {
        "verdict": _WORDS[gradient.verdict],
        "gradient": printable(gradient.name),
        "shape": numbers.shape(gradient),
        "compared": _compared(gradient),
        "worst error": error,
        "analytic": analytic,
        "numeric": numeric,
        "allowed": allowed,
        "method": printable(gradient.method) or "-",
        "evaluations": str(gradient.evaluations),
        "note": _note(gradient),
    }


def _note(gradient: Gradient) -> str:
    parts = [printable(gradient.note)] if gradient.note else []
    if gradient.probes and gradient.detectable is not None:
        parts.append(f"an error of {numbers.relative(gradient.detectable)} in one element would show")
    return ", ".join(parts)


def _compared(gradient: Gradient) -> str:
    elements = f"{gradient.compared} of {gradient.size}"
    if not gradient.probes:
        return elements
    probes = count(gradient.probes, "probe")
    return f"{probes}, {elements}" if gradient.compared else probes


def _evidence(gradients: Sequence[Gradient]) -> str:
    compared, size = sum(g.compared for g in gradients), sum(g.size for g in gradients)
    return evidence(compared, size, sum(gradient.probes for gradient in gradients))


def evidence(compared: int, size: int, probes: int) -> str:
    """`12 of 12 elements compared, 8 probes`."""
    elements = f"{compared} of {count(size, 'element')} compared"
    return f"{elements}, {count(probes, 'probe')}" if probes else elements


def _found(gradients: Sequence[Gradient]) -> str:
    """`3 gradients`, `1 of 3 gradients wrong`, `no gradient`."""
    if not gradients:
        return "no gradient"
    total = count(len(gradients), "gradient")
    verdicts = [gradient.verdict for gradient in gradients]
    for verdict, word in ((FAIL, "wrong"), (INCONCLUSIVE, "inconclusive"), (DECLARED, "declared to differ")):
        if verdict in verdicts:
            return f"{verdicts.count(verdict)} of {total} {word}"
    return total


def _violation(violation: Violation, ascii_only: bool) -> Text:
    """`layers.py:12: GC103 gamma: …`; lines of a longer message are indented."""
    where = f"{_place(violation.file, violation.line)}: " if violation.file else ""
    about = f"{printable(violation.gradient)}: " if violation.gradient else ""
    message = violation.message.replace("±", "+/-") if ascii_only else violation.message
    first, *rest = printable_lines(message) or [""]
    word, style = ("warning ", "yellow") if violation.is_warning else ("", "red")
    line = Text(where)
    line.append(f"{word}{violation.code}", style).append(f" {about}{first}")
    for more in rest:
        line.append(f"\n    {more}")
    return line


def _blame(blame: Blame, ascii_only: bool) -> Iterator[Text]:
    """Line and diagnosis, the line itself, and what is wrong because of it."""
    first, *rest = printable_lines(blame.diagnosis) or [""]
    yield Text(f"{_place(blame.file, blame.line)}: {first}", "bold")
    for more in rest:
        yield Text(f"    {more}")
    for source in printable_lines(blame.source)[:1]:
        yield Text(f"{blame.line:>6} {'|' if ascii_only else '│'} {source}")
    if blame.downstream:
        yield Text(f"    wrong because of it: {printable(', '.join(blame.downstream))}")


def _place(file: str, line: int | None) -> str:
    """file:line, relative to the current folder where it lies below it."""
    inside = os.path.realpath(file).startswith(os.path.realpath(Path.cwd()) + os.sep)
    shown = printable(os.path.relpath(file) if inside else file)
    return shown if line is None else written_line(shown, line)


def _effort(result: CheckResult) -> str:
    forwards = f"{count(result.evaluations, 'forward')}, {count(result.backward_evaluations, 'backward')}"
    return f"{result.dtype}, {forwards}, {result.seconds:.2f} s"


def word(result: CheckResult) -> str:
    """A check that was interrupted has failed, if it has, but it has not passed."""
    if result.expected is not None:
        return XFAIL
    return "interrupted" if result.interrupted and result.verdict != FAIL else _WORDS[result.verdict]
