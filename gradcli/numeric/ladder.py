"""Central differences of 4th order on a ladder of steps, and Lepski's choice among them.

A difference has two errors: truncation, which grows with the step, and round-off, which shrinks with
it. The step with the smallest *apparent* error is a trap: a saturated function gives two equal and wrong
estimates at large steps. Lepski's rule needs only the round-off bands: from small steps upwards, keep
the largest step whose estimate is still consistent with those of all smaller ones.
Source: Lepski (1991), Theory of Probability and its Applications 35(3).
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gradcli.arrays import Array, BoolArray, FloatArray
from gradcli.dataclass import dataclass

RATIO = 4.0  # between neighbouring steps
_FEW = 64


@dataclass(frozen=True, eq=False)
class Choice:
    """One estimate per element, and how good it is."""

    value: FloatArray  # NaN where no step gave a finite estimate
    uncertainty: FloatArray  # inf there
    rung: npt.NDArray[np.intp]  # the step chosen; -1 there


def central(plus: FloatArray, minus: FloatArray, steps: FloatArray) -> FloatArray:
    """Second-order estimates from the responses f(x+h)-f(x) and f(x-h)-f(x); rungs along axis 0."""
    with np.errstate(invalid="ignore", over="ignore"):
        return (plus - minus) / (2.0 * steps)


def richardson(estimates: FloatArray, order: int | Array = 2) -> FloatArray:
    """Cancel the leading error term between neighbouring rungs (steps ascending by RATIO along axis 0).

    `order`: of that term, one for all columns or one for each.
    """
    factor = np.power(RATIO, order)
    with np.errstate(invalid="ignore", over="ignore"):
        return (factor * estimates[:-1] - estimates[1:]) / (factor - 1.0)


def lepski(estimates: FloatArray, bands: FloatArray) -> Choice:
    """The largest step consistent with all smaller ones, for each element.

    Shapes: estimates and bands (rungs, *element), steps ascending. The uncertainty is the band of the
    chosen rung and the distance to its neighbour: the smaller one, which shows truncation that the band
    does not, or the larger one where only the smallest step was left.
    """
    element = estimates.shape[1:]
    bands = np.broadcast_to(bands, estimates.shape)
    estimates, bands = (array.reshape(len(array), -1) for array in (estimates, bands))
    value, uncertainty, rung = _lepski(estimates, bands)
    return Choice(value.reshape(element), uncertainty.reshape(element), rung.reshape(element))


def _lepski(estimates: FloatArray, bands: FloatArray) -> tuple[FloatArray, FloatArray, npt.NDArray[np.intp]]:
    """Value, uncertainty and rung for each column."""
    places = np.arange(estimates.shape[1])
    usable = np.isfinite(estimates) & np.isfinite(bands)
    with np.errstate(invalid="ignore", over="ignore"):
        low = np.where(usable, estimates - bands, -np.inf)
        high = np.where(usable, estimates + bands, np.inf)
        # As long as the interval of each rung meets those of all before it; a hole meets any.
        meets = np.ones(usable.shape, dtype=bool)
        meets[1:] = low[1:] <= _running(np.minimum, high)[:-1]
        meets[1:] &= high[1:] >= _running(np.maximum, low)[:-1]
        meets = _running(np.logical_and, meets)
        taken = usable & meets
        chosen = _last(taken)
        found = taken[chosen, places]
        value, uncertainty = estimates[chosen, places], bands[chosen, places]
        taken[chosen, places] = False
        before = _last(taken)
        lone = ~taken[before, places]
        uncertainty += np.where(lone, 0.0, np.abs(value - estimates[before, places]))
        if lone.any():  # the next rung, where there is one, does not meet it
            lone &= ~meets[-1]
            beyond = np.argmin(meets, axis=0)
            uncertainty += np.where(lone, np.abs(estimates[beyond, places] - value), 0.0)
    if not found.all():
        value[~found], uncertainty[~found], chosen[~found] = np.nan, np.inf, -1
    return value, uncertainty, chosen


def _last(mask: BoolArray) -> npt.NDArray[np.intp]:
    """The last rung at which a mask holds, for each column; the first where there is none."""
    return np.asarray(np.where(mask, np.arange(len(mask))[:, None], 0).max(axis=0))


def _running(rule: np.ufunc, rows: Array) -> Array:
    """What a rule makes of each row and all before it; row by row where NumPy would go column by column."""
    if rows.shape[1] <= _FEW:
        return np.asarray(rule.accumulate(rows))
    result = rows.copy()
    for before, row in pairwise(result):
        rule(before, row, out=row)
    return result


def sobered(choice: Choice, slopes: FloatArray, estimates: FloatArray, bands: FloatArray) -> Choice:
    """A choice whose extrapolation takes off more than it leaves, made again with that as a doubt.

    Far steps across a hill may grow as a cube does by coincidence: two extrapolations agree there, and both
    are wrong. Shorter steps, from which less is taken off, say more. Shapes: those of `lepski`; `slopes` are
    what was extrapolated.
    """
    with np.errstate(invalid="ignore"):
        chosen = np.maximum(choice.rung, 0)[None]
        bold = np.abs(np.take_along_axis(slopes, chosen, 0)[0] - choice.value) > np.abs(choice.value)
        if not np.any(bold):  # mostly; nor is there any where no value was found
            return choice
        taken = np.abs(slopes[:-1] - estimates)
        rungs = np.arange(len(estimates)).reshape(-1, *(1,) * choice.value.ndim)
        doubts = np.where((rungs <= chosen) & np.isfinite(taken + bands), taken + bands, np.inf)
    best = np.argmin(doubts, axis=0)
    least = np.take_along_axis(doubts, best[None], 0)[0]
    bold &= np.isfinite(least) & (least > choice.uncertainty)
    value = np.where(bold, np.take_along_axis(estimates, best[None], 0)[0], choice.value)
    return Choice(
        value, np.where(bold, least, choice.uncertainty), np.where(bold, best, choice.rung).astype(np.intp)
    )


def evident_noise(estimates: FloatArray, steps: FloatArray) -> FloatArray:
    """Noise that the smallest steps betray: what makes neighbouring estimates differ there.

    Measured jitter can miss rounding that happens behind an addition (log(1 + tiny)); at the smallest
    steps there is next to no truncation, so a difference between estimates is noise.
    """
    rungs = min(3, estimates.shape[0])
    with np.errstate(invalid="ignore"):
        jumps = np.abs(np.diff(estimates[:rungs], axis=0)) * steps[: rungs - 1]
    return np.asarray(np.max(np.where(np.isfinite(jumps), jumps, 0.0), axis=0, initial=0.0))


def grown(plus: FloatArray, minus: FloatArray) -> FloatArray:
    """Rounding of outputs that have moved far: of the size of the response itself, for each pair of rungs."""
    with np.errstate(invalid="ignore", over="ignore"):
        size = np.abs(plus) + np.abs(minus)
        return np.asarray(4 * np.finfo(np.float64).eps * np.maximum(size[:-1], size[1:] / RATIO))
