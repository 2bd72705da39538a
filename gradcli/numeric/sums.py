"""Whether the measured elements of a gradient add up to what the function does when all of them move."""

from collections.abc import Callable

import numpy as np

from gradcli.arrays import FloatArray
from gradcli.numeric import complex_step
from gradcli.numeric.function import random_moves
from gradcli.numeric.known import CENTRAL, LINEAR, Known

_SUMMED = 1e-12  # of the sizes of what is summed: the rounding of a sum


def is_sum(known: Known, method: str, length: float, tick: Callable[[int], None]) -> bool:
    """Whether what rows that moved together were given is theirs: the derivative in a random direction is
    the sum of elements, each by how far it moves.

    Cost: 1 evaluation for exact methods, 4 otherwise.
    """
    direction = random_moves(known.rng, known.structure.shape)
    if method == CENTRAL:  # at kinks there is no such sum
        return adds_up(known, np.where(known.kinked, 0.0, direction), tick)
    if method == LINEAR:
        slope = _along(known, direction, 0.5 * length)
    else:
        step = complex_step.step_of(known)
        moved = known.function.point[known.name] + 1j * step * direction
        outputs = known.function.at({known.name: moved})
        changes = None if outputs is None else [np.imag(out) for out in outputs]
        slope = _slope(known, changes, step)
    tick(1)
    total, size = _sums(known, direction)
    doubt = np.sum(known.uncertainty * np.abs(direction), axis=_rest(known))
    return bool(np.all(np.abs(total - slope) <= _SUMMED * size + 4 * doubt))


def adds_up(known: Known, direction: FloatArray, tick: Callable[[int], None]) -> bool:
    """Whether the sum of the measured gradient along a direction is the derivative, on both sides.

    Cost: 4 evaluations.
    """
    step = 2.0**-22 * known.scale
    near, far = ([_along(known, direction, sign * h) for sign in (1.0, -1.0)] for h in (step, 4 * step))
    tick(4)
    total, size = _sums(known, direction)
    with np.errstate(invalid="ignore"):
        bend = np.abs(near[0] - far[0]) + np.abs(near[1] - far[1])
        slack = 1e-6 * size + 4 * (bend + 4 * known.rounding / step)
        return all(bool(np.all(np.abs(total - slope) <= slack)) for slope in near)


def _sums(known: Known, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The sum of the measured gradient along a direction, and the size of what is summed."""
    terms = known.value * direction
    return np.sum(terms, axis=_rest(known)), np.sum(np.abs(terms), axis=_rest(known))


def _rest(known: Known) -> tuple[int, ...]:
    """The axes that are summed over at each place of a group of separable axes."""
    return tuple(a for a in range(len(known.structure.shape)) if a not in known.structure.separable)


def _along(known: Known, direction: FloatArray, step: float) -> FloatArray:
    """The contracted slope along a direction; NaN where the code could not be evaluated."""
    point = known.function.point[known.name]
    return _slope(known, known.function.change({known.name: point + step * direction}), step)


def _slope(known: Known, changes: list[FloatArray] | None, step: float) -> FloatArray:
    if changes is None:
        return np.full(known.structure.group_shape, np.nan)
    return np.asarray(known.structure.contract(known.cotangents, changes) / step)
