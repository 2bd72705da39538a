"""From the responses on both sides of an element to its derivative, an interval at a kink, or neither."""

import numpy as np
import numpy.typing as npt

from gradcli.arrays import BoolArray, FloatArray
from gradcli.dataclass import dataclass
from gradcli.numeric.ladder import central, evident_noise, grown, lepski, richardson

SMOOTH, KINK, JUMP, NOISE = 0, 1, 2, 3


@dataclass(frozen=True, eq=False)
class Slopes:
    """What the derivative of each element is known to be; all arrays have one entry per element.

    It lies in [low, high], each end known to within the uncertainty. low == high except at a kink, where
    every value between the slopes on the two sides is a subgradient.
    """

    low: FloatArray
    high: FloatArray
    uncertainty: FloatArray
    kind: npt.NDArray[np.intp]  # SMOOTH, KINK, JUMP (no derivative) or NOISE (nothing could be measured)

    def nearest(self, analytic: FloatArray) -> FloatArray:
        """The admissible value closest to an analytic one."""
        return np.minimum(np.maximum(analytic, self.low), self.high)


def judge(steps: FloatArray, plus: FloatArray, minus: FloatArray, rounding: FloatArray) -> Slopes:
    """Derivatives from the responses f(x+h)-f(x) and f(x-h)-f(x).

    Shapes: steps, plus, minus (rungs, elements), steps ascending by RATIO; rounding (elements,).
    """
    right, right_doubt = _one_sided(plus, steps, rounding)
    left, left_doubt = _one_sided(-minus, steps, rounding)
    both = central(plus, minus, steps)
    noise = np.maximum(rounding, evident_noise(both, steps))
    choice = lepski(richardson(both), (4 * noise + grown(plus, minus)) / steps[:-1])
    with np.errstate(invalid="ignore", over="ignore"):
        # The slopes on the two sides differ, however small the step.
        kink = np.abs(right - left) > 4 * (right_doubt + left_doubt)
        # The edge of the domain: one side is all there is.
        edge = ~np.isfinite(choice.value)
        use_right = edge & (right_doubt <= left_doubt)
    value = np.where(edge, np.where(use_right, right, left), choice.value)
    doubt = np.where(edge, np.where(use_right, right_doubt, left_doubt), choice.uncertainty)
    low = np.where(kink, np.minimum(left, right), value)
    high = np.where(kink, np.maximum(left, right), value)
    doubt = np.where(kink, right_doubt + left_doubt, doubt)
    kind = np.where(kink, KINK, SMOOTH)
    jump = _jumps(plus, rounding) | _jumps(minus, rounding)
    kind = np.where(np.isfinite(low) & np.isfinite(high), kind, NOISE)
    kind = np.where(jump, JUMP, kind)
    doubt = np.where((kind == NOISE) | (kind == JUMP), np.inf, doubt)
    return Slopes(low, high, doubt, kind)


def _one_sided(
    response: FloatArray, steps: FloatArray, rounding: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The slope on one side, of 2nd order, with its doubt."""
    with np.errstate(invalid="ignore", over="ignore"):
        slopes = response / steps
    noise = np.maximum(rounding, evident_noise(slopes, steps))
    choice = lepski(richardson(slopes, order=1), (4 * noise + grown(response, response)) / steps[:-1])
    return choice.value, choice.uncertainty


def _jumps(response: FloatArray, rounding: FloatArray) -> BoolArray:
    """Whether the response stays as large as it is, however small the step."""
    small = np.abs(response[:4])
    with np.errstate(invalid="ignore"):
        low, high = small.min(axis=0), small.max(axis=0)
        return np.asarray((low > 100 * rounding) & (high < 2 * low))
