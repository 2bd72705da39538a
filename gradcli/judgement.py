"""The second look: the elements of one gradient on their way to a verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from gradcli.arrays import BoolArray, FloatArray, everywhere, largest
from gradcli.clock import OutOfTime
from gradcli.drowned import beyond_zero, drowns
from gradcli.numeric import (
    CENTRAL,
    GLANCE,
    JUMP,
    KINK,
    LINEAR,
    NOISE,
    SMOOTH,
    Differentiator,
    Slopes,
    glance,
    look,
)
from gradcli.verdict import RESOLUTION, Comparison, K

if TYPE_CHECKING:
    from gradcli.comparing import Comparer
    from gradcli.limits import Limits

_LOOKS = (1, 4, 12, 24, 48)  # elements that get the careful look, round by round, until one is wrong
_BATCHES = 64  # that are measured again on both sides
_SOME = 12  # elements that are looked at because too little is known of them
_SWITCH = 0.1  # of a gradient's scale: by what rounding does not move it
_KNOWN = 1e-3  # of a gradient's scale: what may be allowed where nothing more is to be found out
_PLAIN = 100.0  # times what is allowed: an error that more jitter would not explain either
_VISIBLE = 2.0**-11  # relative error that needs no more care
_NEARER = 2.0**-24  # of the steps that tell of ties
_LOOK = 100  # evaluations that a careful look may take
_GLANCES = 3  # when time is up
_AT_A_KINK = 1e-6  # rounding at a kink, by the gradient's scale: jitter would measure the kink itself

Tick = Callable[[int], None]


class Judgement:
    """The elements of one gradient on their way to a verdict."""

    def __init__(self, comparer: Comparer, numeric: Differentiator, tick: Tick) -> None:
        self.comparer = comparer
        self.numeric = numeric
        self.tick = tick
        self.analytic = comparer.seen.gradients[numeric.name]
        self.value = numeric.value
        self.doubt = numeric.uncertainty
        dtype = comparer.seen.subject.problem.precision_of(numeric.name, self.analytic)
        precision = float(np.finfo(dtype).eps)
        self.floor = numeric.spread_over(precision * numeric.natural)
        # One value for all elements, as long as nothing is known of any of them: memory counts.
        self._none = none = everywhere(self.value.shape, value=False)
        unknown = np.isnan(numeric.uncertainty)
        self.measured = np.asarray(~unknown) if unknown.any() else everywhere(unknown.shape, value=True)
        self.kinked = numeric.kinked if numeric.method == CENTRAL else none
        self.looked = self.undecided = self.tied_wrong = none
        self.excused = none  # a limit of right gradients beside the point
        self.reason = ""
        self._comparison: Comparison | None = None

    def comparison(self) -> Comparison:
        """The rule applied to what is known now; made anew when that has changed."""
        if self._comparison is None:
            rounding = self.comparer.rounding(self.numeric.name)
            if self.kinked.any():
                scale = largest(self.value)
                rounding = np.where(self.kinked, np.minimum(rounding, _AT_A_KINK * scale), rounding)
            zero = beyond_zero(self.numeric, self.analytic, self.value, self.doubt, self.floor)
            self._comparison = Comparison(
                self.analytic, self.value, self.doubt, self.comparer.settings.tol, (rounding, zero)
            )
        return self._comparison

    def whole_doubt(self) -> FloatArray:
        """The uncertainty of both sides together, written over that of the numeric side: the last word."""
        for other in self.comparison().more:
            self.doubt += other
        self._comparison = None
        return self.doubt

    def suspects(self) -> BoolArray:
        comparison = self.comparison()
        if comparison.is_agreement:
            return self._none
        return self.among_measured(np.asarray(~comparison.agrees), but=(self.looked,))

    def among_measured(self, mask: BoolArray, but: tuple[BoolArray, ...]) -> BoolArray:
        """What of a mask was measured and is not among others; written over the mask."""
        mask &= self.measured
        for other in but:
            if other.any():
                mask &= ~other
        return mask

    def look_again(self) -> None:
        """Measure with more care what disagrees, or what little is known of; raises OutOfTime."""
        if not self.comparison().is_agreement:
            self._look_at_suspects()
        self._look_at_the_poor()
        self._ties()

    def _look_at_suspects(self) -> None:
        if self.suspects().any() and self.numeric.sharpen(self.suspects(), self.tick):
            self._comparison = None
        if self.suspects().any():
            self._be_thorough()
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

    def look_at(self, index: tuple[int, ...]) -> None:
        """Measure one element that nothing is known of yet."""
        self.measured = _marked(self.measured, index)
        self.doubt[index] = np.inf
        self._comparison = None
        if not self._plainly_wrong(index):
            self._be_thorough()
            self._look(index)

    def _be_thorough(self) -> None:
        self.comparer.be_thorough()
        self._comparison = None

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
            self.looked = _marked(self.looked, index)
            return True
        self.value[index], self.doubt[index] = value, doubt
        self._comparison = None
        return False

    def wrong(self) -> BoolArray:
        """Elements that the careful look confirmed to be wrong."""
        if not self.looked.any():
            return self.looked
        return self.looked & ~self.undecided & ~self.comparison().agrees

    def _worst(self, suspects: BoolArray, most: int) -> list[tuple[int, ...]]:
        return first(suspects, self.comparison().urgency, most)

    def _both_sides(self, suspects: BoolArray) -> None:
        """Kinks come in crowds (a relu of integers), so they are looked for a batch at a time."""
        value, doubt, kinked = np.ravel(self.value), np.ravel(self.doubt), np.array(self.kinked).ravel()
        analytic = np.ravel(self.analytic).astype(np.float64)
        self._comparison = None
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
        limit = _KNOWN * comparison.scale
        if comparison.is_within(limit):
            return self._none
        known = comparison.allowed_within(limit)
        if self.numeric.method != CENTRAL and not known.all():
            known |= comparison.vanishes  # exact methods give zeros; differences would only round there
        return self.among_measured(np.logical_not(known, out=known), but=(self.looked, self.excused))

    def _look_at_some(self, poor: BoolArray) -> None:
        for index in first(poor, self.comparison().size, _SOME):
            if not self.comparer.clock.affords(_LOOK * self.numeric.function.seconds):
                break
            self._look(index)
        wrong = self.wrong()
        if wrong.any():
            try:
                self.comparer.add_hidden()
                self._comparison = None
            except OutOfTime:  # it may all be rounding
                self.undecided = self.undecided | wrong
                raise

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
        self.kinked = self.kinked | right
        self.excused = self.excused | right
        self._comparison = None

    def _limits(self, suspects: BoolArray, together: BoolArray, *, every: bool = False) -> Limits:
        from gradcli.limits import limits  # rarely needed, and start-up counts

        comparer = self.comparer
        return limits(
            comparer.seen.subject, self.numeric, comparer.seen.cotangents, suspects, together, every=every
        )

    def _ties(self) -> None:
        """Elements at a kink or of equal value may share one slope (a tie in a maximum): their sum must fit
        as well."""
        from gradcli.limits import repeated

        # Along a straight line through the point there is no kink, and so nothing to share.
        together = np.array(self.kinked) if self.numeric.is_straight else repeated(self.numeric) | self.kinked
        together &= self.measured
        if not together.any():
            return
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
        total, slack = self._total(together)

        def fits(part: float) -> tuple[BoolArray, FloatArray]:
            low, high, doubt = self.numeric.tied(together, part)
            return (total >= low - slack - K * doubt) & (total <= high + slack + K * doubt), doubt

        right, doubt = fits(1.0)
        off = ~right & np.isfinite(doubt)
        if off.any():  # within 1e-12 of a zero, what divides by max(norm, 1e-12) is another function
            right, doubt = fits(_NEARER)
            off &= ~(right & (doubt <= 0.1 * np.abs(total)))
        return together & (self.numeric.spread_over(off.astype(np.float64)) > 0)

    def _total(self, together: BoolArray) -> tuple[FloatArray, FloatArray]:
        """The sum of the analytic gradient over some elements, for each place of a group, and its slack."""
        analytic = np.where(together, self.analytic, 0.0).astype(np.float64)
        allowed = np.where(together, self.comparison().allowed, 0.0) + 1e-6 * np.abs(analytic)
        return np.sum(analytic, axis=self._rest), np.sum(allowed, axis=self._rest)

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
        self.looked = _marked(self.looked, index)
        self._comparison = None
        kind = int(slopes.kind[0])
        if kind in (JUMP, NOISE):
            self.undecided = _marked(self.undecided, index)
            self.reason = "a jump" if kind == JUMP else "noise"
        elif kind == KINK:
            self.kinked = _marked(self.kinked, index)
            self.value[index] = slopes.nearest(np.asarray(self.analytic[index], dtype=np.float64))[0]
            self.doubt[index] = slopes.uncertainty[0]
        elif self._first_pass_holds(index, slopes):
            tiny = max(float(self.floor[index]), RESOLUTION**4 * self.comparison().scale)
            again = self.numeric.remeasure(index, tiny=bool(abs(self.value[index]) <= tiny))
            self.doubt[index] = max(float(self.doubt[index]), again)
        else:
            self.kinked = _marked(self.kinked, index, value=False)
            self.value[index] = slopes.low[0]
            self.doubt[index] = slopes.uncertainty[0]
            analytic = float(self.analytic[index])
            if not self.comparison().agrees[index] and drowns(numeric, index, slopes, analytic):
                self.undecided = _marked(self.undecided, index)
                self.reason = "noise"
        self.tick(_LOOK)

    def _first_pass_holds(self, index: tuple[int, ...], slopes: Slopes) -> bool:
        """Where the careful look bears out an exact method (a long step, a complex step), that is sharper."""
        if self.numeric.method == CENTRAL or not np.isfinite(self.value[index]):
            return False
        if self.numeric.method == LINEAR and not self.value[index]:
            return False  # what does not move over one long step may do so over a longer one: 1 - erf far out
        distance = abs(float(slopes.low[0]) - float(self.value[index]))
        return distance <= 4 * float(slopes.uncertainty[0] + self.doubt[index]) and bool(
            slopes.uncertainty[0] > self.doubt[index]
        )


def _marked(mask: BoolArray, index: tuple[int, ...], *, value: bool = True) -> BoolArray:
    """A mask with one element set; where one value stood for all elements, a mask of its own."""
    own = mask if mask.flags.writeable else np.array(mask)
    own[index] = value
    return own


def first(among: BoolArray, by: FloatArray, most: int) -> list[tuple[int, ...]]:
    """Indices of the elements of a mask that come first by a measure, largest first."""
    places = np.flatnonzero(among)
    order = np.argsort(-np.ravel(by)[places], kind="stable")
    return [tuple(map(int, np.unravel_index(place, among.shape))) for place in places[order][:most]]
