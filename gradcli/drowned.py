"""Numbers that drown in the rounding of larger ones: what is no zero, and what is no error for sure."""

import numpy as np

from gradcli.arrays import Array, FloatArray, largest
from gradcli.numeric import COMPLEX, LINEAR, Differentiator, Slopes, turns
from gradcli.verdict import RESOLUTION, K

_SEEN = 8.0  # times the rounding: a change that is seen
_NEAR_BY = 8.0  # times the size of an element
_SAME = 0.8  # of an error, relative to the slope: what a function may bend otherwise from afar


def beyond_zero(
    numeric: Differentiator, analytic: Array, value: FloatArray, doubt: FloatArray, floor: FloatArray
) -> FloatArray:
    """What is zero to rounding, element by element: the `floor`, except for what is known far better.

    Of a softmax that is sure, the small numbers are known to their last digits: where backward gives one as
    well, that is compared. Only of complex steps, since differences do not show what drowns in an output that
    stays as it is.
    """
    if numeric.method != COMPLEX or numeric.off > RESOLUTION**4:
        return floor
    with np.errstate(invalid="ignore", over="ignore"):
        known = K * doubt <= RESOLUTION * np.abs(value)
    if not known.any():
        return floor
    known &= np.abs(value) <= floor / RESOLUTION
    known &= analytic != 0
    return np.where(known, 0.0, floor) if known.any() else floor


def _is_line(numeric: Differentiator, rounding: float) -> bool:
    """Whether outputs are seen to follow a line, or not to move at all; where their digits are few, they may
    be anything."""
    if numeric.method != LINEAR:
        return False
    few = rounding > RESOLUTION**4 * largest(numeric.natural)
    return not few or bool(np.nanmax(np.abs(numeric.value), initial=0.0) * numeric.length >= _SEEN * rounding)


def drowns(numeric: Differentiator, index: tuple[int, ...], slopes: Slopes, analytic: float) -> bool:
    """Whether an error drowns wherever the input is moved by no more than it varies.

    That far steps do not bear an analytic value out says little, unless they show a slope of the same
    function as it is near the point. Cost: 4 evaluations where they show a slope.
    """
    slope, error = abs(slopes.low[0]), abs(analytic - slopes.low[0])
    rounding = float(numeric.spread_over(numeric.rounding)[index])
    near = numeric.function.spread(numeric.name)
    if _is_line(numeric, rounding) or error * near >= _SEEN * rounding:
        return False
    if slopes.uncertainty[0] > RESOLUTION * slope:
        return True
    far = float(np.sqrt(near * max(numeric.scale, near)))
    near = min(near, _NEAR_BY * abs(float(numeric.function.point[numeric.name][index])) or near)
    part = _SAME * error / slope
    return turns(numeric.function, numeric.name, index, numeric.cotangents, numeric.noise, (near, far), part)
