"""How much of an output is rounding: measured, not assumed."""

import numpy as np

from gradcli.arrays import FloatArray
from gradcli.numeric.function import Function, jittered, spread

JITTERS = 4
_STEPS = (2.0**-8, 2.0**-20, 2.0**-32)  # by the spread; float16 is stuck at the second, float32 at the third

Noise = tuple[FloatArray, ...]  # a half-width for each element of each output


def output_noise(
    function: Function, rng: np.random.Generator, *, coarse: bool = False, jitters: int = JITTERS
) -> Noise:
    """The rounding in each element of each output.

    All inputs are moved by one unit in the last place (`coarse`: of float32), several times; what an output
    does then is of the size of what rounding does to it. Never less than one unit in its own last place: a
    jitter can leave an element untouched by luck. Cost: `jitters` evaluations.
    """
    noise = tuple(
        np.abs(out) * precision for out, precision in zip(function.base, function.precision, strict=True)
    )
    for _ in range(jitters):
        changes = function.change({n: jittered(a, rng, coarse=coarse) for n, a in function.point.items()})
        if changes is None:
            continue
        for level, change in zip(noise, changes, strict=True):
            size = np.abs(change)
            np.copyto(level, size, where=(size > level) & np.isfinite(size))
    return noise


def drops_digits(function: Function, noise: Noise, rng: np.random.Generator) -> bool:
    """Whether the code computes in a lower precision inside, where one-ulp jitter cannot show it.

    A cast to float32 swallows a small move whole. So all inputs are moved along a random direction by ever
    smaller steps; outputs that stand still where the larger step says that they must move, far above their
    rounding, are stuck. A quarter of them is enough: a kink nearby stops only a few. Cost: 6 evaluations.
    """
    directions = {
        name: spread(array) * rng.choice([-1.0, 1.0], array.shape) * rng.uniform(0.5, 1.5, array.shape)
        for name, array in function.point.items()
        if array.dtype.kind == "f"
    }
    larger: list[FloatArray] | None = None
    for step in _STEPS:
        plus = function.change({n: function.point[n] + step * d for n, d in directions.items()})
        minus = function.change({n: function.point[n] - step * d for n, d in directions.items()})
        if plus is None or minus is None:
            return False
        moves = [np.maximum(np.abs(p), np.abs(m)) for p, m in zip(plus, minus, strict=True)]
        if larger is not None and _stuck(moves, larger, noise):
            return True
        larger = [move * 2.0**-12 for move in moves]
    return False


def _stuck(moves: list[FloatArray], expected: list[FloatArray], noise: Noise) -> bool:
    due, stuck = 0, 0
    for move, wanted, level in zip(moves, expected, noise, strict=True):
        visible = wanted > 64 * level
        due += int(np.sum(visible))
        stuck += int(np.sum(visible & (move == 0)))
    return stuck > due / 4
