"""The function along one element of one input."""

from collections.abc import Iterable, Iterator

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.numeric.function import Function
from gradcli.numeric.rounding import FLOAT32, SMALLEST, Noise

_COARSEST = 2.0**-6  # of a number: the grain of float16
_FAR_OFF = 2.0**9  # a number behind an addition, whose grain is left when it is taken off again


class Line:
    """<cotangent, f> along one element of one input.

    `cotangents` are float64, one for each output; `noise` is the rounding of the outputs.
    """

    def __init__(
        self,
        function: Function,
        name: str,
        index: tuple[int, ...],
        cotangents: tuple[Array, ...],
        noise: Noise,
    ) -> None:
        self.function = function
        self.name = name
        self.index = index
        self.cotangents = cotangents
        self.noise = noise
        self.work = np.array(function.point[name], dtype=np.float64)
        self.x = float(self.work[index])
        self.touched = [np.zeros(out.shape, dtype=bool) for out in function.base]

    def response(self, offset: float) -> float:
        """<cotangent, f(x + offset) - f(x)>; NaN where the code could not be evaluated."""
        return next(self.responses([offset]))

    def responses(self, offsets: Iterable[float]) -> Iterator[float]:
        """`response`, for one offset after the other; see `Function.changes`."""
        return map(self._contracted, self.function.changes(map(self._moved, offsets)))

    def _moved(self, offset: float) -> dict[str, Array]:
        self.work[self.index] = self.x + offset
        return {self.name: self.work.copy()}

    def _contracted(self, changes: list[FloatArray] | None) -> float:
        if changes is None:
            return float("nan")
        total = 0.0
        for cotangent, change, touched in zip(self.cotangents, changes, self.touched, strict=True):
            touched |= change != 0
            total += float(np.sum(cotangent * change))
        return total

    def grain(self) -> float:
        """The coarsest that floating point can be here: units of float16, or what an addition of hundreds
        leaves, of millions in float64."""
        grain = 0.0
        for cotangent, out, eps in zip(
            self.cotangents, self.function.base, self.function.precision, strict=True
        ):
            largest = float(np.max(np.abs(cotangent), initial=0.0))
            own = _COARSEST * float(np.max(np.abs(cotangent * out), initial=0.0))
            grain = max(grain, own, max(FLOAT32, min(_FAR_OFF * eps, _COARSEST)) * largest)
        return grain

    def rounding(self) -> float:
        """Measured rounding of a response: of the outputs that this element reaches, and of no others."""
        parts = [
            np.ravel(cotangent * level * touched)
            for cotangent, level, touched in zip(self.cotangents, self.noise, self.touched, strict=True)
        ]
        levels = np.abs(np.concatenate(parts))
        largest = float(np.max(levels, initial=0.0)) or SMALLEST
        return max(largest * float(np.sqrt(np.sum(np.square(levels / largest)))), SMALLEST)


def responses(line: Line, steps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Responses to +step and -step, scaled to the exact step where x + step was rounded.

    NaN where x + step is x, or where the code could not be evaluated. Cost: 2 evaluations for each step.
    """
    offsets = np.concatenate([steps, -steps])
    found = []
    for offset, response in zip(offsets, line.responses(offsets), strict=True):
        taken = (line.x + offset) - line.x
        found.append(response * (offset / taken) if taken else float("nan"))
    plus, minus = np.split(np.array(found), 2)
    return plus, minus
