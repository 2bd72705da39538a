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
    right = [_slopes(function, name, step * scale * moves, step * scale) for step in _STEPS]
    left = [_slopes(function, name, -step * scale * moves, -step * scale) for step in _STEPS]
    low, high, doubt = [], [], []
    for place, (cotangent, level) in enumerate(zip(cotangents, noise, strict=True)):
        ends = [cotangent * side[0][place] for side in (right, left)]
        bend = sum(np.abs(side[0][place] - side[1][place]) for side in (right, left))
        low.append(np.minimum(*ends))
        high.append(np.maximum(*ends))
        doubt.append(np.abs(cotangent) * (bend + 4 * level / (_STEPS[0] * scale)))
    return low, high, doubt


def _slopes(function: Function, name: str, offset: FloatArray, step: float) -> list[FloatArray]:
    changes = function.change({name: function.point[name] + offset})
    if changes is None:
        return [np.full(out.shape, np.nan) for out in function.base]
    return [np.asarray(change / step) for change in changes]
