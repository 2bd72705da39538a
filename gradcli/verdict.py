"""The one rule that decides, and nothing else.

An element agrees when its error is finite and at most `allowed`, where

    error   = |analytic - numeric|
    allowed = tol * max(|analytic|, |numeric|) + K * uncertainty.

There is no absolute tolerance: what rounding and truncation can explain is measured, the rest is an error.
"""

from functools import cached_property

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray
from gradcli.dataclass import dataclass

# Uncertainties are largest deviations seen in a handful of measurements, so the truth may lie a few of them
# away; correct code over many seeds stays below three.
K = 4.0
# A gradient wrong by this part of its own scale must be noticed, else the element counts as undecided.
RESOLUTION = 0.01


@dataclass(frozen=True, eq=False)
class Comparison:
    """The analytic and the numeric gradient of one input, element by element.

    All arrays have the input's shape: the contract refuses others, which NumPy would broadcast.
    """

    analytic: Array
    numeric: FloatArray
    uncertainty: FloatArray  # half-width of what rounding and truncation can explain, both sides together
    tol: float

    @property
    def error(self) -> FloatArray:
        with np.errstate(invalid="ignore", over="ignore"):  # inf - inf is NaN, and a NaN never agrees
            error = np.asarray(np.subtract(self.analytic, self.numeric, dtype=np.float64))
            np.abs(error, out=error)
            return error

    @property
    def size(self) -> FloatArray:
        size = np.asarray(np.abs(self.analytic, dtype=np.float64))
        return np.asarray(np.fmax(size, np.abs(self.numeric), out=size))

    @cached_property
    def allowed(self) -> FloatArray:
        with np.errstate(invalid="ignore", over="ignore"):
            allowed = self.size
            allowed *= self.tol
            allowed += K * self.uncertainty
            return allowed

    @cached_property
    def agrees(self) -> BoolArray:
        # isfinite, because inf <= inf holds: an overflow would pass.
        error = self.error
        with np.errstate(invalid="ignore"):
            return np.asarray(np.isfinite(error) & (error <= self.allowed))

    @cached_property
    def scale(self) -> float:
        """The gradient's own scale: its largest numeric element."""
        return float(np.max(np.abs(self.numeric), initial=0.0, where=np.isfinite(self.numeric)))

    @cached_property
    def resolved(self) -> BoolArray:
        """Elements known well enough that a gradient wrong by RESOLUTION of its scale would not agree."""
        with np.errstate(invalid="ignore"):
            return np.isfinite(self.allowed) & (self.allowed <= RESOLUTION * self.scale)

    @property
    def relative_error(self) -> FloatArray:
        """Error by the larger of the two; 0 where both are 0."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            error = self.error
            return np.where(error == 0, 0.0, error / self.size)

    def relative_error_at(self, index: tuple[int, ...]) -> float:
        """The same for one element."""
        one = Comparison(self.analytic[index], self.numeric[index], self.uncertainty[index], self.tol)
        return float(one.relative_error)

    @property
    def urgency(self) -> FloatArray:
        """Error by what is allowed: the element with the largest decides."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            ratio = np.asarray(self.error)
            np.divide(ratio, self.allowed, out=ratio, where=ratio != 0)
        np.copyto(ratio, np.inf, where=np.isnan(ratio))
        return ratio
