"""A function that is linear in an input needs no small step and no second difference."""

import numpy as np

from gradcli.arrays import FloatArray
from gradcli.numeric.function import Function, spread
from gradcli.numeric.rounding import Noise


def is_linear(function: Function, name: str, noise: Noise, rng: np.random.Generator) -> bool:
    """Whether the outputs are linear (affine) in one input, along random directions as long as its spread.

    Even parts show in f(x+d) - 2 f(x) + f(x-d), odd ones in f(x+d) - 2 f(x+d/2) + f(x). Both must vanish to
    within rounding: what hides below that is no larger than the uncertainty of the derivative.
    Cost: 3 evaluations.
    """
    array = function.point[name]
    direction = spread(array) * rng.choice([-1.0, 1.0], array.shape) * rng.uniform(1.0, 2.0, array.shape)
    moves = [function.change({name: array + t * direction}) for t in (1.0, -1.0, 0.5)]
    if any(change is None for change in moves):
        return False
    plus, minus, half = ([np.asarray(c) for c in change] for change in moves if change is not None)
    return all(
        _vanishes(p + m, p, level) and _vanishes(p - 2.0 * h, p, level)
        for p, m, h, level in zip(plus, minus, half, noise, strict=True)
    )


def _vanishes(residual: FloatArray, change: FloatArray, noise: FloatArray) -> bool:
    # The moved outputs are larger than those at the point, and round accordingly.
    rounding = 8 * noise + 32 * np.finfo(np.float64).eps * np.max(np.abs(change), initial=0.0)
    return bool(np.all(np.abs(residual) <= rounding))
