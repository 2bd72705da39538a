"""The numeric gradient of <cotangent, f> with respect to one input, with its uncertainty.

The first pass over all elements is as cheap as the function allows: separable axes move together, and the
cheapest method that was validated measures each batch. Whatever then disagrees with the analytic gradient is
for `careful.look`: no shortcut taken here can cause a false alarm.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product, tee
from math import prod

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray, blocks, largest
from gradcli.dataclass import dataclass
from gradcli.numeric import complex_step, linear, locality, screening
from gradcli.numeric.function import Function, bend, jitter_key, jittered, random_moves
from gradcli.numeric.ladder import RATIO, central, evident_noise, grown, lepski, richardson
from gradcli.numeric.perturb import Perturbation, taken
from gradcli.numeric.rounding import SMALLEST, Noise, median
from gradcli.numeric.scale import scale_of
from gradcli.numeric.slopes import KINK, Slopes, judge
from gradcli.numeric.structure import Pairing, Position, Structure, discover
from gradcli.numeric.ties import bounds

LINEAR, COMPLEX, CENTRAL = "linear", "complex", "central"
EVALUATIONS_PER_BATCH = {LINEAR: 1, COMPLEX: 1, CENTRAL: 6}

_RUNGS = 11  # of a full ladder: from a quarter of the spread down to 2e-7 of it
_PILOTS = 3  # batches that get a full ladder before the others get three rungs
_PILOT_ELEMENTS = 4096
_PILOT_SAMPLE = 1024  # elements of a pilot that choose the rungs
_PART = 1 << 12  # elements whose ladders are judged at once
_COMPLEX_JITTERS = 2
_CALIBRATED = 32  # batches for each that is measured by the complex step beside a difference
_MOST_CALIBRATED = 16
_SUMMED = 1e-12  # of the sizes of what is summed: the rounding of a sum
_SAMPLES = 3  # batches in which the rounding of a complex step is measured


class Differentiator:
    """Measures the gradient of one input; what is known so far can be read at any time.

    Attributes: `value` and `uncertainty` have the input's shape, NaN where not measured; `kinked` marks
    elements whose slopes on the two sides differ however small the step. `structure` tells sums along any
    direction apart; `moves`, what is moved at once to measure single elements.
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
        self.structure: Structure = discover(function, name, noise, rng, known)
        self.moves = self.structure
        self.method = self._choose(method)
        self._fresh = fresh
        self._may_screen = method == "auto" and self.method == COMPLEX
        self._leak: FloatArray | float = 0.0  # what rows may reach outside of their windows
        self._screened: set[Position] = set()  # batches known from real differences alone
        self.setup = function.evaluations - before  # evaluations that structure and method took

    @property
    def screens(self) -> bool:
        """Whether complex arithmetic is saved wherever real differences are good enough; `sharpen` makes up
        for it."""
        return self._may_screen and screening.pays(self.function, self.moves)

    def find_windows(self, most: float = np.inf) -> None:
        """Look for rows that can move together since they reach different places of the outputs, where that
        saves more than it costs, and costs no more than so many evaluations."""
        before = self.function.evaluations
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
        self.moves, exact = found
        # Single elements outside of a window moved less than rounding: no more than that is known of them.
        self._leak = 0.0 if exact else 16 * self.rounding / self.scale
        self.setup += self.function.evaluations - before

    # Made when they are first needed: the inputs of a check take their turns, and memory counts.

    @cached_property
    def perturbation(self) -> Perturbation:
        return Perturbation(self.function, self.name, self.moves, self.cotangents, fresh=self._fresh)

    @cached_property
    def value(self) -> FloatArray:
        return np.full(self.structure.shape, np.nan)

    @cached_property
    def uncertainty(self) -> FloatArray:
        return np.full(self.structure.shape, np.nan)

    @cached_property
    def kinked(self) -> BoolArray:
        return np.zeros(self.structure.shape, dtype=bool)

    def _choose(self, method: str) -> str:
        if method == "auto" and self.step is not None:
            return CENTRAL
        if method != "auto":
            return method
        if self.structure.shape and 0 in self.structure.shape:
            return LINEAR
        length = linear.reach(self.function, self.name, self.noise, self.rng, self.scale)
        if length is not None:
            self.length = length
            return LINEAR
        if complex_step.is_valid(self.function, self.name, self.noise, self.rng, self.scale):
            return COMPLEX
        return CENTRAL

    @property
    def rounding(self) -> FloatArray:
        """Measured rounding of a contracted response, for each place in a group."""
        return self._rounding_at(self.structure, ())

    def _rounding_at(self, structure: Structure, position: Position) -> FloatArray:
        largest = max((float(np.max(level, initial=0.0)) for level in self.noise), default=0.0) or 1.0
        weighed = [c * (level / largest) for c, level in zip(self.cotangents, self.noise, strict=True)]
        rounding = np.sqrt(structure.contract(tuple(weighed), weighed, position))
        return np.asarray(largest * rounding)

    def _roundings(self, factor: float = 1.0) -> Callable[[Position], FloatArray]:
        """The rounding of what a batch measures, times a factor; many batches have it in common."""
        known: dict[Position, FloatArray] = {}

        def rounding(position: Position) -> FloatArray:
            starts = self.moves.starts(position)
            if starts not in known:
                known[starts] = self._rounding_at(self.moves, position)
                known[starts] *= factor
            return known[starts]

        return rounding

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
        inner = iter(group.shape)
        axes = self.structure.separable
        shape = tuple(next(inner) if axis in axes else 1 for axis in range(len(self.structure.shape)))
        return np.broadcast_to(group.reshape(shape), self.structure.shape)

    def jittered(self, point: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """The point (another if given), every input moved by one unit in the last place."""
        key = jitter_key(self.rng)
        return {name: jittered(array, key) for name, array in (point or self.function.point).items()}

    def predicted(self) -> int:
        """Evaluations that `measure` is going to need for all elements."""
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
        if self.moves is not self.structure and positions is None and not self._is_sum(tick):
            # A row reaches further than its window: no test has shown it, and nothing is known any more.
            self.moves, self._leak = self.structure, 0.0
            self._screened.clear()
            self.kinked[...] = False
            self._measure(wanted, positions, tick)
        if np.any(self._leak):
            self.uncertainty += self.spread_over(np.asarray(self._leak))

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
            self._measure_linear(chosen, tick)
        elif self.method == CENTRAL:
            self._measure_central(chosen, wanted, tick)
        else:
            self._measure_complex(self._screen(chosen, tick) if self.screens else chosen, tick)
            # At a tie or a kink a complex step takes a side of its own, element by element, and the whole is
            # no gradient of anything.
            if positions is None and not self._adds_up(np.ones(self.structure.shape), tick):
                self._screened.clear()
                self.method = CENTRAL
                self._measure_central(chosen, wanted, tick)
        self.__dict__.pop("perturbation", None)  # its working copies: few elements are measured again

    # --- one difference with a large step

    def _measure_linear(self, positions: Iterable[Position], tick: Callable[[int], None]) -> None:
        step = 2.0 ** np.floor(np.log2(self.length))
        # Both the outputs at the point and the moved ones round.
        bands = self._roundings(2 / step)
        measured, moved = tee(positions)
        responses = self.perturbation.responses((position, step) for position in moved)
        done: list[Position] = []
        try:
            for position, response in zip(measured, responses, strict=True):
                self.value[self.moves.selection(position)] = response
                done.append(position)
                tick(1)
        finally:
            complete = len(done) == self.moves.batches
            for part in blocks(self.value.shape) if complete else map(self.moves.selection, done):
                self.value[part] /= self.perturbation.taken(part, step)
            del responses
            self.__dict__.pop("perturbation", None)  # its working copy goes before this array comes
            for position in done:
                self.uncertainty[self.moves.selection(position)] = bands(position)

    # --- real differences where they are good enough

    def _screen(self, positions: Sequence[Position], tick: Callable[[int], None]) -> Sequence[Position]:
        """Measure batches by one pair of real evaluations each; returns those that need the complex step."""
        step = max(complex_step.STEP * self.scale, SMALLEST)

        def exact(position: Position) -> FloatArray | None:
            return self.perturbation.imaginary(position, step)

        screen = screening.Screen(self.perturbation, exact, self._largest_rounding(), self.scale)
        most = min(max(len(positions) // _CALIBRATED, 2), _MOST_CALIBRATED)
        if not screen.calibrate([positions[i] for i in self._sample(len(positions), most)], tick):
            return positions
        left: list[Position] = []
        done = 0
        for part in screen.parts(positions):
            found = screen.measure(part, tick)
            known = zip(part, found.value, found.uncertainty, found.enough.tolist(), strict=True)
            for position, value, doubt, enough in known:
                selection, places = self.moves.selection(position), self.moves.places(position)
                self.value[selection] = value[places]
                self.uncertainty[selection] = doubt[places]
                (self._screened.add if enough else left.append)(position)
            done += len(part)
            if len(left) > len(positions) // 4:
                return [*left, *positions[done:]]
        return left

    def _largest_rounding(self) -> FloatArray:
        """The rounding of a response, for each place of a group, whichever rows move."""
        largest = np.zeros(self.moves.group_shape)
        for position in self.moves.variants():
            places = self.moves.places(position)
            largest[places] = np.maximum(largest[places], self._rounding_at(self.moves, position))
        return largest

    def sharpen(self, suspects: BoolArray, tick: Callable[[int], None]) -> bool:
        """Measure batches that hold a suspect by the complex step, where real differences were taken to be
        good enough; returns whether there were any."""
        again = [position for position in sorted(self._screened) if self._holds(position, suspects)]
        if again:
            self._screened.difference_update(again)
            self._measure_complex(again, tick)
        return bool(again)

    @property
    def described(self) -> str:
        """The method by which most elements were measured."""
        return CENTRAL if self._screened else self.method

    # --- complex step

    def _measure_complex(self, positions: Sequence[Position], tick: Callable[[int], None]) -> None:
        if not positions:
            return
        self.__dict__.pop("perturbation", None)  # a working copy of real numbers
        chosen = list(positions)
        step = max(complex_step.STEP * self.scale, SMALLEST)
        with np.errstate(all="ignore"):
            for position in chosen:
                slopes = self.perturbation.imaginary(position, step)
                self.value[self.moves.selection(position)] = np.nan if slopes is None else slopes
                tick(1)
            self._complex_rounding(chosen, step, tick)

    def _complex_rounding(
        self, positions: Sequence[Position], step: float, tick: Callable[[int], None]
    ) -> None:
        """Measure the rounding of the complex step where it is cheap, and carry it over to the rest.

        All inputs are jittered by one ulp and a few batches measured again. Elsewhere the typical relative
        spread is taken: what that underestimates is found by the careful look.
        """
        sampled = [positions[i] for i in self._sample(len(positions), _SAMPLES)]
        distances = {p: np.zeros(self.moves.group_at(p)) for p in sampled}
        for _ in range(_COMPLEX_JITTERS):
            jitter = self._complex_jitter()
            for position in sampled:
                selection = self.moves.selection(position)
                slopes = self.perturbation.imaginary(position, step, around=jitter)
                tick(1)
                if slopes is not None:
                    distances[position] = np.fmax(distances[position], np.abs(slopes - self.value[selection]))
        truncation = complex_step.STEP * largest(self.value)
        # What is left of a product of tiny numbers.
        underflow = SMALLEST * max(map(largest, self.cotangents)) / step
        typical = self._typical(distances)
        for position in positions:
            selection = self.moves.selection(position)
            # The truncation of a complex step is of the order of its square.
            floor = 4 * np.finfo(np.float64).eps * np.abs(self.value[selection]) + truncation + underflow
            own = distances.get(position)
            self.uncertainty[selection] = (
                typical[self.moves.places(position)] if own is None else own
            ) + floor

    def _typical(self, measured: Mapping[Position, FloatArray]) -> FloatArray:
        """The median over some batches, for each place of a group."""
        known = np.empty((len(measured), *self.moves.group_shape))
        for place, (position, values) in enumerate(measured.items()):
            known[place, ...] = np.max(values, initial=0.0)
            known[place, ...][self.moves.places(position)] = values
        return median(known)

    def _complex_jitter(self) -> dict[str, Array]:
        """A jittered point whose input of interest is ready for a complex step."""
        point = self.jittered()
        point[self.name] = point[self.name].astype(np.complex128)
        return point

    def _is_sum(self, tick: Callable[[int], None]) -> bool:
        """Whether what rows that moved together were given is theirs: the derivative in a random direction is
        the sum of elements, each by how far it moves.

        Cost: 1 evaluation for exact methods, 4 otherwise.
        """
        direction = random_moves(self.rng, self.structure.shape)
        if self.method == CENTRAL:  # at kinks there is no such sum
            return self._adds_up(np.where(self.kinked, 0.0, direction), tick)
        if self.method == LINEAR:
            slope = self._along(direction, 0.5 * self.length)
        else:
            step = max(complex_step.STEP * self.scale, SMALLEST)
            moved = self.function.point[self.name] + 1j * step * direction
            outputs = self.function.at({self.name: moved})
            changes = None if outputs is None else [np.imag(out) for out in outputs]
            slope = self._slope(changes, step)
        tick(1)
        total, size = self._sums(direction)
        doubt = np.sum(self.uncertainty * np.abs(direction), axis=self._rest)
        return bool(np.all(np.abs(total - slope) <= _SUMMED * size + 4 * doubt))

    def _sums(self, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The sum of the measured gradient along a direction, and the size of what is summed."""
        terms = self.value * direction
        return np.sum(terms, axis=self._rest), np.sum(np.abs(terms), axis=self._rest)

    @property
    def _rest(self) -> tuple[int, ...]:
        """The axes that are summed over at each place of a group of separable axes."""
        return tuple(a for a in range(len(self.structure.shape)) if a not in self.structure.separable)

    def _adds_up(self, direction: FloatArray, tick: Callable[[int], None]) -> bool:
        """Whether the sum of the measured gradient along a direction is the derivative, on both sides.

        Cost: 4 evaluations.
        """
        step = 2.0**-22 * self.scale
        near, far = ([self._along(direction, sign * h) for sign in (1.0, -1.0)] for h in (step, 4 * step))
        tick(4)
        total, size = self._sums(direction)
        with np.errstate(invalid="ignore"):
            bend = np.abs(near[0] - far[0]) + np.abs(near[1] - far[1])
            slack = 1e-6 * size + 4 * (bend + 4 * self.rounding / step)
            return all(bool(np.all(np.abs(total - slope) <= slack)) for slope in near)

    def _along(self, direction: FloatArray, step: float) -> FloatArray:
        """The contracted slope along a direction; NaN where the code could not be evaluated."""
        point = self.function.point[self.name]
        return self._slope(self.function.change({self.name: point + step * direction}), step)

    def _slope(self, changes: list[FloatArray] | None, step: float) -> FloatArray:
        if changes is None:
            return np.full(self.structure.group_shape, np.nan)
        return np.asarray(self.structure.contract(self.cotangents, changes) / step)

    # --- central differences

    def _measure_central(
        self, positions: Sequence[Position], wanted: Callable[[], FloatArray], tick: Callable[[int], None]
    ) -> None:
        if self.step is not None:
            self._climb(positions, np.array([self.step, RATIO * self.step]), tick)
            return
        ladder = _ladder(self.scale)
        if len(positions) <= _PILOTS and self.moves.group_size <= _PILOT_ELEMENTS:
            self._climb(positions, ladder, tick)
        else:
            self._climb(positions, self._three_rungs(positions, ladder, tick), tick)
        self._refine(positions, wanted, tick)

    def _three_rungs(
        self, positions: Sequence[Position], ladder: FloatArray, tick: Callable[[int], None]
    ) -> FloatArray:
        """The part of the ladder that suits most elements of a few batches."""
        rounding = self._roundings()
        pilots = []
        for place in self._sample(len(positions), _PILOTS):
            size = prod(self.moves.group_at(positions[place]))
            pilots.append(_Climb(positions[place], self._sample(size, _PILOT_SAMPLE)))
        rungs = []
        for climb, (plus, minus, _) in zip(pilots, self._responses(pilots, ladder, tick), strict=True):
            level = np.ravel(rounding(climb.position))[climb.keep]
            rungs.append(self._estimate(np.stack(plus), np.stack(minus), ladder[:, None], level)[2])
        chosen = np.sort(np.concatenate(rungs))
        best = int(chosen[len(chosen) // 4])
        start = min(max(best - 1, 0), len(ladder) - 3)
        return ladder[start : start + 3]

    def _climb(self, positions: Sequence[Position], ladder: FloatArray, tick: Callable[[int], None]) -> None:
        """Measure whole batches with the same few steps."""
        responses = self._responses(map(_Climb, positions), ladder, tick)
        rounding_of = self._roundings()
        for position, (plus, minus, steps) in zip(positions, responses, strict=True):
            rounding = np.ravel(rounding_of(position))  # not before there is a response: it is as large
            size = rounding.size
            # In parts that fit the cache, each written over its responses: a group may be a whole array.
            value, doubt, kinked = plus[0], minus[0], np.empty(size, dtype=bool)
            for start in range(0, size, _PART):
                here = np.s_[start : start + _PART]
                up, down = (np.stack([row[here] for row in side]) for side in (plus, minus))
                kinked[here] = _kinks(up, down, ladder, rounding[here])
                value[here], doubt[here], _ = self._estimate(up, down, steps[:, here], rounding[here])
            del plus, minus
            selection, shape = self.moves.selection(position), self.moves.group_at(position)
            self.value[selection] = value.reshape(shape)
            self.uncertainty[selection] = doubt.reshape(shape)
            self.kinked[selection] = kinked.reshape(shape)

    def _refine(
        self, positions: Sequence[Position], wanted: Callable[[], FloatArray], tick: Callable[[int], None]
    ) -> None:
        """A full ladder for elements that are not known well enough, first on the scale of the whole input,
        then on that of the element itself, where inputs of very different size stand in one array."""
        poor = self._poor(wanted)
        self._refine_at(None, poor, positions, tick)
        poor = self._poor(wanted)
        own = self._own_scale()
        if np.any(own[poor] != self.scale):
            self._refine_at(own, poor, positions, tick)

    def _poor(self, wanted: Callable[[], FloatArray]) -> BoolArray:
        with np.errstate(invalid="ignore"):
            return ~(self.uncertainty <= wanted())

    def _refine_at(
        self,
        scale: FloatArray | None,
        poor: BoolArray,
        positions: Sequence[Position],
        tick: Callable[[int], None],
    ) -> None:
        """By the ladder of the whole input, or by one for each element on a scale of its own."""
        where = [p for p in positions if self._holds(p, poor)]
        climbs = [
            _Climb(
                position,
                self._places(position, poor),
                None if scale is None else np.asarray(scale[self.moves.selection(position)]),
            )
            for position in where[: max(16, len(positions) // 10)]
        ]
        ladder = _ladder(self.scale if scale is None else 1.0)
        responses = self._responses(climbs, ladder, tick)
        for climb, (plus, minus, steps) in zip(climbs, responses, strict=True):
            self._refine_batch(climb, np.stack(plus), np.stack(minus), steps)

    def _places(self, position: Position, mask: BoolArray) -> Array:
        """Those of a batch that a mask holds, by their place in the group."""
        return np.flatnonzero(np.ravel(mask[self.moves.selection(position)]))[:_PILOT_ELEMENTS]

    def _own_scale(self) -> FloatArray:
        """The scale of each element: its own size where it is far smaller than the spread."""
        own = np.asarray(np.abs(self.function.point[self.name], dtype=np.float64))
        np.copyto(own, self.scale, where=(own == 0) | (own >= self.scale / 16))
        return own

    def _refine_batch(self, climb: "_Climb", plus: FloatArray, minus: FloatArray, steps: FloatArray) -> None:
        selection, places = self.moves.selection(climb.position), climb.keep
        assert places is not None
        rounding = np.ravel(self._rounding_at(self.moves, climb.position))[places]
        shape = self.moves.group_at(climb.position)
        value, doubt, _ = self._estimate(plus, minus, steps, rounding)
        values, doubts = np.ravel(self.value[selection]), np.ravel(self.uncertainty[selection])
        # What is still a kink at much smaller steps stays one; beside one, the element is smooth.
        kinked = np.ravel(self.kinked[selection])
        kinked[places] = _kinks(plus, minus, steps, rounding)
        self.kinked[selection] = kinked.reshape(shape)
        better = ~(doubt >= doubts[places]) & np.isfinite(value)
        values[places[better]] = value[better]
        doubts[places[better]] = doubt[better]
        self.value[selection] = values.reshape(shape)
        self.uncertainty[selection] = doubts.reshape(shape)

    # --- the second look

    def both_sides(
        self, suspects: BoolArray, most: int, tick: Callable[[int], None]
    ) -> Iterator[tuple[Array, Slopes]]:
        """Measure suspects again on each side separately, on a full ladder, still a batch at a time.

        What looks like a kink must still look like one at steps a million times smaller: code that compares
        with 5e-8 in place of 0 is wrong only within that distance. Yields flat indices of elements and their
        slopes, for at most `most` batches.
        Cost: 22 evaluations for each batch that holds a suspect, twice that where one looks like a kink.
        """
        flat = np.arange(suspects.size).reshape(suspects.shape)
        ladder = _ladder(self.scale)
        point = np.abs(np.asarray(self.function.point[self.name], dtype=np.float64))
        size = np.where(point > 0, np.minimum(point, self.scale), self.scale)
        held = [p for p in np.ndindex(self.moves.batch_shape) if self._holds(p, suspects)][:most]
        climbs = [_Climb(position, self._places(position, suspects)) for position in held]
        for climb, (plus, minus, steps) in zip(climbs, self._responses(climbs, ladder, tick), strict=True):
            selection, places = self.moves.selection(climb.position), climb.keep
            assert places is not None
            rounding = np.ravel(self._rounding_at(self.moves, climb.position))[places]
            slopes = judge(steps, np.stack(plus), np.stack(minus), rounding)
            if np.any(slopes.kind == KINK):
                closer = replace(climb, scale=np.asarray(size[selection]))
                plus, minus, steps = next(self._responses([closer], _ladder(2.0**-20), tick))
                near = judge(steps, np.stack(plus), np.stack(minus), rounding)
                slopes = _confirmed(slopes, near)
                slopes = self._bounded(slopes, climb.position, places)
            yield np.ravel(flat[selection])[places], slopes

    def _bounded(self, slopes: Slopes, position: Position, places: Array) -> Slopes:
        """Widen the intervals of kinks to what the outputs allow one by one."""
        batch = np.zeros(self.structure.shape, dtype=bool)
        batch[self.moves.selection(position)] = True
        low, high, doubt = (np.ravel(part)[places] for part in self._tied(batch, self.moves, position))
        with np.errstate(invalid="ignore"):
            use = (slopes.kind == KINK) & (doubt <= 0.01 * (high - low))
        return Slopes(
            np.where(use, np.minimum(slopes.low, low), slopes.low),
            np.where(use, np.maximum(slopes.high, high), slopes.high),
            np.where(use, np.maximum(slopes.uncertainty, doubt), slopes.uncertainty),
            slopes.kind,
        )

    def tied(self, elements: BoolArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Bounds on the sum of the gradient over some elements, for each place of a group.

        All move together, so that ties between them are kept and only what is a kink of the whole is left.
        Each output has its own slopes on the two sides; their intervals add up. Returns low, high and doubt.
        Cost: 4 evaluations.
        """
        return self._tied(elements, self.structure, ())

    def _tied(
        self, elements: BoolArray, structure: Structure, position: Position
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        parts = bounds(
            self.function, self.name, elements.astype(np.float64), self.scale, self.cotangents, self.noise
        )
        ones = tuple(np.broadcast_to(1.0, out.shape) for out in self.function.base)
        low, high, doubt = (structure.contract(ones, part, position) for part in parts)
        return low, high, doubt

    def _holds(self, position: Position, mask: BoolArray) -> bool:
        return bool(np.any(mask[self.moves.selection(position)]))

    def remeasure(self, index: tuple[int, ...]) -> float:
        """The rounding of the first pass at one element, measured there: an uncertainty for its value.

        Cost: 6 evaluations.
        """
        position, place = self.moves.batch_of(index)
        value = float(self.value[index])
        drawn = []
        if self.method == COMPLEX:
            step = max(complex_step.STEP * self.scale, SMALLEST)
            for _ in range(6):
                slopes = self.perturbation.imaginary(position, step, around=self._complex_jitter())
                if slopes is not None:
                    drawn.append(float(slopes[place]))
        else:
            factors = (-1.0, 0.5, -0.5, 0.75, 0.25, -0.25)
            moves = ((position, factor * self.length) for factor in factors)
            for factor, response in zip(factors, self.perturbation.responses(moves), strict=True):
                moved = self.perturbation.taken(self.moves.selection(position), factor * self.length)
                drawn.append(float((response / moved)[place]))
        return max((abs(d - value) for d in drawn), default=float("inf"))

    def _responses(
        self, climbs: Iterable["_Climb"], ladder: FloatArray, tick: Callable[[int], None]
    ) -> Iterator[tuple[list[FloatArray], list[FloatArray], FloatArray]]:
        """Responses to plus and minus each rung, an array of places for each, and the steps, of shape (rungs,
        places). One climb after the other."""
        first, second = tee(climbs)
        responses = self.perturbation.responses(
            (climb.position, sign * climb.step(nominal))
            for climb in first
            for nominal in ladder
            for sign in (1.0, -1.0)
        )
        for climb in second:
            places = np.s_[:] if climb.keep is None else climb.keep
            original = self.perturbation.unmoved(climb.position)[places]
            scale = None if climb.scale is None else np.ravel(climb.scale)[places]
            count = prod(self.moves.group_at(climb.position)) if climb.keep is None else len(climb.keep)
            # Each array when there is a response for it: a group may be a whole array.
            plus: list[FloatArray] = []
            minus: list[FloatArray] = []
            for nominal in ladder:
                for sign, side in ((1.0, plus), (-1.0, minus)):
                    response = np.ravel(next(responses))[places]
                    step = sign * (nominal if scale is None else nominal * scale)
                    moved = taken(original, step)
                    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
                        response *= np.divide(step, moved, out=moved)
                    side.append(response)
                    del response, moved  # before the next
                tick(2)
            steps = ladder[:, None] if scale is None else ladder[:, None] * scale
            yield plus, minus, np.broadcast_to(steps, (len(ladder), count))

    def _estimate(
        self, plus: FloatArray, minus: FloatArray, steps: FloatArray, rounding: FloatArray
    ) -> tuple[FloatArray, FloatArray, Array]:
        second = central(plus, minus, steps)
        noise = rounding
        if len(steps) > 3:
            noise = np.maximum(noise, evident_noise(second, np.broadcast_to(steps, second.shape)))
        choice = lepski(richardson(second), (4 * noise + grown(plus, minus)) / steps[:-1])
        if len(steps) == 2:  # a forced step: what the two orders differ by is all that shows truncation
            with np.errstate(invalid="ignore"):
                return choice.value, choice.uncertainty + np.abs(choice.value - second[0]), choice.rung
        return choice.value, choice.uncertainty, choice.rung

    def _sample(self, size: int, most: int) -> Array:
        return np.arange(size) if size <= most else np.sort(self.rng.choice(size, most, replace=False))


@dataclass(frozen=True, eq=False)
class _Climb:
    """A batch that is moved by each rung of a ladder."""

    position: Position
    keep: Array | None = None  # the places of its group that count; None: all
    scale: FloatArray | None = None  # group_shape; multiplies the rungs, place by place

    def step(self, rung: float) -> FloatArray | float:
        return rung if self.scale is None else rung * self.scale


def _ladder(scale: float) -> FloatArray:
    """Steps ascending by RATIO up to a quarter of the scale, each a power of two."""
    top = 2.0 ** np.floor(np.log2(scale)) / 4
    return np.asarray(top / RATIO ** np.arange(_RUNGS - 1, -1, -1, dtype=np.float64))


def _kinks(plus: FloatArray, minus: FloatArray, ladder: FloatArray, rounding: FloatArray) -> BoolArray:
    """Elements whose one-sided slopes differ by as much at one step as at the next larger one.

    For a smooth function the difference shrinks with the step, by RATIO from rung to rung.
    """
    with np.errstate(invalid="ignore"):
        small = np.abs(plus[0] + minus[0]) / ladder[0]
        large = np.abs(plus[1] + minus[1]) / ladder[1]
        slope = np.maximum(np.abs(plus[0]), np.abs(minus[0])) / ladder[0]
        same = (small > 0.8 * large) & (small < 1.25 * large)
        clear = (small > 64 * rounding / ladder[0]) & (small > 1e-3 * slope)
    return np.asarray(same & clear)


def _confirmed(slopes: Slopes, close: Slopes) -> Slopes:
    """Kinks that are still there at much smaller steps; elsewhere the smaller steps tell the slope."""
    known = close.uncertainty <= 0.01 * (slopes.high - slopes.low)
    smoothed = (slopes.kind == KINK) & (close.kind != KINK) & known

    def pick(far: Array, near: Array) -> Array:
        return np.asarray(np.where(smoothed, near, far))

    return Slopes(
        pick(slopes.low, close.low),
        pick(slopes.high, close.high),
        pick(slopes.uncertainty, close.uncertainty),
        pick(slopes.kind, close.kind),
    )
