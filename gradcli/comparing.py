"""Where the two gradients meet: input by input."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from gradcli import analytic
from gradcli.arrays import FloatArray
from gradcli.clock import Clock, OutOfTime
from gradcli.conclusion import conclude, conclude_probes
from gradcli.differencing import Differencing
from gradcli.judgement import Judgement, Tick
from gradcli.numeric import Differentiator, Pairing, discover_together
from gradcli.observed import Observed
from gradcli.result import PASS, Gradient
from gradcli.spec import Settings


class Comparer:
    """Compares the gradients of one check, one input after the other; `rounding` is used up by that."""

    def __init__(
        self,
        seen: Observed,
        side: Differencing,
        rounding: dict[str, FloatArray],
        settings: Settings,
        rng: np.random.Generator,
        clock: Clock,
        *,
        beside: bool = True,
    ) -> None:
        self.seen = seen
        self.clock = clock
        self.beside = beside  # whether what sits at kinks is checked beside them as well
        self.side = side
        self.settings = settings
        self.rng = rng
        self._wide = tuple(c.astype(np.float64, copy=False) for c in seen.cotangents)
        self._declared = seen.subject.problem.declared
        self._rounding = rounding
        self._thorough = self._hidden = False
        self._judgement: Judgement | None = None

    def differentiators(self) -> list[Differentiator]:
        """The numeric side of each gradient: structure and method are known, nothing is measured yet."""
        shared = discover_together(self.side.function, self.seen.gradients, self.side.noise, self.rng)
        return [self._differentiator(name, shared[name]) for name in self.seen.gradients]

    def _differentiator(self, name: str, known: Sequence[Pairing]) -> Differentiator:
        return Differentiator(
            self.side.function,
            name,
            self.scaled(name),
            self.side.noise,
            self.rng,
            method=self.settings.method,
            step=self.settings.step,
            fresh=self.side.fresh,
            known=known,
        )

    def scaled(self, name: str) -> tuple[FloatArray, ...]:
        """The cotangents that give the derivative by an input as backward is declared to give it."""
        factor = self._declared.factor(name)
        return self._wide if factor == 1.0 else tuple(factor * c for c in self._wide)

    def wanted(self, name: str) -> FloatArray:
        """The numeric uncertainty below which more effort is pointless."""
        size = np.abs(self.seen.gradients[name].astype(np.float64))
        return 0.1 * self.settings.tol * size + self._rounding[name]

    def rounding(self, name: str) -> FloatArray:
        return self._rounding[name]

    def be_thorough(self) -> None:
        """Measure the rounding of both sides with much more effort, once."""
        if self._thorough:
            return
        self._thorough = True
        self.side.add_hidden()
        seen = self.seen
        floor = analytic.floor(seen.subject.problem, self.side.function.base, seen.cotangents)
        self._rounding = analytic.thorough(seen, self._rounding, floor, self.rng, coarse=self.side.grain)

    def add_hidden(self) -> None:
        """Measure what rounding of the analytic gradients hides beside numbers about one, once."""
        if self._hidden or self._thorough:
            return
        self._hidden = True
        self._rounding = analytic.hidden_rounding(self.seen, self._rounding, coarse=self.side.grain)

    def judge(self, numeric: Differentiator, tick: Tick) -> Gradient:
        """From a measured gradient to its verdict, with a second look at whatever disagrees, as far as the
        budget allows."""
        judgement = self._judgement = Judgement(self, numeric, tick)
        try:
            judgement.look_again()
        except OutOfTime:
            with suppress(OutOfTime):
                judgement.look_once()
        gradient = conclude(judgement)
        self._judgement = None
        # Part of the gradient's uncertainty by now, and of no other use: memory counts.
        self._rounding[numeric.name] = np.broadcast_to(np.float64(0.0), gradient.analytic.shape)
        return self._beside(gradient, numeric, tick) or gradient

    def _beside(self, gradient: Gradient, numeric: Differentiator, tick: Tick) -> Gradient | None:
        """A gradient that passes at kinks and is plainly wrong beside them, as it is found there."""
        if not (self.beside and gradient.at_kink and gradient.verdict == PASS):
            return None
        from gradcli.beside import wrong_beside  # rarely needed, and start-up counts

        with suppress(OutOfTime):
            return wrong_beside(self, numeric, tick)
        return None

    def so_far(self, numeric: Differentiator, tick: Tick) -> Gradient:
        """The verdict on what is known when something breaks in, without another look."""
        current = self._judgement
        if current is None or current.numeric is not numeric:
            current = Judgement(self, numeric, tick)
        return conclude(current)

    def probe(self, numeric: Differentiator, tick: Tick) -> Gradient:
        """The verdict on a gradient too large for its elements: random directions, and the elements that
        bisection leads to where one is off."""
        from gradcli.probing import Probing  # rarely needed, and start-up counts

        judgement = self._judgement = Judgement(self, numeric, tick)
        probing = Probing(self, judgement, tick)
        probing.run()
        return conclude_probes(judgement, probing)
