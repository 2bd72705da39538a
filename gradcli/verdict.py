"""The one rule that decides, and nothing else.

An element agrees when its error is finite and at most `allowed`, where

    error   = |analytic - numeric|
    allowed = tol * max(|analytic|, |numeric|) + K * uncertainty.

There is no absolute tolerance: what rounding and truncation can explain is measured, the rest is an error.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np

from gradcli.arrays import BLOCK, Array, BoolArray, FloatArray, blocks, everywhere, largest
from gradcli.dataclass import dataclass

# Uncertainties are largest deviations seen in a handful of measurements, so the truth may lie a few of them
# away; correct code over many seeds stays below three.
K = 4.0
# A gradient wrong by this part of its own scale must be noticed, else the element counts as undecided.
RESOLUTION = 0.01


@dataclass(frozen=True, eq=False)
class Comparison:
    """The analytic and the numeric gradient of one input, element by element.

    All arrays have the input's shape: the contract refuses others, which NumPy would broadcast. Where they
    are large, they are compared a part at a time: memory counts.
    """

    analytic: Array
    numeric: FloatArray
    uncertainty: FloatArray  # half-width of what rounding and truncation can explain, both sides together
    tol: float
    more: tuple[FloatArray, ...] = ()  # of the uncertainty: added to it where it is needed

    @property
    def _blocks(self) -> "Iterable[tuple[Any, Comparison]]":
        """Places and what is compared there, made one after the other; a lone one is kept."""
        if self.numeric.size <= BLOCK:
            return ((..., self._all),)
        return ((block, self._part(block)) for block in blocks(self.numeric.shape))

    @cached_property
    def _all(self) -> "Comparison":
        return self._part(...)

    def _part(self, block: Any) -> "Comparison":
        uncertainty = np.asarray(self.uncertainty[block])
        for other in self.more:
            uncertainty = uncertainty + other[block]
        return Comparison(self.analytic[block], self.numeric[block], uncertainty, self.tol)

    def _each(self, rule: "Callable[[Comparison], BoolArray]") -> BoolArray:
        """What a rule says of each element."""
        found = np.empty(self.numeric.shape, dtype=bool)
        for block, part in self._blocks:
            found[block] = rule(part)
        return found

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
        if self.more:
            return self._part(...).allowed
        with np.errstate(invalid="ignore", over="ignore"):
            allowed = self.size
            allowed *= self.tol
            allowed += K * self.uncertainty
            return allowed

    @property
    def agrees(self) -> BoolArray:
        return self._judged[0]

    @property
    def is_agreement(self) -> bool:
        """Whether all elements agree."""
        return self._judged[1]

    @cached_property
    def _judged(self) -> tuple[BoolArray, bool, float]:
        """Which elements agree, whether all do, and the largest error that is allowed: mostly these two say
        enough."""
        found, most = np.empty(self.numeric.shape, dtype=bool), 0.0
        with np.errstate(invalid="ignore"):
            for block, part in self._blocks:
                found[block] = _agrees(part)
                most = np.maximum(most, part.allowed.max(initial=0.0))  # NaN where there is one
        every = np.count_nonzero(found) == found.size
        # One value for all elements where that is all there is to say: memory counts.
        return everywhere(found.shape, value=True) if every else found, every, float(most)

    @cached_property
    def scale(self) -> float:
        """The gradient's own scale: its largest numeric element."""
        return largest(self.numeric)

    @property
    def resolved(self) -> BoolArray:
        """Elements known well enough that a gradient wrong by RESOLUTION of its scale would not agree."""
        return self.allowed_within(RESOLUTION * self.scale)

    @property
    def is_resolved(self) -> bool:
        """Whether all elements are."""
        return self.is_within(RESOLUTION * self.scale)

    def allowed_within(self, limit: float) -> BoolArray:
        """Elements of which no larger error is allowed."""
        if self.is_within(limit):
            return np.ones(self.numeric.shape, dtype=bool)
        return self._each(lambda part: np.asarray(part.allowed <= limit))

    def is_within(self, limit: float) -> bool:
        """Whether no larger error is allowed anywhere."""
        return self._judged[2] <= limit  # not where something is NaN

    @property
    def vanishes(self) -> BoolArray:
        """Elements that are zero on both sides."""
        return self._each(lambda part: np.asarray(part.size == 0))

    def most_urgent(self, among: BoolArray) -> tuple[int, ...]:
        """The index of the element that decides, among those of a mask."""
        most, place, start = -np.inf, 0, 0
        for block, part in self._blocks:
            urgency = np.where(among[block], part.urgency, -1.0).ravel()
            here = int(urgency.argmax())
            if urgency[here] > most:
                most, place = urgency[here], start + here
            start += urgency.size
        return tuple(map(int, np.unravel_index(place, among.shape)))

    @property
    def relative_error(self) -> FloatArray:
        """Error by the larger of the two; 0 where both are 0."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            error = self.error
            return np.where(error == 0, 0.0, error / self.size)

    def relative_error_at(self, index: tuple[int, ...]) -> float:
        """The same for one element."""
        one, other = float(self.analytic[index]), float(self.numeric[index])
        error = abs(one - other)
        with np.errstate(invalid="ignore"):
            return float(error / np.fmax(abs(one), abs(other))) if error != 0 else 0.0

    @property
    def urgency(self) -> FloatArray:
        """Error by what is allowed: the element with the largest decides."""
        error = self.error
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            ratio = np.asarray(error / self.allowed)
        unclear = np.isnan(ratio)
        if unclear.any():
            np.copyto(ratio, np.where(error == 0, 0.0, np.inf), where=unclear)
        return ratio


def _agrees(part: Comparison) -> BoolArray:
    # isfinite, because inf <= inf holds: an overflow would pass.
    error = part.error
    with np.errstate(invalid="ignore"):
        return np.asarray(np.isfinite(error) & (error <= part.allowed))
