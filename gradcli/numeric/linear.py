"""A function that is linear in an input needs no small step and no second difference."""

import numpy as np

from gradcli.arrays import FloatArray
from gradcli.numeric.function import Function, random_moves
from gradcli.numeric.rounding import Noise
from gradcli.numeric.scale import shows

_LONGER = 2.0**14
_TIMES = 5
_DIGITS = 2.0**12  # times the precision of the outputs


def reach(
    function: Function, name: str, noise: Noise, rng: np.random.Generator, scale: float
) -> float | None:
    """How far the outputs are linear (affine) in one input; None where they are not even over `scale`.

    Where a move by the scale shows little of the slope above rounding, longer ones are tried. What moves
    more than rounding is no constant beside the input, but noise that may hide anything.
    Cost: 3 evaluations, 3 more for each longer move.
    """
    found = None
    for _ in range(_TIMES):
        plus = _straight(function, name, noise, rng, scale)
        if plus is None:
            break
        found = scale
        if (
            shows(plus, noise)
            or not any(change.any() for change in plus)
            or not _is_round_off(function, noise)
        ):
            break
        scale *= _LONGER
    return found


def _straight(
    function: Function, name: str, noise: Noise, rng: np.random.Generator, scale: float
) -> list[FloatArray] | None:
    """The response to a random move of that size, if the outputs are linear along it.

    Even parts show in f(x+d) - 2 f(x) + f(x-d), odd ones in f(x+d) - 2 f(x+d/2) + f(x). Both must vanish to
    within rounding: what hides below that is no larger than the uncertainty of the derivative.
    """
    array = function.point[name]
    direction = random_moves(rng, array.shape, 1.0, 2.0)
    direction *= scale
    found = list(function.changes({name: array + t * direction} for t in (1.0, -1.0, 0.5)))
    if any(change is None for change in found):
        return None
    plus, minus, half = ([np.asarray(c) for c in change] for change in found if change is not None)
    straight = all(
        _vanishes(p + m, p, level) and _vanishes(p - 2.0 * h, p, level)
        for p, m, h, level in zip(plus, minus, half, noise, strict=True)
    )
    return plus if straight else None


def _is_round_off(function: Function, noise: Noise) -> bool:
    """Whether the noise is in keeping with the digits of the outputs."""
    return all(
        bool(np.all(level <= _DIGITS * eps * np.max(np.abs(out), initial=0.0)))
        for out, eps, level in zip(function.base, function.precision, noise, strict=True)
    )


def _vanishes(residual: FloatArray, change: FloatArray, noise: FloatArray) -> bool:
    # The moved outputs are larger than those at the point, and round accordingly.
    rounding = 8 * noise + 32 * np.finfo(np.float64).eps * np.max(np.abs(change), initial=0.0)
    return bool(np.all(np.abs(residual) <= rounding))
