"""Where the two gradients meet: the first pass, the second look, the verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gradcli import analytic
from gradcli.arrays import Array, BoolArray, FloatArray
from gradcli.clock import Clock, OutOfTime
from gradcli.differencing import Differencing
from gradcli.numeric import (
    CENTRAL,
    GLANCE,
    JUMP,
    KINK,
    NOISE,
    SMOOTH,
    Differentiator,
    Pairing,
    Slopes,
    discover_together,
    glance,
    look,
)
from gradcli.result import FAIL, INCONCLUSIVE, PASS, TIES, Gradient
from gradcli.spec import Settings
from gradcli.subject import Subject
from gradcli.verdict import RESOLUTION, Comparison, K

if TYPE_CHECKING:
    from gradcli.limits import Limits
    from gradcli.probing import Probing

_LOOKS = (
    1,
    4,
    12,
    24,
    48,
)  # elements that get the careful look, round by round, until one is wrong
_BATCHES = 64  # that are measured again on both sides
_SOME = 12  # elements that are looked at because too little is known of them
_SWITCH = 0.1  # of a gradient's scale: by what rounding does not move it
_KNOWN = 1e-3  # of a gradient's scale: what may be allowed where nothing more is to be found out
_PLAIN = 100.0  # times what is allowed: an error that more jitter would not explain either
_VISIBLE = 2.0**-11  # relative error that needs no more care
_LOOK = 100  # evaluations that a careful look may take
_GLANCES = 3  # when time is up
_AT_A_KINK = 1e-6  # rounding at a kink, by the gradient's scale: jitter would measure the kink itself

Tick = Callable[[int], None]


class Comparer:
    """Compares the gradients of one check, one input after the other."""

    def __init__(
        self,
        subject: Subject,
        side: Differencing,
        cotangents: tuple[Array, ...],
        gradients: Mapping[str, Array],
        rounding: Mapping[str, FloatArray],
        settings: Settings,
        rng: np.random.Generator,
        clock: Clock,
        *,
        beside: bool = True,
    ) -> None:
        self.subject = subject
        self.clock = clock
        self.beside = beside  # whether what sits at kinks is checked beside them as well
        self.side = side
        self.cotangents = cotangents
        self.gradients = gradients
        self.settings = settings
        self.rng = rng
        self._wide = tuple(c.astype(np.float64, copy=False) for c in cotangents)
        self._declared = subject.problem.declared
        self._rounding = dict(rounding)
        self._thorough = False
        self._judgement: Judgement | None = None

    def differentiators(self) -> list[Differentiator]:
        """The numeric side of each gradient: structure and method are known, nothing is measured yet."""
        shared = discover_together(self.side.function, self.gradients, self.side.noise, self.rng)
        return [self._differentiator(name, shared[name]) for name in self.gradients]

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
        return (
            0.1 * self.settings.tol * np.abs(self.gradients[name].astype(np.float64)) + self._rounding[name]
        )

    def rounding(self, name: str) -> FloatArray:
        return self._rounding[name]

    def be_thorough(self) -> None:
        """Measure the rounding of the analytic gradients with many more jitters, once."""
        if self._thorough:
            return
        self._thorough = True
        floor = analytic.floor(self.subject.problem, self.side.function.base, self.cotangents)
        self._rounding = analytic.thorough(
            self.subject,
            self.cotangents,
            self.gradients,
            self._rounding,
            floor,
            self.rng,
            coarse=self.side.digits_lost,
        )

    def judge(self, numeric: Differentiator, tick: Tick) -> Gradient:
        """From a measured gradient to its verdict, with a second look at whatever disagrees, as far as the
        budget allows."""
        judgement = self._judgement = Judgement(self, numeric, tick)
        try:
            judgement.look_again()
        except OutOfTime:
            with suppress(OutOfTime):
                judgement.look_once()
        gradient = judgement.verdict()
        self._judgement = None
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
        return current.verdict()

    def probe(self, numeric: Differentiator, tick: Tick) -> Gradient:
        """The verdict on a gradient too large for its elements: random directions, and the elements that
        bisection leads to where one is off."""
        from gradcli.probing import Probing  # rarely needed, and start-up counts

        judgement = self._judgement = Judgement(self, numeric, tick)
        probing = Probing(self, judgement, tick)
        probing.run()
        return judgement.probed(probing)


class Judgement:
    """The elements of one gradient on their way to a verdict."""

    def __init__(self, comparer: Comparer, numeric: Differentiator, tick: Tick) -> None:
        self.comparer = comparer
        self.numeric = numeric
        self.tick = tick
        self.analytic = comparer.gradients[numeric.name]
        self.value = numeric.value
        self.doubt = numeric.uncertainty
        dtype = comparer.subject.problem.precision_of(numeric.name, self.analytic)
        precision = float(np.finfo(dtype).eps)
        self.floor = numeric.spread_over(precision * numeric.natural)
        self.measured = np.array(~np.isnan(numeric.uncertainty))
        self.kinked = numeric.kinked
        self.looked = np.zeros(self.value.shape, dtype=bool)
        self.excused = np.zeros(self.value.shape, dtype=bool)  # a limit of right gradients beside the point
        self.undecided = np.zeros(self.value.shape, dtype=bool)
        self.tied_wrong = np.zeros(self.value.shape, dtype=bool)
        self.reason = ""
        self._comparison: Comparison | None = None

    def comparison(self) -> Comparison:
        """The rule applied to what is known now; made anew when that has changed."""
        if self._comparison is None:
            rounding = self.comparer.rounding(self.numeric.name)
            if self.kinked.any():
                scale = float(np.max(np.abs(self.value), initial=0.0, where=np.isfinite(self.value)))
                rounding = np.where(self.kinked, np.minimum(rounding, _AT_A_KINK * scale), rounding)
            doubt = self.doubt + rounding
            doubt += self.floor
            self._comparison = Comparison(self.analytic, self.value, doubt, self.comparer.settings.tol)
        return self._comparison

    def suspects(self) -> BoolArray:
        return self.measured & ~self.comparison().agrees & ~self.looked

    def look_again(self) -> None:
        """Measure with more care what disagrees; raises OutOfTime."""
        if self.suspects().any() and self.numeric.sharpen(self.suspects(), self.tick):
            self._comparison = None
        if self.suspects().any():
            self.comparer.be_thorough()
            self._comparison = None
        suspects = self.suspects()
        if suspects.any():
            self._both_sides(suspects)
            self._break_ties(self.suspects())
        for most in _LOOKS:
            suspects = self.suspects()
            if not suspects.any() or self.wrong().any():
                break
            for place, index in enumerate(self._worst(suspects, most)):
                # The first look may overdraw the budget a little: it tells wrong from undecided.
                clock = self.comparer.clock
                if not clock.affords(_LOOK * self.numeric.function.seconds * (1 if place else 0.5)):
                    raise OutOfTime
                self._look(index)
        self._look_at_the_poor()
        self._ties()

    def look_at(self, index: tuple[int, ...]) -> None:
        """Measure one element that nothing is known of yet."""
        self.measured[index] = True
        self.doubt[index] = np.inf
        self._comparison = None
        if not self._plainly_wrong(index):
            self.comparer.be_thorough()
            self._comparison = None
            self._look(index)

    def _plainly_wrong(self, index: tuple[int, ...]) -> bool:
        """Whether a glance shows an error that neither more jitter nor more care would explain."""
        numeric = self.numeric
        reach = max(numeric.scale, numeric.length)
        slopes = glance(numeric.function, numeric.name, index, self.comparer._wide, numeric.noise, reach)
        self.tick(GLANCE)
        if slopes.kind[0] != SMOOTH:
            return False
        value, doubt = self.value[index], self.doubt[index]
        self.value[index], self.doubt[index] = slopes.low[0], slopes.uncertainty[0]
        self._comparison = None
        comparison = self.comparison()
        error, size = comparison.error[index], comparison.size[index]
        if comparison.urgency[index] > _PLAIN and error > _VISIBLE * size:
            self.looked[index] = True
            return True
        self.value[index], self.doubt[index] = value, doubt
        self._comparison = None
        return False

    def probed(self, probing: Probing) -> Gradient:
        """The verdict from probes; elements that were looked at decide where sums are off."""
        gradient, found = self.verdict(), probing.found
        verdict, note = gradient.verdict, gradient.note
        if verdict != FAIL:
            verdict, note = self._from_probes(probing)
        return replace(
            gradient,
            verdict=verdict,
            note=note,
            method="probe",
            probes=found.probes,
            detectable=found.detectable,
            at_kink=max(gradient.at_kink, probing.at_kink),
            unresolved=0,
        )

    def _from_probes(self, probing: Probing) -> tuple[str, str]:
        found = probing.found
        if not found.probes:
            return INCONCLUSIVE, "no time to compare"
        if found.worst > 1.0:
            looked = bool(found.suspects) and all(self.looked[index] for index in found.suspects)
            return INCONCLUSIVE, "probes are off, no element is" if looked else "probes are off"
        if not probing.clean:
            return INCONCLUSIVE, "noise"
        if probing.unexplained:
            return INCONCLUSIVE, f"{probing.unexplained} at a kink, too many to look at"
        if probing.scale == 0.0:
            return PASS, "zero"
        return PASS, f"{probing.at_kink} at a kink" if probing.at_kink else ""

    def wrong(self) -> BoolArray:
        """Elements that the careful look confirmed to be wrong."""
        return self.looked & ~self.undecided & ~self.comparison().agrees

    def _worst(self, suspects: BoolArray, most: int) -> list[tuple[int, ...]]:
        return first(suspects, self.comparison().urgency, most)

    def _both_sides(self, suspects: BoolArray) -> None:
        """Kinks come in crowds (a relu of integers), so they are looked for a batch at a time."""
        value, doubt, kinked = np.ravel(self.value), np.ravel(self.doubt), np.ravel(self.kinked)
        analytic = np.ravel(self.analytic).astype(np.float64)
        for places, slopes in self.numeric.both_sides(suspects, _BATCHES, self.tick):
            kink = slopes.kind == KINK
            # Where the first pass has a number, the careful look is to decide between the two.
            better = kink | kinked[places] | ~np.isfinite(value[places])
            better |= slopes.uncertainty < 0.1 * doubt[places]
            better &= (slopes.kind != NOISE) & (slopes.kind != JUMP)
            value[places[better]] = slopes.nearest(analytic[places])[better]
            doubt[places[better]] = slopes.uncertainty[better]
            kinked[places] = kink
        shape = self.value.shape
        self.value, self.doubt, self.kinked = (
            value.reshape(shape),
            doubt.reshape(shape),
            kinked.reshape(shape),
        )

    def look_once(self) -> None:
        """The last look, when time is up: it tells a gradient that is plainly wrong from an undecided one."""
        from gradcli.limits import repeated

        suspects = self.suspects() & ~self.kinked
        if self.wrong().any() or not suspects.any():
            return
        clock, seconds = self.comparer.clock, self.numeric.function.seconds
        untied = suspects & ~repeated(self.numeric)
        for index in self._worst(untied, _GLANCES) if untied.any() else []:
            if clock.grace(GLANCE * seconds) and self._plainly_wrong(index):
                return
        index = self._worst(suspects, 1)[0]
        plain = self.comparison().urgency[index] > _PLAIN
        if plain and clock.grace(_LOOK * seconds):
            self._look(index)

    def _look_at_the_poor(self) -> None:
        """Elements that agree only because next to nothing is known of them (one beside a kink, within the
        first step) must not hide an error."""
        if self.wrong().any():
            return
        for attempt in (self._both_sides, self._break_switches, self._look_at_some):
            poor = self._poor()
            if not poor.any():
                return
            attempt(poor)

    def _poor(self) -> BoolArray:
        comparison = self.comparison()
        known = comparison.allowed <= _KNOWN * comparison.scale
        if self.numeric.method != CENTRAL:
            known |= comparison.size == 0  # exact methods give zeros; differences would only round there
        return self.measured & ~known & ~self.looked & ~self.excused

    def _look_at_some(self, poor: BoolArray) -> None:
        for index in first(poor, self.comparison().size, _SOME):
            if not self.comparer.clock.affords(_LOOK * self.numeric.function.seconds):
                return
            self._look(index)

    def _break_switches(self, poor: BoolArray) -> None:
        """Where one last digit makes a gradient another one, backward switches between the tied: that is no
        rounding, and nothing is known as long as it counts as such."""
        comparison = self.comparison()
        self._break_ties(poor & (self.comparer.rounding(self.numeric.name) > _SWITCH * comparison.scale))

    def _break_ties(self, suspects: BoolArray) -> None:
        """At a tie of several values (a sort), a gradient need not lie between an element's own two slopes:
        what backward gives is right if it is the gradient next to the point, with the tie broken."""
        from gradcli.limits import repeated

        if not suspects.any():
            return
        found = self._limits(suspects, self.kinked)
        analytic = self.analytic.astype(np.float64)
        # A first pass that is off (a function faster than its steps) makes no tie of what has no equal.
        tie = self.kinked | found.vary | (repeated(self.numeric) & found.differ(analytic, self.value))
        right = suspects & tie & found.enclose(analytic)
        self.value[right] = self.analytic[right]
        self.doubt[right] = 0.0
        self.kinked |= right
        self.excused |= right
        self._comparison = None

    def _limits(self, suspects: BoolArray, together: BoolArray, *, every: bool = False) -> Limits:
        from gradcli.limits import limits  # rarely needed, and start-up counts

        comparer = self.comparer
        return limits(comparer.subject, self.numeric, comparer.cotangents, suspects, together, every=every)

    def _ties(self) -> None:
        """Elements at a kink or of equal value may share one slope (a tie in a maximum): their sum must fit
        as well."""
        from gradcli.limits import repeated

        together = (self.kinked | repeated(self.numeric)) & self.measured
        complete = self._everywhere(~(together & ~self.comparison().agrees))
        together &= complete
        off = self._off(together)
        if off.any():
            # Others may be tied with these, and what some of them have the others lack.
            found = self._limits(off, together, every=True)
            off = self._off((together | found.vary) & complete & self.measured)
            total, slack = self._total(together)
            right = (total >= found.least - slack) & (total <= found.most + slack)
            off &= self.numeric.spread_over(right.astype(np.float64)) == 0
        self.tied_wrong = off & self.kinked if (off & self.kinked).any() else off

    def _off(self, together: BoolArray) -> BoolArray:
        """Which of some elements have a sum that no slope of all of them together bears out."""
        if not together.any():
            return together
        low, high, doubt = self.numeric.tied(together)
        total, slack = self._total(together)
        slack = slack + K * doubt
        off = ~((total >= low - slack) & (total <= high + slack)) & np.isfinite(doubt)
        return together & (self.numeric.spread_over(off.astype(np.float64)) > 0)

    def _total(self, together: BoolArray) -> tuple[FloatArray, FloatArray]:
        """The sum of the analytic gradient over some elements, for each place of a group, and its slack."""
        analytic = np.where(together, self.analytic, 0.0).astype(np.float64)
        size = np.sum(np.abs(analytic), axis=self._rest)
        return np.sum(analytic, axis=self._rest), (self.comparer.settings.tol + 1e-6) * size

    def _everywhere(self, mask: BoolArray) -> BoolArray:
        """Where something holds for all elements of a place of a group, in the input's shape."""
        return np.asarray(self.numeric.spread_over(np.all(mask, axis=self._rest).astype(np.float64)) > 0)

    @property
    def _rest(self) -> tuple[int, ...]:
        return tuple(a for a in range(self.value.ndim) if a not in self.numeric.structure.separable)

    def _look(self, index: tuple[int, ...]) -> None:
        numeric = self.numeric
        cotangents, reach = self.numeric.cotangents, max(numeric.scale, numeric.length)
        slopes = look(numeric.function, numeric.name, index, cotangents, numeric.noise, reach)
        self.looked[index] = True
        self._comparison = None
        kind = int(slopes.kind[0])
        if kind in (JUMP, NOISE):
            self.undecided[index] = True
            self.reason = "a jump" if kind == JUMP else "noise"
        elif kind == KINK:
            self.kinked[index] = True
            self.value[index] = slopes.nearest(np.asarray(self.analytic[index], dtype=np.float64))[0]
            self.doubt[index] = slopes.uncertainty[0]
        elif self._first_pass_holds(index, slopes):
            self.doubt[index] = max(float(self.doubt[index]), self.numeric.remeasure(index))
        else:
            self.kinked[index] = False
            self.value[index] = slopes.low[0]
            self.doubt[index] = slopes.uncertainty[0]
        self.tick(_LOOK)

    def _first_pass_holds(self, index: tuple[int, ...], slopes: Slopes) -> bool:
        """Where the careful look bears out an exact method (a long step, a complex step), that is sharper."""
        if self.numeric.method == CENTRAL or not np.isfinite(self.value[index]):
            return False
        distance = abs(float(slopes.low[0]) - float(self.value[index]))
        return distance <= 4 * float(slopes.uncertainty[0] + self.doubt[index]) and bool(
            slopes.uncertainty[0] > self.doubt[index]
        )

    def verdict(self) -> Gradient:
        comparison = self.comparison()
        wrong = self.wrong() | self.tied_wrong
        left = self.suspects()
        failing = wrong | left if wrong.any() else wrong
        open_ = self.undecided | (left if not wrong.any() else np.zeros_like(left))
        unresolved = self.measured & ~failing & (open_ | ~(comparison.resolved | self.kinked))
        verdict, note = PASS, ""
        if failing.any():
            verdict = FAIL
        elif left.any():
            verdict, note = INCONCLUSIVE, f"{int(left.sum())} disagree, too many to look at"
        elif self.measured.any() and not any(
            np.any(side, where=self.measured) for side in (self.analytic, self.value)
        ):
            note = _ZERO  # exactly
        elif self.value.size and not self.measured.any():
            verdict, note = INCONCLUSIVE, "not compared"
        elif self._dominated_by(unresolved, comparison):
            verdict, note = self._nothing_resolved(comparison, open_)
        at_kink = int(np.sum(self.kinked & self.measured))
        if at_kink and not note:
            note = f"{at_kink} at a kink"
        if self.tied_wrong.any():
            note = TIES
        shown = self.measured if self.measured.any() else np.ones_like(self.measured)
        worst = self._deciding(comparison, failing if failing.any() else shown)
        return Gradient(
            name=self.numeric.name,
            analytic=self.analytic,
            numeric=self.value if self.measured.all() else np.where(self.measured, self.value, np.nan),
            uncertainty=comparison.uncertainty,
            allowed=comparison.allowed,
            verdict=verdict,
            worst_index=worst,
            relative_error=comparison.relative_error_at(worst) if self.value.size else 0.0,
            method=self.numeric.described,
            evaluations=self.numeric.setup,  # and what the spine adds
            compared=int(np.sum(self.measured)),
            at_kink=at_kink,
            failing=failing if failing.any() else None,
            unresolved=0 if note == _ZERO else int(np.sum(unresolved)),
            note=note,
        )

    def _dominated_by(self, unresolved: BoolArray, comparison: Comparison) -> bool:
        """Whether what is not resolved is all there is, or the larger part of the gradient."""
        if not unresolved.any():
            return False
        size = comparison.size
        largest = float(np.max(size, initial=0.0, where=self.measured))
        return bool(np.any(unresolved & (size >= 0.5 * largest)))

    def _deciding(self, comparison: Comparison, among: BoolArray) -> tuple[int, ...]:
        if not self.value.size:
            return ()
        urgency = comparison.urgency
        np.copyto(urgency, -1.0, where=~among)
        return tuple(map(int, np.unravel_index(int(np.argmax(urgency)), urgency.shape)))

    def _nothing_resolved(self, comparison: Comparison, undecided: BoolArray) -> tuple[str, str]:
        """A gradient that is zero to within rounding is a finding; one that drowns in noise is none."""
        if undecided[self.measured].all():
            return INCONCLUSIVE, self.reason
        agrees = bool(np.all(comparison.agrees[self.measured]))
        if agrees and self.kinked[self.measured].any():
            return PASS, ""  # judged by their one-sided slopes
        if agrees and self._is_zero(comparison):
            return PASS, _ZERO
        return INCONCLUSIVE, self.reason or "noise"

    def _is_zero(self, comparison: Comparison) -> bool:
        """Whether the whole gradient is zero: known far better than the outputs would make one expect, and
        the backward itself claims no more than its own rounding, or than the last digit of the cotangent."""
        if np.any(self.analytic):
            self.comparer.be_thorough()
            largest = max(float(np.max(np.abs(c), initial=0.0)) for c in self.numeric.cotangents)
            last_digit = float(np.finfo(self.analytic.dtype).eps) * largest
            rounding = self.comparer.rounding(self.numeric.name)
            if np.any(np.abs(self.analytic) > np.maximum(16 * rounding, last_digit)):
                return False
        allowed = float(np.max(comparison.allowed[self.measured]))
        size = float(np.max(comparison.size[self.measured]))
        natural = float(np.max(self.numeric.natural, initial=0.0))
        return max(size, allowed) <= RESOLUTION**2 * natural or size == allowed == 0.0


def first(among: BoolArray, by: FloatArray, most: int) -> list[tuple[int, ...]]:
    """Indices of the elements of a mask that come first by a measure, largest first."""
    places = np.flatnonzero(among)
    order = np.argsort(-np.ravel(by)[places], kind="stable")
    return [tuple(map(int, np.unravel_index(place, among.shape))) for place in places[order][:most]]


_ZERO = "zero"
