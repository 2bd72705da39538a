"""Slopes on the two sides, output by output, for elements that move together.

At a kink of the whole, each output has an interval of slopes of its own, and what a backward may give is any
sum of values from them: with cotangents of both signs that is more than the slopes of the sum allow. Elements
that are tied (equal maxima) must move together to be told apart from elements with kinks of their own.
"""

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.numeric.function import Function
from gradcli.numeric.rounding import Noise

_STEPS = (2.0**-22, 2.0**-20)  # by the scale

Bounds = tuple[list[FloatArray], list[FloatArray], list[FloatArray]]


def bounds(
    function: Function,
    name: str,
    moves: FloatArray,
    scale: float,
    cotangents: tuple[Array, ...],
    noise: Noise,
) -> Bounds:
    """Low, high and doubt of cotangent * slope along `moves` (the input's shape), for each output.

    NaN where the code could not be evaluated. Cost: 4 evaluations.
    """
    (right, bend_right), (left, bend_left) = (
        _side(function, name, moves, scale, sign) for sign in (1.0, -1.0)
    )
    doubt = []
    for place, (cotangent, level) in enumerate(zip(cotangents, noise, strict=True)):
        bend = bend_right[place]
        bend += bend_left[place]
        bend += 4 / (_STEPS[0] * scale) * level
        bend *= np.abs(cotangent)
        doubt.append(bend)
        right[place] *= cotangent
        left[place] *= cotangent
    low = [np.minimum(r, other) for r, other in zip(right, left, strict=True)]
    high = [np.maximum(r, other, out=other) for r, other in zip(right, left, strict=True)]
    return low, high, doubt


def _side(
    function: Function, name: str, moves: FloatArray, scale: float, sign: float
) -> tuple[list[FloatArray], list[FloatArray]]:
    """The slopes of the outputs at the smaller step, and how far those at the larger one are from them."""
    near, far = (_slopes(function, name, moves, sign * step * scale) for step in _STEPS)
    for n, f in zip(near, far, strict=True):
        np.abs(np.subtract(n, f, out=f), out=f)
    return near, far


def _slopes(function: Function, name: str, moves: FloatArray, step: float) -> list[FloatArray]:
    changes = function.change({name: function.point[name] + step * moves})
    if changes is None:
        return [np.full(out.shape, np.nan) for out in function.base]
    for change in changes:
        change /= step
    return changes
