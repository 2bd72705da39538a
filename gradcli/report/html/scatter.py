"""Analytic against numeric: right gradients lie on the diagonal, a lost factor on another line."""

from dataclasses import dataclass

import numpy as np

from gradcli.arrays import FloatArray
from gradcli.result import Gradient

_MOST = 300  # points of a kind
_SIDE = 200.0  # in pixels


@dataclass(frozen=True)
class Scatter:
    """Points as paths of dots within a square of `side` pixels, both axes from -limit to limit."""

    right: str
    wrong: str
    side: float
    limit: float
    words: str


def scatter(gradient: Gradient) -> Scatter | None:
    """A gradient that can be drawn; None if no element of it has two finite values."""
    analytic = np.asarray(gradient.analytic, dtype=np.float64).ravel()
    numeric = gradient.numeric.ravel()
    finite = np.isfinite(analytic) & np.isfinite(numeric)
    if not finite.any():
        return None
    wrong = np.zeros(finite.shape, dtype=bool) if gradient.failing is None else gradient.failing.ravel()
    limit = float(max(np.abs(analytic[finite]).max(), np.abs(numeric[finite]).max())) or 1.0
    sets = [np.flatnonzero(finite & kind) for kind in (~wrong, wrong)]
    shown = [_evenly(places) for places in sets]
    right_path, wrong_path = (_dots(numeric[at] / limit, analytic[at] / limit) for at in shown)
    total, drawn = sum(map(len, sets)), sum(map(len, shown))
    return Scatter(right_path, wrong_path, _SIDE, limit, f"{drawn} of {total} elements")


def _evenly(places: np.ndarray[tuple[int], np.dtype[np.intp]]) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """At most so many of them, from everywhere."""
    picked = np.linspace(0, len(places) - 1, min(len(places), _MOST)).astype(np.intp)
    return places[picked]


def _dots(x: FloatArray, y: FloatArray) -> str:
    """Lines of no length; their round ends are the dots."""
    middle = _SIDE / 2
    pairs = zip((middle * (1 + x)).tolist(), (middle * (1 - y)).tolist(), strict=True)
    return "".join(f"M{across:.1f} {down:.1f}h0" for across, down in pairs)
