"""A gradient too large for its elements: random directions, at the point and, where kinks are in the way,
beside it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from gradcli import analytic
from gradcli.arrays import Array, FloatArray
from gradcli.clock import OutOfTime
from gradcli.contract import comparable
from gradcli.errors import BrokenPromise
from gradcli.limits import repeated
from gradcli.numeric import GLANCE, Function
from gradcli.numeric.probe import FINE_STEPS, Found, Prober
from gradcli.observed import Observed
from gradcli.verdict import K

if TYPE_CHECKING:
    from gradcli.comparing import Comparer
    from gradcli.judgement import Judgement, Tick

_POINTS = 4  # beside the point at which probes are taken, until they show something
_MORE = 6  # at which backward is only asked what it gives
_NEAR = 2.0**-16  # of the spread: how far beside, at most; many times the longest step
_SAME = 1e-5  # of the gradient's scale: between the point and those beside it
_CLEAR = 1e-3  # of the gradient's scale: by how much values differ where there is a kink
_LOOKS = 12  # at elements that no point beside explains


class Probing:
    """Probes of one gradient; whatever they lead to is looked at with care before it is called wrong."""

    def __init__(self, comparer: Comparer, judgement: Judgement, tick: Tick) -> None:
        self.comparer = comparer
        self.judgement = judgement
        self.numeric = judgement.numeric
        self.tick = tick
        name = self.numeric.name
        self.analytic = comparer.seen.gradients[name].astype(np.float64)
        precision = float(np.finfo(comparer.seen.gradients[name].dtype).eps)
        self.floor = self.numeric.spread_over(precision * self.numeric.natural)
        self.scale = float(np.max(np.abs(self.analytic), initial=0.0))
        self.tied = repeated(self.numeric)
        self.found = Found(0, np.inf, [], 0.0)
        self.unexplained = 0  # elements whose values are those of no point beside, and that nobody looked at
        self.at_kink = 0

    def run(self) -> None:
        """Probe at the point; where that settles nothing, in general position beside it."""
        with suppress(OutOfTime):
            rounding = self.comparer.rounding(self.numeric.name)
            if not self._settled(self._prober(self.analytic, rounding, self.numeric.function)):
                self._beside()

    def _prober(self, gradient: FloatArray, rounding: FloatArray, function: Function) -> Prober:
        return Prober(
            self.numeric,
            gradient,
            rounding + self.floor,
            function,
            tol=self.comparer.settings.tol,
            margin=K,
            tick=self.tick,
            grace=self._grace,
        )

    def _grace(self, evaluations: int) -> bool:
        """An error that is plain may be traced, and glanced at, a little beyond the budget."""
        return self.comparer.clock.grace((evaluations + GLANCE) * self.numeric.function.seconds)

    def _settled(self, prober: Prober) -> bool:
        """Whether probes agree, and would have shown an error; or an element turned out to be wrong."""
        try:
            prober.probe()
        finally:
            self.found = prober.found
        here = prober.function is self.numeric.function
        for index in prober.found.suspects:
            if here and self.tied[index]:
                continue  # beside the point ties are broken
            self.judgement.look_at(index)
            if self.judgement.wrong()[index]:
                return True
        return self.clean

    @property
    def clean(self) -> bool:
        found = self.found
        return found.probes > 0 and found.worst <= 1.0 and not found.detectable > self.scale > 0.0

    def _beside(self) -> None:
        """At a point next to this one no element sits on a kink or a tie: there probes are not in doubt, and
        what backward gives here must be what it gives there, on one side or another."""
        inputs = self.comparer.seen.subject.problem.inputs
        if inputs[self.numeric.name].dtype != np.float64:
            return
        low, high = np.full(self.analytic.shape, np.inf), np.full(self.analytic.shape, -np.inf)
        for number in range(_POINTS):
            point = self._point(number)
            gradient = self._gradient(point)
            if gradient is None:
                return
            prober = self._prober_at(point, gradient)
            if prober is None:
                return
            low, high = np.fmin(low, gradient), np.fmax(high, gradient)
            settled = self._settled(prober)
            if self.judgement.wrong().any():
                return
            if settled and number >= 1:
                break
        for number in range(_MORE):
            gradient = self._gradient(self._point(number + _POINTS))
            if gradient is not None:
                low, high = np.fmin(low, gradient), np.fmax(high, gradient)
        self._explain(low, high)

    def _prober_at(self, point: FloatArray, gradient: FloatArray) -> Prober | None:
        """Probes at another point, by steps that lead to no kink of this one."""
        name = self.numeric.name
        subject = self.comparer.seen.subject.elsewhere({name: point})
        try:
            function = self.numeric.function.elsewhere({name: point})
        except BrokenPromise:
            return None
        there = Observed(subject, function.base, self.comparer.seen.cotangents, {name: gradient})
        rounding = analytic.rounding(there, self.numeric.rng, repeats=2)
        prober = self._prober(gradient, rounding[name], function)
        prober.steps = FINE_STEPS
        return prober

    def _explain(self, low: FloatArray, high: FloatArray) -> None:
        """Elements whose values are not among those of the points beside are looked at."""
        from gradcli.judgement import first

        with np.errstate(invalid="ignore"):
            between = high - low
            kinked = between > _CLEAR * self.scale
            self.at_kink = int(np.sum(kinked))
            slack = _SAME * self.scale + np.where(kinked, 0.0, between)  # where there is none, it curves
            off = np.fmax(low - self.analytic, self.analytic - high)
            odd = ~(off <= slack)
        for index in first(odd, off, _LOOKS):
            self.judgement.look_at(index)
            odd[index] = False
            if self.judgement.wrong()[index]:
                return
        self.unexplained = int(odd.sum())

    def _point(self, number: int) -> FloatArray:
        """Everything moved by random amounts: up, down, in order and in the reverse order, either way."""
        rng, shape = self.numeric.rng, self.analytic.shape
        size = rng.uniform(0.25, 1.0, shape)
        ramp = (np.arange(size.size) / max(1, size.size) - 0.5).reshape(shape)
        moves = (size, -size, size * rng.choice([-1.0, 1.0], shape), -size, ramp, -ramp)
        move = moves[number] if number < len(moves) else size * rng.choice([-1.0, 1.0], shape)
        point = np.asarray(self.numeric.function.point[self.numeric.name], dtype=np.float64)
        step = max(_NEAR * self.numeric.scale, 64 * float(np.spacing(np.max(np.abs(point), initial=0.0))))
        return np.asarray(point + step * move)

    def _gradient(self, point: FloatArray) -> FloatArray | None:
        """What backward gives at another point."""
        subject, name = self.comparer.seen.subject, self.numeric.name
        try:
            found: dict[str, Array] = comparable(
                subject.problem,
                subject.both(
                    {**subject.problem.inputs, name: point}, self.comparer.seen.cotangents
                ).gradients,
            )
        except BrokenPromise:
            return None
        self.tick(2)
        return found[name].astype(np.float64) if name in found else None
