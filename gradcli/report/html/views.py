"""What the page shows of a check: ready to be drawn, without its arrays."""

from dataclasses import dataclass

import numpy as np

from gradcli.report import numbers
from gradcli.report.console import XFAIL, Cells, cells, check_summary
from gradcli.report.files.places import relative
from gradcli.report.html.context import SourceLine, context
from gradcli.report.html.errors import can_be_drawn, relative_errors
from gradcli.report.html.graph import Graph, graph
from gradcli.report.html.heatmap import Heatmap, heatmap
from gradcli.report.html.histogram import Bar, histogram
from gradcli.report.html.scatter import Scatter, scatter
from gradcli.report.plain import printable, printable_lines
from gradcli.report.svg import document as curve_drawing
from gradcli.result import FAIL, INCONCLUSIVE, PASS, Blame, CheckResult, Gradient
from gradcli.suite.drawings import Drawings
from gradcli.suite.outcome import Outcome

ERROR = "error"  # a check that could not run
ORDER = (FAIL, ERROR, INCONCLUSIVE, XFAIL, PASS)
_WORST = 8  # elements in a table


@dataclass(frozen=True)
class ElementView:
    """One element in numbers."""

    index: str
    analytic: str
    numeric: str
    error: str
    wrong: bool


@dataclass(frozen=True)
class GradientView:
    """One gradient: its row of the table, and its drawings where there are any."""

    cells: Cells
    verdict: str
    heatmap: Heatmap | None
    bars: tuple[Bar, ...]
    scatter: Scatter | None
    curve: str  # an SVG element, or nothing
    worst: tuple[ElementView, ...]


@dataclass(frozen=True)
class FindingView:
    """A broken promise, a warning, or why the check could not run."""

    code: str
    message: str
    is_warning: bool


@dataclass(frozen=True)
class BlameView:
    """The line at fault, among the lines around it."""

    place: str
    node: str
    diagnosis: str
    downstream: str
    lines: list[SourceLine]


@dataclass(frozen=True)
class CheckView:
    """One check."""

    id: str
    status: str
    summary: str
    rerun: str
    replay: str
    findings: list[FindingView]
    blames: list[BlameView]
    gradients: list[GradientView]
    graph: Graph | None  # of forward, where its nodes were compared
    remarks: list[str]
    output: list[str]


def view(outcome: Outcome) -> CheckView:
    """All that is shown of it."""
    result = outcome.result
    blames = () if result is None else result.blames
    drawn = outcome.drawings or Drawings()
    nodes = () if result is None else drawn.nodes or result.node_table
    gradients = () if result is None else result.gradients.values()
    return CheckView(
        id=printable(outcome.id),
        status=_status(result),
        summary="could not run" if result is None else check_summary(result).plain,
        rerun="" if result is None else printable(result.rerun or ""),
        replay=printable(outcome.replay or ""),
        findings=_findings(outcome),
        blames=[_blame(blame) for blame in blames],
        gradients=[
            _gradient(gradient, curve_drawing([curve]) if (curve := drawn.curves.get(gradient.name)) else "")
            for gradient in gradients
        ],
        graph=graph(nodes, {blame.node for blame in blames}),
        remarks=[] if result is None else [printable(remark) for remark in result.remarks],
        output=printable_lines(outcome.output),
    )


def _status(result: CheckResult | None) -> str:
    if result is None:
        return ERROR
    return result.verdict if result.expected is None else XFAIL


def _findings(outcome: Outcome) -> list[FindingView]:
    if outcome.result is None:
        return [FindingView(ERROR, printable(str(outcome.error)), False)]
    return [
        FindingView(violation.code, printable(violation.message), violation.is_warning)
        for violation in outcome.result.violations
    ]


def _gradient(gradient: Gradient, curve: str) -> GradientView:
    drawn = can_be_drawn(gradient)
    return GradientView(
        cells=cells(gradient, ascii_only=False),
        verdict=gradient.verdict,
        heatmap=heatmap(gradient) if drawn else None,
        bars=histogram(gradient) if drawn else (),
        scatter=scatter(gradient) if drawn else None,
        curve=curve,
        worst=_worst(gradient) if drawn and gradient.verdict != PASS else (),
    )


def _worst(gradient: Gradient) -> tuple[ElementView, ...]:
    """The elements with the largest relative error, wrong ones first."""
    errors = relative_errors(gradient).ravel()
    wrong = np.zeros(errors.shape, dtype=bool) if gradient.failing is None else gradient.failing.ravel()
    order = np.lexsort((-np.nan_to_num(errors, nan=-1.0), ~wrong))[:_WORST]
    return tuple(_element(gradient, int(at), errors[at], bool(wrong[at])) for at in order if errors[at] >= 0)


def _element(gradient: Gradient, at: int, error: float, wrong: bool) -> ElementView:
    digits = numbers.digits_to_tell_apart(gradient)
    index = tuple(map(int, np.unravel_index(at, gradient.shape))) if gradient.shape else ()
    numeric = numbers.value(float(gradient.numeric[index]), digits)
    return ElementView(
        index=numbers.index(index),
        analytic=numbers.value(float(np.asarray(gradient.analytic)[index]), digits),
        numeric=f"{numeric} ± {numbers.relative(float(gradient.uncertainty[index]))}",
        error=numbers.relative(float(error)),
        wrong=wrong,
    )


def _blame(blame: Blame) -> BlameView:
    return BlameView(
        place=printable(f"{relative(blame.file)}:{blame.line}"),
        node=printable(blame.node),
        diagnosis=printable(blame.diagnosis),
        downstream=printable(", ".join(blame.downstream)),
        lines=context(blame),
    )
