"""The slow, careful look at one element, taken before anything is called wrong.

Every shortcut of the first pass is left out: one element moves alone, by steps over the whole range that
floating point offers, on each side separately; the noise is measured for this element at steps like those in
use.
"""

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.numeric.function import Function, spread
from gradcli.numeric.ladder import RATIO
from gradcli.numeric.rounding import Noise
from gradcli.numeric.slopes import Slopes, judge


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
        self.work[self.index] = self.x + offset
        changes = self.function.change({self.name: self.work.copy()})
        if changes is None:
            return float("nan")
        total = 0.0
        for cotangent, change, touched in zip(self.cotangents, changes, self.touched, strict=True):
            touched |= change != 0
            total += float(np.sum(cotangent * change))
        return total

    def rounding(self) -> float:
        """Measured rounding of a response: of the outputs that this element reaches, and of no others."""
        total = 0.0
        for cotangent, level, touched in zip(self.cotangents, self.noise, self.touched, strict=True):
            total += float(np.sum((cotangent * level * touched) ** 2))
        return float(np.sqrt(total))


def look(
    function: Function, name: str, index: tuple[int, ...], cotangents: tuple[Array, ...], noise: Noise
) -> Slopes:
    """Measure one element of the gradient as well as floating point allows.

    Returns slopes of one element, shape (1,). Cost: about 80 evaluations.
    """
    line = Line(function, name, index, cotangents, noise)
    steps = _steps(line.x, spread(function.point[name]))
    plus, minus = responses(line, steps)
    scale = min(spread(function.point[name]), abs(line.x) or np.inf)
    rounding = max(line.rounding(), _noise_in_use(line, scale), _hidden_stair(line, steps, plus, minus))
    return judge(steps[:, None], plus[:, None], minus[:, None], np.array([rounding]))


def _steps(x: float, scale: float) -> FloatArray:
    """Exactly representable steps, ascending by RATIO, over the whole useful range."""
    magnitude = max(abs(x), 1e-9 * scale) if x else scale
    top = 2.0 ** float(np.round(np.log2(0.25 * max(scale, magnitude))))
    bottom = max(1e-8 * min(scale, magnitude), 16 * float(np.spacing(abs(x))))
    rungs = max(4, int(np.ceil(np.log(top / bottom) / np.log(RATIO))) + 1)
    return np.asarray(top / RATIO ** np.arange(rungs - 1, -1, -1, dtype=np.float64))


def responses(line: Line, steps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Responses to +step and -step, scaled to the exact step where x + step was rounded.

    NaN where x + step is x, or where the code could not be evaluated. Cost: 2 evaluations for each step.
    """
    sides = []
    for sign in (1.0, -1.0):
        side = []
        for step in steps:
            taken = (line.x + sign * step) - line.x
            response = line.response(sign * step)
            side.append(response * (sign * step / taken) if taken else float("nan"))
        sides.append(np.array(side))
    return sides[0], sides[1]


def _noise_in_use(line: Line, scale: float) -> float:
    """Noise at steps like those in use, from fourth differences of the response along the element.

    Source: Hamming, Introduction to Applied Numerical Analysis, chapter 4; Moré and Wild (2011). A smooth
    function has none to speak of at this spacing, and the median leaves out a single kink.
    """
    spacing = scale * 2.0**-14
    points = np.array([line.response(spacing * t) for t in range(-6, 7)])
    differences = np.abs(np.diff(points, 4))
    finite = differences[np.isfinite(differences)]
    return float(np.median(finite)) / np.sqrt(70.0) if finite.size else 0.0


def _hidden_stair(line: Line, steps: FloatArray, plus: FloatArray, minus: FloatArray) -> float:
    """The height of the first stair where small steps have no effect at all and larger ones do.

    Behind an addition (1 + tiny) the output is a staircase, and its stair is the noise. Beyond a kink the
    response grows from zero instead, and nothing is hidden.
    """
    tallest = 0.0
    for sign, side in ((1.0, plus), (-1.0, minus)):
        active = np.flatnonzero(np.nan_to_num(side))
        if active.size == 0 or active[0] == 0:
            continue
        dead, alive = float(steps[active[0] - 1]), float(steps[active[0]])
        for _ in range(12):
            middle = (dead + alive) / 2
            if line.response(sign * middle) == 0.0:
                dead = middle
            else:
                alive = middle
        height = abs(line.response(sign * alive))
        beyond = abs(line.response(sign * (alive + 8 * (alive - dead))))
        if beyond < 3 * height:
            tallest = max(tallest, height)
    return tallest
