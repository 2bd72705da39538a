"""The numeric gradient of <cotangent, f> with respect to one input, with its uncertainty.

The first pass over all elements is as cheap as the function allows: separable axes move together, and the
cheapest method that was validated measures each batch. Whatever then disagrees with the analytic gradient is
for `careful.look`: no shortcut taken here can cause a false alarm.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray
from gradcli.numeric import climb, complex_step, linear, locality, screening, symmetry
from gradcli.numeric.function import Function, bend
from gradcli.numeric.known import CENTRAL, COMPLEX, LINEAR, Known
from gradcli.numeric.rounding import Noise
from gradcli.numeric.scale import scale_of
from gradcli.numeric.slopes import Slopes
from gradcli.numeric.structure import Pairing, Position, Structure, discover
from gradcli.numeric.sums import adds_up, is_sum

EVALUATIONS_PER_BATCH = {LINEAR: 1, COMPLEX: 1, CENTRAL: 6}


class Differentiator:
    """Measures the gradient of one input; what is known so far can be read at any time.

    Attributes: `value`, `uncertainty`, `kinked`, `structure` and `moves` are those of `known`.
    """

    def __init__(
        self,
        function: Function,
        name: str,
        cotangents: tuple[Array, ...],
        noise: Noise,
        rng: np.random.Generator,
        *,
        method: str = "auto",
        step: float | None = None,
        fresh: bool = False,
        known: Sequence[Pairing] = (),
    ) -> None:
        before = function.evaluations
        self.function = function
        self.name = name
        self.cotangents = cotangents
        self.noise = noise
        self.rng = rng
        self.step = step
        self.scale = scale_of(function, name, noise, rng)
        self.length = self.scale  # of a move over which the function is linear, if it is
        self.is_straight = False  # whether it is, as far as a random direction shows
        self.off = 0.0  # of the outputs, in the arithmetic of the method: relative to each
        self.structure: Structure = discover(function, name, noise, rng, known)
        self.known = Known(function, name, cotangents, noise, rng, self.structure, self.scale, fresh=fresh)
        self.method = self._choose(method)
        self._may_screen = method == "auto" and self.method == COMPLEX
        self._leak: FloatArray | float = 0.0  # what rows may reach outside of their windows
        self._symmetric: symmetry.Symmetric | None = None  # all of it, where one derivative gives it
        self._by_symmetry = False  # whether it has been taken
        self._screened: set[Position] = set()  # batches that had no complex step of their own
        self.setup = function.evaluations - before  # evaluations that structure and method took

    @property
    def moves(self) -> Structure:
        return self.known.moves

    @property
    def value(self) -> FloatArray:
        return self.known.value

    @property
    def uncertainty(self) -> FloatArray:
        return self.known.uncertainty

    @property
    def kinked(self) -> BoolArray:
        return self.known.kinked

    @property
    def rounding(self) -> FloatArray:
        """Measured rounding of a contracted response, for each place in a group."""
        return self.known.rounding

    @property
    def screens(self) -> bool:
        """Whether complex arithmetic is saved wherever real differences are good enough; `sharpen` makes up
        for it."""
        return self._may_screen and screening.pays(self.function, self.moves)

    def find_shortcuts(self, most: float = np.inf) -> None:
        """Look for what saves more than it costs, and costs no more than so many evaluations: a symmetric
        Jacobian, or rows that can move together since they reach different places of the outputs."""
        before = self.function.evaluations
        if self._may_screen and most >= symmetry.COST:
            self._symmetric = symmetry.find(self.known)
        if self._symmetric is None:
            self._find_windows(most)
        self.setup += self.function.evaluations - before

    def _find_windows(self, most: float) -> None:
        found = locality.discover(
            self.function,
            self.name,
            self.structure,
            self.noise,
            self.rng,
            per_batch=EVALUATIONS_PER_BATCH[self.method],
            kinks=self.method == CENTRAL,
            most=most,
        )
        self.known.moves, exact = found
        # Single elements outside of a window moved less than rounding: no more than that is known of them.
        self._leak = 0.0 if exact else 16 * self.rounding / self.scale

    def _choose(self, method: str) -> str:
        if method == "auto" and self.step is not None:
            return CENTRAL
        if method != "auto":
            return method
        if self.structure.shape and 0 in self.structure.shape:
            return LINEAR
        length = linear.reach(self.function, self.name, self.noise, self.rng, self.scale)
        if length is not None:
            self.length, self.is_straight = length, True
            return LINEAR
        self.off = complex_step.error(self.function, self.name, self.noise, self.rng, self.scale)
        if self.off < np.inf:
            return COMPLEX
        return CENTRAL

    @property
    def natural(self) -> FloatArray:
        """The size a gradient would have if the outputs changed by themselves over the length on which they
        may bend, for each place in a group. What is smaller than that by the machine precision is zero, to
        rounding."""
        sizes = [np.abs(out) for out in self.function.base]
        weights = tuple(np.abs(c) for c in self.cotangents)
        return np.asarray(self.structure.contract(weights, sizes) / bend(self.scale))

    def spread_over(self, group: FloatArray) -> FloatArray:
        """What holds for each place of a group, as an array of the input's shape."""
        return self.known.spread_over(group)

    def jittered(self, point: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """The point (another if given), every input moved by one unit in the last place."""
        return self.known.jittered(point)

    def predicted(self) -> int:
        """Evaluations that `measure` is going to need for all elements."""
        if self._symmetric is not None:
            return self._symmetric.left
        if self.screens:
            return 2 * self.moves.batches
        return self.moves.batches * EVALUATIONS_PER_BATCH[self.method]

    def measure(
        self,
        wanted: Callable[[], FloatArray],
        positions: Sequence[Position] | None = None,
        tick: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Measure all elements, or those of some batches.

        `wanted` gives, in the input's shape, the uncertainty below which more effort is pointless. `tick` is
        told the number of evaluations after each batch, and may raise to stop.
        """
        self._measure(wanted, positions, tick)
        if (
            self.moves is not self.structure
            and positions is None
            and not is_sum(self.known, self.method, self.length, tick)
        ):
            # A row reaches further than its window: no test has shown it, and nothing is known any more.
            self.known.moves, self._leak = self.structure, 0.0
            self._screened.clear()
            self.kinked[...] = False
            self._measure(wanted, positions, tick)
        if np.any(self._leak):
            self.known.uncertainty += self.spread_over(np.asarray(self._leak))

    def _measure(
        self,
        wanted: Callable[[], FloatArray],
        positions: Sequence[Position] | None,
        tick: Callable[[int], None],
    ) -> None:
        if self.moves.batches == 0:
            return
        chosen = list(product(*map(range, self.moves.batch_shape))) if positions is None else positions
        if self.method == LINEAR:
            linear.measure(self.known, self.length, chosen, tick)
        elif self.method == CENTRAL:
            climb.measure(self.known, chosen, self.step, wanted, tick)
        else:
            complex_step.measure(self.known, self._screen(chosen, positions is None, tick), tick)
            # At a tie or a kink a complex step takes a side of its own, element by element, and the whole is
            # no gradient of anything.
            if positions is None and not adds_up(self.known, np.ones(self.structure.shape), tick):
                self._screened.clear()
                self.method = CENTRAL
                climb.measure(self.known, chosen, self.step, wanted, tick)
        self.known.release()  # its working copies: few elements are measured again

    def _screen(
        self, positions: Sequence[Position], are_all: bool, tick: Callable[[int], None]
    ) -> Sequence[Position]:
        """Measure batches by what is cheaper than a complex step for each; returns those that it left."""
        if self._symmetric is not None and are_all:
            found, self._symmetric = self._symmetric, None  # memory counts
            self._by_symmetry = True
            return found.take(self.known, positions, self._screened)
        return screening.screen(self.known, positions, tick, self._screened) if self.screens else positions

    def sharpen(self, suspects: BoolArray, tick: Callable[[int], None]) -> bool:
        """Measure batches that hold a suspect by the complex step, where what is cheaper was taken to be good
        enough; returns whether there were any."""
        again = [position for position in sorted(self._screened) if self.known.holds(position, suspects)]
        self._screened.difference_update(again)
        if not (self._by_symmetry and symmetry.confirm(self.known, again, tick)):
            complex_step.measure(self.known, again, tick)
        return bool(again)

    @property
    def described(self) -> str:
        """The method by which most elements were measured."""
        return CENTRAL if self._screened and not self._by_symmetry else self.method

    def both_sides(
        self, suspects: BoolArray, most: int, tick: Callable[[int], None]
    ) -> Iterator[tuple[Array, Slopes]]:
        """Measure suspects again on each side separately, on a full ladder, still a batch at a time.

        What looks like a kink must still look like one at steps a million times smaller: code that compares
        with 5e-8 in place of 0 is wrong only within that distance. Yields flat indices of elements and their
        slopes, for at most `most` batches.
        Cost: 22 evaluations for each batch that holds a suspect, twice that where one looks like a kink.
        """
        from gradcli.numeric.sides import both_sides  # where something disagrees, and start-up counts

        return both_sides(self.known, suspects, most, tick)

    def tied(self, elements: BoolArray, part: float = 1.0) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Bounds on the sum of the gradient over some elements, for each place of a group.

        All move together, so that ties between them are kept and only what is a kink of the whole is left.
        Each output has its own slopes on the two sides; their intervals add up. Returns low, high and doubt.
        `part`: of the usual steps. Cost: 4 evaluations.
        """
        from gradcli.numeric.sides import tied  # where something is tied, and start-up counts

        return tied(self.known, elements, part)

    def remeasure(self, index: tuple[int, ...], *, tiny: bool) -> float:
        """The rounding of the first pass at one element, measured there: an uncertainty for its value.

        `tiny`: so small that differences do not show it. Cost: 6 evaluations, 9 more for a tiny complex step.
        """
        position, place = self.moves.batch_of(index)
        value = float(self.value[index])
        drawn, perturbation = [], self.known.perturbation
        if self.method == COMPLEX:
            step = complex_step.step_of(self.known)
            for _ in range(6):
                slopes = perturbation.imaginary(position, step, around=complex_step.jitter(self.known))
                if slopes is not None:
                    drawn.append(float(slopes[place]))
            if tiny:
                drawn.append(value + complex_step.scatter_at(self.known, position, place))
        else:
            factors = (-1.0, 0.5, -0.5, 0.75, 0.25, -0.25)
            moves = ((position, factor * self.length) for factor in factors)
            for factor, response in zip(factors, perturbation.responses(moves), strict=True):
                moved = perturbation.taken(self.moves.selection(position), factor * self.length)
                drawn.append(float((response / moved)[place]))
        return max((abs(d - value) for d in drawn), default=float("inf"))
