"""Gradients of float32 and float16: the formula is judged in float64, the numbers at their own precision."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray, largest
from gradcli.contract import comparable
from gradcli.errors import BrokenPromise
from gradcli.numeric import bend, spread
from gradcli.observed import Observed
from gradcli.result import FAIL, INCONCLUSIVE, PASS, Gradient
from gradcli.verdict import Comparison

# float64 and the lower precision compute the same thing if they agree so well.
_SAME = 0.05
_POINTS = 8
_DIGITS = 2.0  # by which numbers are off where several have rounded
_BESIDE = 0.05  # of its own size that an input or a cotangent moves at most from point to point
_OFTEN = 8.0  # times what is seen to scatter: two that differ by no more may be the same
DROWNED = 0.1  # of a gradient's scale: an error from which its digits are gone


@dataclass(frozen=True, eq=False)
class Wide:
    """The same code at the same point, computing in float64."""

    seen: Observed
    # Gradients that the lower precision could hold, or that are hardly alike in both: where they look wrong,
    # it is for those of the lower precision to say.
    unsure: frozenset[str]


def widen(
    seen: Observed,
    rounding: Mapping[str, FloatArray],
    floor: Mapping[str, float],
    beside_one: Mapping[str, float],
    rng: np.random.Generator,
) -> Wide | None:
    """Run backward in float64.

    `seen`: what the lower precision gave.
    `beside_one`: what rounding may leave of a gradient that is computed from numbers about one.
    None where that has nothing to add: backward does not carry the dtype through, or computes something else
    in float64, which is not what takes another branch there, nor what drowns here. Cost: one forward and one
    backward, 8 more where the two differ, up to 64 more where that does not explain it.
    """
    subject = seen.subject.widened()
    given = tuple(c.astype(np.float64) for c in seen.cotangents)
    try:
        both = subject.both(subject.problem.inputs, given)
        found = comparable(subject.problem, both.gradients)
    except BrokenPromise:
        return None
    unsure = set()
    inputs = seen.subject.problem.inputs
    exact = Observed(subject, both.run.outputs, given, found)
    del both  # and with it what forward saved
    branches: Callable[[], dict[str, FloatArray]] = cache(partial(_branches, exact, rng, inputs))

    @cache
    def drowned(far: bool) -> dict[str, FloatArray]:
        scatter = scattered(seen, exact, rng, far=far)
        return {name: _OFTEN * width for name, width in scatter.items()}

    for name, gradient in seen.gradients.items():
        if name not in found or found[name].dtype != np.float64:
            return None
        distance = np.abs(found[name] - gradient.astype(np.float64))
        scale = float(np.max(np.abs(found[name]), initial=0.0))
        same = _SAME * scale + 16 * rounding[name] + 16 * floor[name]
        same_beside_one = same + 16 * beside_one[name]
        measures = (dict, branches, partial(drowned, far=False), partial(drowned, far=True))
        if not any(np.all(distance <= same_beside_one + more().get(name, 0.0)) for more in measures):
            return None
        if not np.all(distance <= same):
            unsure.add(name)
    if not seen.gradients:
        return None
    compared = {name: found[name] for name in seen.gradients}
    unsure.update(n for n, g in compared.items() if np.array_equal(g, g.astype(inputs[n].dtype)))
    return Wide(replace(exact, gradients=compared), frozenset(unsure))


def scattered(
    seen: Observed, wide: Observed, rng: np.random.Generator, *, far: bool = False
) -> dict[str, FloatArray]:
    """How far gradients of the lower precision scatter around those of the same code in float64.

    Whatever the numbers that round inside, their rounding differs from point to point; what is wrong stays.
    Twice the standard deviation of the distance, or what other branches make of it. `far`: at points up to
    as far as outputs may take to bend, since numbers that drown in larger ones round to the same all around.
    Cost: 8 forwards and backwards in the lower precision, 16 in float64.
    """
    problem = seen.subject.problem
    distances: dict[str, list[FloatArray]] = {name: [] for name in seen.gradients}
    for number in range(1, _POINTS + 1):
        part = number / _POINTS if far else None
        point = {
            name: (array + _reach(array, part) * rng.uniform(-1, 1, array.shape)).astype(array.dtype)
            if array.dtype.kind == "f"
            else array
            for name, array in problem.inputs.items()
        }
        same = {n: a.astype(np.float64) if a.dtype.kind == "f" else a for n, a in point.items()}
        # Of a layer that is linear, no move of an input shows how it rounds.
        given = tuple(
            (c * rng.uniform(1 - _BESIDE, 1 + _BESIDE, c.shape)).astype(c.dtype) for c in seen.cotangents
        )
        as_given = tuple(c.astype(np.float64) for c in given)
        try:
            rough = comparable(problem, seen.subject.both(point, given).gradients)
            exact = comparable(wide.subject.problem, wide.subject.both(same, as_given).gradients)
        except BrokenPromise:
            continue
        for name in distances.keys() & rough.keys() & exact.keys():
            distance = rough[name].astype(np.float64) - exact[name]
            if np.all(np.isfinite(distance)):  # else the lower precision overflows there
                distances[name].append(distance)
    branches = _branches(wide, rng, problem.inputs)
    return {
        name: np.maximum(2 * np.std(np.stack(found), axis=0), branches[name])
        for name, found in distances.items()
        if len(found) > 1
    }


def _branches(wide: Observed, rng: np.random.Generator, inputs: Mapping[str, Array]) -> dict[str, FloatArray]:
    """How far gradients in float64 go where inputs are off by a last digit of the lower precision, and so are
    numbers about one: what is tied in that precision takes another branch there.

    `inputs`: in the lower precision. Cost: 8 forwards and backwards.
    """
    width = {name: np.zeros(gradient.shape) for name, gradient in wide.gradients.items()}
    for _ in range(_POINTS):
        point = {
            name: array.astype(np.float64) + _DIGITS * _digit(array) * rng.uniform(-1, 1, array.shape)
            if array.dtype.kind == "f"
            else array
            for name, array in inputs.items()
        }
        with suppress(BrokenPromise):
            found = comparable(wide.subject.problem, wide.subject.both(point, wide.cotangents).gradients)
            for name in width.keys() & found.keys():
                np.fmax(width[name], np.abs(found[name] - wide.gradients[name]), out=width[name])
    return width


def _reach(array: Array, far: float | None) -> FloatArray | float:
    """How far an input moves at most: by a little of itself, or that part of the way from its spread to the
    length over which outputs may bend, on a logarithmic scale."""
    if far is None:
        return _BESIDE * np.asarray(array, dtype=np.float64)
    return float(spread(array) ** (1 - far) * bend(spread(array)) ** far)


def _digit(array: Array) -> float:
    """The last digit of the largest number, or of one."""
    return float(np.finfo(array.dtype).eps) * max(1.0, largest(array))


def narrow(
    gradient: Gradient,
    analytic: Array,
    rounding: FloatArray,
    tol: float,
    dtype: np.dtype[Any],
    *,
    drowned: float = np.inf,
) -> Gradient:
    """The verdict on numbers of a lower precision, once the formula has been judged in float64.

    A formula that is wrong stays wrong. One that is right must also come out right here, to within rounding
    measured at this precision. Where errors reach `drowned` of its scale, nothing can be said.
    """
    limits = np.finfo(dtype)
    # What is smaller than the smallest number is zero there.
    scale = largest(gradient.numeric)
    floor = float(limits.eps) * scale + float(limits.tiny)
    doubt = np.where(np.isnan(gradient.numeric), np.nan, gradient.uncertainty + rounding + floor)
    comparison = Comparison(analytic, gradient.numeric, doubt, tol)
    own = replace(gradient, analytic=analytic, uncertainty=doubt)
    compared = ~np.isnan(gradient.numeric)
    off = compared & ~comparison.agrees & ~_open(gradient, comparison)
    if gradient.verdict == FAIL or not compared.any():
        return own
    urgency = np.where(compared, comparison.urgency, -1.0)
    worst = tuple(int(i) for i in np.unravel_index(int(np.argmax(urgency)), urgency.shape))
    verdict, note = gradient.verdict, gradient.note
    if off.any():
        verdict, note = FAIL, f"right in float64, wrong in {dtype}"
    elif verdict == PASS and not note and np.any(comparison.error[compared] > drowned * scale):
        verdict, note = INCONCLUSIVE, f"right in float64, drowned in {dtype}"
    return replace(
        own,
        verdict=verdict,
        worst_index=worst,
        relative_error=float(comparison.relative_error[worst]),
        failing=off if off.any() else None,
        note=note,
    )


def _open(gradient: Gradient, comparison: Comparison) -> BoolArray:
    """Elements that disagree in float64 already, where they could not be decided, and are no other here."""
    wide = Comparison(gradient.analytic, gradient.numeric, gradient.uncertainty, comparison.tol)
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(comparison.analytic.astype(np.float64) - gradient.analytic)
        return np.asarray(~wide.agrees & (distance <= comparison.allowed))
