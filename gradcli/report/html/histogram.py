"""How many elements of a gradient have an error of which size."""

from dataclasses import dataclass

import numpy as np

from gradcli.report.html.errors import HIGHEST, LOWEST, relative_errors
from gradcli.result import Gradient

_TALLEST = 100.0  # in pixels


@dataclass(frozen=True)
class Bar:
    """The elements of one decade. Heights in pixels, the wrong ones included in the whole."""

    low: int  # exponent of ten
    elements: int
    wrong: int
    height: float
    wrong_height: float

    @property
    def words(self) -> str:
        wrong = f", {self.wrong} of them wrong" if self.wrong else ""
        return f"{self._range}: {self.elements}{wrong}"

    @property
    def _range(self) -> str:
        if self.low == LOWEST:
            return f"below 1e{LOWEST + 1}"
        if self.low == HIGHEST - 1:
            return f"from 1e{self.low}"
        return f"1e{self.low} to 1e{self.low + 1}"


def histogram(gradient: Gradient) -> tuple[Bar, ...]:
    """One bar for each decade. What was not compared or is not finite is in none."""
    errors = relative_errors(gradient).ravel()
    known = np.isfinite(errors)
    wrong = np.zeros(errors.shape, dtype=bool) if gradient.failing is None else gradient.failing.ravel()
    with np.errstate(divide="ignore"):
        decades = np.clip(np.floor(np.log10(errors[known])), LOWEST, HIGHEST - 1)
    edges = np.arange(LOWEST, HIGHEST + 1)
    all_of, wrong_of = (np.histogram(part, edges)[0].tolist() for part in (decades, decades[wrong[known]]))
    scale = _TALLEST / max(1, *all_of)
    return tuple(
        Bar(int(low), elements, bad, _height(elements, scale), _height(bad, scale))
        for low, elements, bad in zip(edges[:-1], all_of, wrong_of, strict=True)
    )


def _height(elements: int, scale: float) -> float:
    """One element among a million is seen, too."""
    return max(2.0, elements * scale) if elements else 0.0
