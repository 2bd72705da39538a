"""A check in float32 or float16: the formula is judged in float64, its numbers at their own precision."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from gradcli import analytic
from gradcli.arrays import FloatArray
from gradcli.observed import Observed
from gradcli.outcome import Outcome
from gradcli.precision import DROWNED, Wide, narrow, scattered, widen
from gradcli.result import FAIL, Gradient
from gradcli.verdict import RESOLUTION

Compare = Callable[[Observed], None]


class Lower:
    """What backward gives in a lower precision, to be judged beside what it gives in float64."""

    def __init__(
        self,
        seen: Observed,
        rounding: Mapping[str, FloatArray],
        floor: Mapping[str, float],
        rng: np.random.Generator,
        *,
        tol: float,
        coarse: float,
    ) -> None:
        self._seen = seen
        self._rounding = rounding
        self._floor = floor
        self._rng = rng
        self._tol = tol
        self._coarse = coarse  # the unit that the code drops to inside

    def judge(self, compare: Compare, outcome: Outcome) -> bool:
        """Whether this could be judged; `compare` puts the verdicts on other numbers into the outcome.

        It cannot where backward drops to the lower precision inside, or computes something else in it: then
        its numbers are to be judged at that.
        """
        seen = self._seen
        beside_one = analytic.floor(seen.subject.problem, seen.outputs, seen.cotangents, least=1.0)
        wide = widen(seen, self._rounding, self._floor, beside_one, self._rng)
        if wide is None:
            return False
        compare(wide.seen)
        judged = {name: outcome.gradients[name] for name in wide.seen.gradients if name in outcome.gradients}
        if any(judged[name].verdict == FAIL for name in wide.unsure & judged.keys()):
            return False
        self._narrow(wide, judged, outcome)
        return True

    def _narrow(self, wide: Wide, judged: Mapping[str, Gradient], outcome: Outcome) -> None:
        """Judge the numbers of the lower precision, by roundings that take more and more effort."""
        seen, known = self._seen, dict(self._rounding)
        near = partial(scattered, seen, wide.seen, self._rng)
        far = partial(near, far=True)
        # With the error, by the gradient's scale, from which nothing can be said any more. What shows only
        # far from the point may be backward's alone: it is no more than an excuse.
        measures: tuple[tuple[Callable[[], Mapping[str, FloatArray]], float], ...] = (
            (dict, np.inf),
            (self._thorough, np.inf),
            (near, DROWNED),
            (far, RESOLUTION),
        )
        for measure, drowned in measures:
            for name, width in measure().items():
                known[name] = np.maximum(known[name], width)
            for name, found in judged.items():
                gradient = seen.gradients[name]
                dtype = seen.subject.problem.precision_of(name, gradient)
                outcome.add(narrow(found, gradient, known[name], self._tol, dtype, drowned=drowned))
            if all(outcome.gradients[name].verdict == found.verdict for name, found in judged.items()):
                return

    def _thorough(self) -> dict[str, FloatArray]:
        more = analytic.thorough(self._seen, self._rounding, self._floor, self._rng, coarse=self._coarse)
        return {name: width + self._floor[name] for name, width in more.items()}
