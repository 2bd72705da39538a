"""The promises about more than one call, as far as a check has time for them."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from gradcli import contract
from gradcli.arrays import FloatArray
from gradcli.errors import BrokenPromise
from gradcli.observed import Observed
from gradcli.outcome import Outcome
from gradcli.pace import Pace
from gradcli.problem import Run
from gradcli.result import Violation
from gradcli.subject import Pass, Subject

CALLS = 8  # forwards and backwards that a test of repeated calls takes
_RELATIONS = 20  # and one of other cotangents
_SWITCH = 0.1  # of a gradient's scale: by what rounding does not move it


class Promises:
    """Tests them one after the other, and puts what is broken into the outcome.

    None for an answer: two calls differ, and the numbers of the code cannot be judged.
    """

    def __init__(self, subject: Subject, pace: Pace, outcome: Outcome) -> None:
        self._subject = subject
        self._pace = pace
        self._outcome = outcome
        self._one_cache = False  # whether a cache is known to serve any number of backwards

    def repeated(self, seen: Observed) -> Observed | None:
        """`again` where there is time for it; else the numbers as they are."""
        return self.again(seen) if self._pace.affords("repeated calls", CALLS) else seen

    def again(self, seen: Observed) -> Observed | None:
        """GC106 and GC111: equal calls give equal numbers.

        Returns the numbers to go on with: others, where only a fixed seed makes the code repeatable.
        """
        called, repeatable = contract.calls(
            self._subject, seen.outputs, seen.cotangents, dict(seen.gradients), self._outcome.violations
        )
        self._one_cache = not self._outcome.has("GC106", "GC107", "GC111")
        if not repeatable:
            return None
        return replace(seen, outputs=called.run.outputs, gradients=called.gradients)

    def related(
        self, seen: Observed, rounding: Callable[[str], FloatArray], floor: Mapping[str, float]
    ) -> Mapping[str, FloatArray] | None:
        """GC109 and GC110: other cotangents give the gradients that follow from these.

        `rounding` is asked for gradients of which that is not plain. Returns rounding that sums show.
        """
        if not self._pace.affords("other cotangents", _RELATIONS):
            return {}
        coarse, broken = self._relations(seen, rounding, floor)
        known = Pass(Run(seen.outputs, None), seen.gradients)
        told, repeatable = contract.unless_random(
            self._subject, seen.cotangents, known, broken, self._outcome.violations
        )
        return coarse if repeatable and told is known else None

    def _relations(
        self, seen: Observed, rounding: Callable[[str], FloatArray], floor: Mapping[str, float]
    ) -> tuple[Mapping[str, FloatArray], list[Violation]]:
        before = self._outcome.violations
        found, coarse = list(before), {}
        try:
            vjp = contract.Vjp(self._subject, one_cache=self._one_cache)
            coarse = contract.linearity(vjp, seen.cotangents, seen.gradients, rounding, floor, found)
            if not self._subject.stacks:  # else cotangents are copied before they get there
                contract.layout(vjp, seen.cotangents, seen.gradients, rounding, found)
        except BrokenPromise as broken:
            message = f"for another cotangent, {broken.message}"
            found.append(Violation(broken.code, message, None, broken.file, broken.line))
            coarse = {}
        return coarse, found[len(before) :]

    def switches_at_random(self, seen: Observed, rounding: Mapping[str, FloatArray]) -> bool:
        """Whether what moves far more than rounding is random code: a place of a tie that is drawn, and fell
        alike in the few calls so far. Cost: 8 forwards and backwards where something moves."""
        if self._outcome.has("GC106", "GC107", "GC111"):
            return False
        moves = any(
            np.any(rounding[name] > _SWITCH * float(np.max(np.abs(gradient), initial=0.0)))
            for name, gradient in seen.gradients.items()
            if np.any(gradient)
        )
        if not moves or not self._pace.affords("draws at random", CALLS):
            return False
        return contract.in_a_row(self._subject, seen.cotangents, self._outcome.violations) is not None
