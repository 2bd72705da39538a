"""What reports that draw show beside a result, measured where a check did not pass."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gradcli.problem import Problem
from gradcli.result import FAIL, PASS, CheckResult, NodeRow
from gradcli.spec import Settings

if TYPE_CHECKING:
    from gradcli.sweep import Curve

_RATIO, _LEAST = 15.0, 2.0  # the nodes may take so many times as long as the check, and so many seconds


@dataclass(frozen=True, eq=False)
class Drawings:
    """Nothing, for a check that passed."""

    curves: "Mapping[str, Curve]" = field(default_factory=dict)  # of gradients in doubt, by name
    nodes: tuple[NodeRow, ...] = ()  # of forward, where a gradient is wrong


def drawings(problem: Problem, result: CheckResult, settings: Settings) -> Drawings:
    """Measure them; problem: at the point that the result is about.

    Cost: 20 evaluations of forward, 148 for each gradient in doubt, and the numeric gradients of all nodes,
    each within the budget of the check.
    """
    if result.verdict == PASS or result.interrupted:
        return Drawings()
    from gradcli.sweep import curves_of_doubt

    return Drawings(curves_of_doubt(problem, result, settings), _nodes(problem, result, settings))


def _nodes(problem: Problem, result: CheckResult, settings: Settings) -> tuple[NodeRow, ...]:
    if result.node_table or all(gradient.verdict != FAIL for gradient in result.gradients.values()):
        return result.node_table
    from gradcli.blame.case import Case
    from gradcli.blame.nodes import study

    seconds = min(settings.budget, max(_LEAST, _RATIO * result.seconds))
    return study(Case.of(problem, result), settings, seconds).rows
