"""The scale on which an input is moved: that on which it varies, or a longer one where that shows nothing."""

import numpy as np

from gradcli.arrays import FloatArray
from gradcli.numeric.function import Function
from gradcli.numeric.rounding import Noise, median

_SHORT = 2.0**-16  # below it a spread may drown in the rounding of outputs of order 1
_LONGER = 2.0**16
_CLEAR = 2.0**24  # times the rounding: a change that shows its digits


def scale_of(function: Function, name: str, noise: Noise, rng: np.random.Generator) -> float:
    """The spread of an input; where moves by a tiny spread drown in rounding (0.5 + 1e-30), a longer one.

    Cost: one evaluation for each factor of 2^16 that a spread is shorter than 1; none where it is not tiny.
    """
    array = function.point[name]
    scale = function.spread(name)
    while scale < _SHORT:
        direction = rng.choice([-1.0, 1.0], array.shape)
        change = function.change({name: array + scale * direction})
        if change is None or shows(change, noise):
            break
        scale *= _LONGER
    return scale


def shows(change: list[FloatArray], noise: Noise) -> bool:
    """Whether changes of the outputs are mostly far above rounding, where there are any."""
    with np.errstate(invalid="ignore", over="ignore"):
        ratios = [np.abs(c[c != 0]) / n[c != 0] for c, n in zip(change, noise, strict=True)]
    ratio = np.concatenate([np.zeros(0), *ratios])
    return bool(ratio.size and median(ratio) >= _CLEAR)
