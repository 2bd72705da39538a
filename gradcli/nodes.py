"""The nodes of a problem that was checked: read when a table or a dump asks for them, at most once."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gradcli.arrays import Array
from gradcli.problem import Problem
from gradcli.result import CheckResult
from gradcli.spec import Settings

if TYPE_CHECKING:
    from gradcli.blame.study import Study

_RATIO, _LEAST = 15.0, 2.0  # a dump may take so many times as long as the check, and so many seconds


class Nodes:
    """What forward computes on its way, what of it forward saved, and its gradients in backward."""

    def __init__(
        self,
        problem: Problem,
        result: CheckResult,
        settings: Settings,
        saved: Callable[[], Mapping[str, Array]],
    ) -> None:
        self._problem = problem
        self._result = result
        self._settings = settings
        self._saved = saved

    def attach(self) -> CheckResult:
        """The result from which a dump can read the nodes, with their table if it was asked for."""
        result = replace(self._result, nodes=self.values, node_gradients=self.gradients)
        if not self._settings.nodes:
            return result
        if self._problem.hold is not None:
            remark = "nodes are not compared where some are declared constant"
            return replace(result, remarks=(*result.remarks, remark))
        remarks = (*result.remarks, self._study.remark) if self._study.remark else result.remarks
        return replace(result, node_table=self._study.rows, remarks=remarks)

    def values(self) -> dict[str, Array]:
        """Every node by name, and whatever else forward saved."""
        found = dict(self._study.values)
        for name, array in self._saved().items():
            if name not in found or _close(array, found[name]):
                found[name] = array  # in the precision of the check
        return found

    def gradients(self) -> Mapping[str, Array]:
        """The gradients of nodes as backward computes them."""
        return self._study.gradients

    @cached_property
    def _study(self) -> "Study":
        from gradcli.blame.case import Case  # only now: a check needs nothing of it
        from gradcli.blame.nodes import study

        budget = self._settings.budget
        seconds = budget if self._settings.nodes else min(budget, max(_LEAST, _RATIO * self._result.seconds))
        return study(Case.of(self._problem, self._result), self._settings, seconds)


def _close(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=1e-3, atol=0.0, equal_nan=True))
