"""Relative errors, element by element, and the classes that they are drawn in."""

import math
from typing import NamedTuple

import numpy as np

from gradcli.arrays import FloatArray
from gradcli.result import Gradient

LOWEST, HIGHEST = -16, 0  # decades that are told apart
_DECADES_PER_LEVEL = 2
_LAST = HIGHEST - _DECADES_PER_LEVEL  # the last level has no upper end: signs differ, and more


class Level(NamedTuple):
    """A class of errors: what it is called in style sheets and in words."""

    name: str
    words: str


NOT_COMPARED = Level("none", "not compared")
NOT_FINITE = Level("infinite", "not finite")
LEVELS = (
    Level("e0", f"at most 1e{LOWEST}"),
    *(
        Level(f"e{number}", f"1e{low} to 1e{low + _DECADES_PER_LEVEL}")
        for number, low in enumerate(range(LOWEST, _LAST, _DECADES_PER_LEVEL), start=1)
    ),
    Level("e8", f"above 1e{_LAST}"),
)


def can_be_drawn(gradient: Gradient) -> bool:
    """Whether elements were compared; of a gradient of the wrong shape, none are."""
    analytic = np.asarray(gradient.analytic)
    return bool(gradient.compared) and analytic.shape == gradient.shape and analytic.dtype.kind in "fiub"


def relative_errors(gradient: Gradient) -> FloatArray:
    """|analytic - numeric| / max(|analytic|, |numeric|), element by element.

    NaN where nothing was compared, infinite where the analytic value is not finite.
    """
    analytic = np.asarray(gradient.analytic, dtype=np.float64)
    error = gradient.error
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        relative = np.where(error == 0, 0.0, error / np.maximum(np.abs(analytic), np.abs(gradient.numeric)))
    return np.where(np.isfinite(analytic), relative, np.inf)


def decade(error: float) -> float:
    """log10 of an error, within the decades that are told apart."""
    return min(max(math.log10(error), LOWEST), HIGHEST) if error > 0 else LOWEST


def level(error: float) -> Level:
    """The class that an error is drawn in."""
    if math.isnan(error):
        return NOT_COMPARED
    if math.isinf(error):
        return NOT_FINITE
    return LEVELS[math.ceil((decade(error) - LOWEST) / _DECADES_PER_LEVEL)]
