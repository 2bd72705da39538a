"""From the responses on both sides of an element to its derivative, an interval at a kink, or neither."""

import numpy as np
import numpy.typing as npt

from gradcli.arrays import BoolArray, FloatArray
from gradcli.dataclass import dataclass
from gradcli.numeric.ladder import central, evident_noise, grown, lepski, richardson, sobered

SMOOTH, KINK, JUMP, NOISE = 0, 1, 2, 3

_PART = 1 << 10  # elements whose ladders are judged at once: they fit the cache


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
    (right, right_doubt), (left, left_doubt), (both, both_doubt) = _chosen(plus, minus, steps, rounding)
    with np.errstate(invalid="ignore", over="ignore"):
        # The slopes on the two sides differ, however small the step.
        kink = np.abs(right - left) > 4 * (right_doubt + left_doubt)
        # The edge of the domain: one side is all there is.
        edge = ~np.isfinite(both)
        use_right = edge & (right_doubt <= left_doubt)
    value = np.where(edge, np.where(use_right, right, left), both)
    doubt = np.where(edge, np.where(use_right, right_doubt, left_doubt), both_doubt)
    low = np.where(kink, np.minimum(left, right), value)
    high = np.where(kink, np.maximum(left, right), value)
    doubt = np.where(kink, right_doubt + left_doubt, doubt)
    kind = np.where(kink, KINK, SMOOTH)
    jump = _jumps(plus, rounding) | _jumps(minus, rounding)
    kind = np.where(np.isfinite(low) & np.isfinite(high), kind, NOISE)
    kind = np.where(jump, JUMP, kind)
    doubt = np.where((kind == NOISE) | (kind == JUMP), np.inf, doubt)
    return Slopes(low, high, doubt, kind)


Chosen = tuple[FloatArray, FloatArray]  # values and their doubt


def _chosen(
    plus: FloatArray, minus: FloatArray, steps: FloatArray, rounding: FloatArray
) -> tuple[Chosen, Chosen, Chosen]:
    """The slopes on the right, on the left and of both sides together, of 2nd order and of 4th."""
    steps = np.broadcast_to(steps, plus.shape)
    values, doubts = np.empty((2, 3, plus.shape[1]))
    for start in range(0, plus.shape[1], _PART):
        here = np.s_[start : start + _PART]
        found = _chosen_at_once(plus[:, here], minus[:, here], steps[:, here], rounding[here])
        values[:, here], doubts[:, here] = found
    return (values[0], doubts[0]), (values[1], doubts[1]), (values[2], doubts[2])


def _chosen_at_once(plus: FloatArray, minus: FloatArray, steps: FloatArray, rounding: FloatArray) -> Chosen:
    """The three kinds of slopes as columns of one ladder: a lone element takes a third of the calls."""
    count = plus.shape[1]
    thrice = np.concatenate([steps, steps, steps], axis=1)
    with np.errstate(invalid="ignore", over="ignore"):
        slopes = np.concatenate([plus / steps, -minus / steps, central(plus, minus, steps)], axis=1)
    noise = np.maximum(np.concatenate([rounding, rounding, rounding]), evident_noise(slopes, thrice))
    first, second = (np.concatenate(sides, axis=1) for sides in ((plus, minus, plus), (plus, minus, minus)))
    estimates = richardson(slopes, order=np.repeat([1, 1, 2], count))
    bands = (4 * noise + grown(first, second)) / thrice[:-1]
    choice = sobered(lepski(estimates, bands), slopes, estimates, bands)
    return choice.value.reshape(3, count), choice.uncertainty.reshape(3, count)


def _jumps(response: FloatArray, rounding: FloatArray) -> BoolArray:
    """Whether the response stays as large as it is, however small the step."""
    small = np.abs(response[:4])
    with np.errstate(invalid="ignore"):
        low, high = small.min(axis=0), small.max(axis=0)
        return np.asarray((low > 100 * rounding) & (high < 2 * low))
