"""Central differences of 4th order on a ladder of steps, and Lepski's choice among them.

A difference has two errors: truncation, which grows with the step, and round-off, which shrinks with
it. The step with the smallest *apparent* error is a trap: a saturated function gives two equal and wrong
estimates at large steps. Lepski's rule needs only the round-off bands: from small steps upwards, keep
the largest step whose estimate is still consistent with those of all smaller ones.
Source: Lepski (1991), Theory of Probability and its Applications 35(3).
"""

import numpy as np
import numpy.typing as npt

from gradcli.arrays import FloatArray
from gradcli.dataclass import dataclass

RATIO = 4.0  # between neighbouring steps


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


def richardson(estimates: FloatArray, order: int = 2) -> FloatArray:
    """Cancel the leading error term between neighbouring rungs (steps ascending by RATIO along axis 0)."""
    factor = RATIO**order
    with np.errstate(invalid="ignore", over="ignore"):
        return (factor * estimates[:-1] - estimates[1:]) / (factor - 1.0)


def lepski(estimates: FloatArray, bands: FloatArray) -> Choice:
    """The largest step consistent with all smaller ones, for each element.

    Shapes: estimates and bands (rungs, *element), steps ascending. The uncertainty is the band of the
    chosen rung and the distance to its neighbour: the smaller one, which shows truncation that the band
    does not, or the larger one where only the smallest step was left.
    """
    element = estimates.shape[1:]
    low, high = np.full(element, -np.inf), np.full(element, np.inf)
    value, uncertainty = np.full(element, np.nan), np.full(element, np.inf)
    chosen = np.full(element, -1, dtype=np.intp)
    alive = np.ones(element, dtype=bool)
    first = np.argmax(np.isfinite(estimates) & np.isfinite(bands), axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        for rung, (estimate, band) in enumerate(zip(estimates, bands, strict=True)):
            usable = np.isfinite(estimate) & np.isfinite(band)
            consistent = (estimate - band <= high) & (estimate + band >= low)
            distance = np.where(chosen >= 0, np.abs(estimate - value), 0.0)
            take = alive & usable & consistent
            alone = alive & usable & ~consistent & (chosen == first)
            uncertainty = np.where(
                take, band + distance, np.where(alone, uncertainty + distance, uncertainty)
            )
            value = np.where(take, estimate, value)
            chosen = np.where(take, rung, chosen)
            low = np.where(take, np.maximum(low, estimate - band), low)
            high = np.where(take, np.minimum(high, estimate + band), high)
            alive &= take | ~usable
    return Choice(value, uncertainty, chosen)


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
