"""Random-sign directions through an input too large to be measured element by element.

A direction of +1 and -1 gives every element the same weight, so every single-element error moves every
probe, whatever the size of the array. Separable axes still tell their rows apart: one probe is as many sums
as they have rows. Where a sum is off, halving the direction finds the element in log2(n) more probes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.numeric import complex_step
from gradcli.numeric.differentiate import Differentiator
from gradcli.numeric.function import Function
from gradcli.numeric.known import COMPLEX, LINEAR
from gradcli.numeric.ladder import RATIO, central, evident_noise, lepski, richardson

PROBES = 8
_PLAIN = 1e3  # times what is allowed: an error that leads to its element by itself

# By the spread; small ones, since n elements move at once ...
_STEPS: FloatArray = np.asarray(2.0**-22 * RATIO ** np.arange(6))
# ... and smaller ones, where some of them are next to kinks.
FINE_STEPS: FloatArray = np.asarray(2.0**-34 * RATIO ** np.arange(8))


@dataclass(frozen=True, eq=False)
class Sums:
    """Along one direction, for each place of a group: the numeric derivative, and how well it is known."""

    value: FloatArray  # group_shape
    uncertainty: FloatArray


@dataclass(frozen=True, eq=False)
class Found:
    """What the probes of one input showed."""

    probes: int
    detectable: float  # the smallest single-element error that would have shown
    suspects: list[tuple[int, ...]]  # elements that bisection led to
    worst: float  # error by what is allowed, of the worst sum


class Prober:
    """Compares sums of an analytic gradient over random directions with directional derivatives.

    `analytic` and `rounding` have the input's shape; `function` is that of `numeric`, here or at another
    point; `tol` is relative to a sum's root mean square size; `margin` multiplies the uncertainties; `grace`
    is asked for some evaluations beyond the budget where an error is plain.
    """

    def __init__(
        self,
        numeric: Differentiator,
        analytic: FloatArray,
        rounding: FloatArray,
        function: Function,
        *,
        tol: float,
        margin: float,
        tick: Callable[[int], None],
        grace: Callable[[int], bool],
    ) -> None:
        self.numeric = numeric
        self.analytic = analytic
        self.rounding = rounding
        self.function = function
        self.steps = _STEPS
        self.tol = tol
        self.margin = margin
        self.tick = tick
        self.grace = grace
        self.found = Found(0, np.inf, [], 0.0)
        self.rest = tuple(axis for axis in range(analytic.ndim) if axis not in numeric.structure.separable)

    def probe(self, probes: int = PROBES, most: int = 2) -> None:
        """Look along random directions; bisect to at most `most` elements where sums are off.

        What is known is in `found`, also when `tick` raises on the way.
        Cost: `probes` directions (1 evaluation each where the function is linear, 3 with a complex step,
        12 otherwise), and log2(n) more for each element found.
        """
        detectable = np.full(self.numeric.structure.group_shape, np.inf)
        self.found = Found(0, np.inf, [], 0.0)
        for done in range(1, probes + 1):
            signs = self._signs()
            error, allowed = self._compare(signs)
            if np.any(_ratio(error, allowed) > 1.0) and self.numeric.method not in (LINEAR, COMPLEX):
                # A few of all these elements may have stepped across a kink.
                self.steps = FINE_STEPS
                error, allowed = self._compare(signs)
            detectable = np.minimum(detectable, 2 * allowed)
            ratio = _ratio(error, allowed)
            worst = float(np.max(ratio, initial=0.0))
            self.found = Found(done, float(np.max(detectable, initial=0.0)), [], max(worst, self.found.worst))
            if worst > 1.0:
                for index in self._bisect(signs, ratio, most):
                    self.found.suspects.append(index)
                return

    def _signs(self) -> FloatArray:
        return (
            2.0 * self.numeric.rng.integers(0, 2, self.analytic.shape, dtype=np.int8).astype(np.float64) - 1.0
        )

    def _compare(self, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Error and what is allowed for the sums along a direction (zero where an element stays)."""
        sums = self._derivative(direction)
        weighed = self.analytic * direction
        moved = direction != 0
        size = np.sqrt(np.sum(np.square(weighed), axis=self.rest))
        rounding = np.sqrt(np.sum(np.square(self.rounding * moved), axis=self.rest))
        with np.errstate(invalid="ignore"):
            error = np.abs(np.sum(weighed, axis=self.rest) - sums.value)
        return error, self.tol * size + self.margin * (sums.uncertainty + rounding)

    def _bisect(self, signs: FloatArray, ratio: FloatArray, most: int) -> Iterator[tuple[int, ...]]:
        """Halve the direction until one element is left, in the worst sums first."""
        for place in np.argsort(-np.ravel(ratio), kind="stable")[:most]:
            if np.ravel(ratio)[place] <= 1.0:
                return
            exact = self.numeric.method in (LINEAR, COMPLEX)  # rounding alone is in the way: it is known
            if exact or np.ravel(ratio)[place] > _PLAIN:
                self.grace(2 * self.numeric.structure.batches.bit_length() + 2)
                yield self._element(self._descend(signs, int(place)), int(place))
                continue
            low, high = 0, self.numeric.structure.batches
            while high - low > 1:
                middle = (low + high) // 2
                error, allowed = self._compare(self._part(signs, low, middle))
                if np.ravel(_ratio(error, allowed))[place] > 1.0:
                    high = middle
                else:
                    low = middle
            yield self._element(low, int(place))

    def _descend(self, signs: FloatArray, place: int) -> int:
        """The batch that an error leads to, always into the half that holds more of it.

        Cost: at most 2 evaluations for each halving.
        """
        low, high = 0, self.numeric.structure.batches
        error = self._error(signs, place)
        while high - low > 1:
            middle = (low + high) // 2
            part = self._error(self._part(signs, low, middle), place)
            if abs(part) >= abs(error - part):
                high, error = middle, part
            else:
                low, error = middle, error - part
        return low

    def _error(self, direction: FloatArray, place: int) -> float:
        """Analytic minus numeric sum along a direction, at one place of a group, by a single difference."""
        before = self.function.evaluations
        scale = self.numeric.scale
        if self.numeric.method == LINEAR:
            value = self._response(direction, self.numeric.length) / self.numeric.length
        elif self.numeric.method == COMPLEX:
            step = complex_step.STEP * scale
            value = self._imaginary(direction, step, False)
        else:
            step = float(scale * self.steps[len(self.steps) // 2])
            value = (self._response(direction, step) - self._response(direction, -step)) / (2 * step)
        self.tick(self.function.evaluations - before)
        expected = np.sum(self.analytic * direction, axis=self.rest)
        return float(np.ravel(expected - value)[place])

    def _part(self, signs: FloatArray, low: int, high: int) -> FloatArray:
        """The direction with all but the batches low..high-1 left at rest."""
        order = (*self.rest, *self.numeric.structure.separable)
        turned = np.transpose(signs, order)
        part = np.zeros_like(turned).reshape(self.numeric.structure.batches, -1)
        part[low:high] = turned.reshape(part.shape)[low:high]
        return np.transpose(part.reshape(turned.shape), np.argsort(order))

    def _element(self, batch: int, place: int) -> tuple[int, ...]:
        """The index of an element from its batch and its place in the group."""
        structure = self.numeric.structure
        position = iter(np.unravel_index(batch, structure.batch_shape) if structure.batch_shape else ())
        group = iter(np.unravel_index(place, structure.group_shape) if structure.group_shape else ())
        return tuple(
            int(next(group) if axis in structure.separable else next(position))
            for axis in range(self.analytic.ndim)
        )

    # --- directional derivatives

    def _derivative(self, direction: FloatArray) -> Sums:
        before = self.function.evaluations
        if self.numeric.method == LINEAR:
            sums = self._linear(direction)
        elif self.numeric.method == COMPLEX:
            sums = self._complex(direction)
        else:
            sums = self._central(direction)
        spent = self.function.evaluations - before
        self.tick(spent)
        return sums

    def _response(self, direction: FloatArray, step: float) -> FloatArray:
        return next(self._responses(direction, [step]))

    def _responses(self, direction: FloatArray, steps: Sequence[float]) -> Iterator[FloatArray]:
        """Contracted responses to one step after the other; see `Function.changes`."""
        name, structure = self.numeric.name, self.numeric.structure
        moved = ({name: self.function.point[name] + step * direction} for step in steps)
        for changes in self.function.changes(moved):
            if changes is None:
                yield np.full(structure.group_shape, np.nan)
            else:
                yield structure.contract(self.numeric.cotangents, changes)

    def _linear(self, direction: FloatArray) -> Sums:
        step = 2.0 ** np.floor(np.log2(self.numeric.length))
        # n elements moved at once move the outputs further than one, and these round accordingly.
        moved = np.sqrt(float(np.count_nonzero(direction)) / max(1, self.numeric.structure.group_size))
        return Sums(
            self._response(direction, step) / step,
            2 * self.numeric.rounding * (1 + moved * step / self.numeric.length) / step,
        )

    def _complex(self, direction: FloatArray) -> Sums:
        """A complex step, with its rounding measured by two jitters."""
        step = complex_step.STEP * self.numeric.scale
        values = [self._imaginary(direction, step, jitter) for jitter in (False, True, True)]
        spread = np.maximum(np.abs(values[1] - values[0]), np.abs(values[2] - values[0]))
        floor = 16 * np.finfo(np.float64).eps * np.abs(values[0])
        return Sums(values[0], 2 * spread + floor)

    def _imaginary(self, direction: FloatArray, step: float, jitter: bool) -> FloatArray:
        point = self.numeric.jittered(self.function.point) if jitter else self.function.point
        outputs = self.function.at(
            {**point, self.numeric.name: point[self.numeric.name] + 1j * step * direction}
        )
        if outputs is None:
            return np.full(self.numeric.structure.group_shape, np.nan)
        slopes = [np.imag(out) for out in outputs]
        return self.numeric.structure.contract(self.numeric.cotangents, slopes) / step

    def _central(self, direction: FloatArray) -> Sums:
        steps = self.numeric.scale * self.steps
        shape = (len(steps), *self.numeric.structure.group_shape)
        plus, minus = np.empty(shape), np.empty(shape)
        responses = self._responses(direction, [sign * step for step in steps for sign in (1.0, -1.0)])
        for rung, response in enumerate(responses):
            (plus if rung % 2 == 0 else minus)[rung // 2] = response
        column: Array = steps.reshape(-1, *[1] * (len(shape) - 1))
        second = central(plus, minus, column)
        noise = np.maximum(self.numeric.rounding, evident_noise(second, np.broadcast_to(column, shape)))
        choice = lepski(richardson(second), 4 * noise / column[:-1])
        return Sums(choice.value, choice.uncertainty)


def _ratio(error: FloatArray, allowed: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(error == 0, 0.0, error / allowed)
    return np.asarray(np.where(np.isnan(ratio), np.inf, ratio))
