"""How much of an output is rounding: measured, not assumed."""

from collections.abc import Sequence

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.numeric.function import Function, jitter_key, jittered, random_moves
from gradcli.numeric.there_and_back import PART, odd, sides

JITTERS = 4
FLOAT32 = 2.0**-30  # a grain above it is not what float64 leaves, behind whatever addition
_LINES = 4  # on which the digits of a lower precision are looked at
_SMALLEST_HALF = float(np.finfo(np.float16).smallest_subnormal)
_HALF = float(np.finfo(np.float16).eps)
SMALLEST = float(np.finfo(np.float64).tiny)  # below it an output loses digits

POINTS = 26  # that `scatter` needs

Noise = tuple[FloatArray, ...]  # a half-width for each element of each output


def output_noise(
    function: Function, rng: np.random.Generator, *, coarse: float = 0.0, jitters: int = JITTERS
) -> Noise:
    """The rounding in each element of each output.

    All inputs are moved by one unit in the last place, several times; what an output does then is of the size
    of what rounding does to it. Never less than one unit in its own last place: a jitter can leave an element
    untouched by luck. `coarse`: the unit of code that computes in a lower precision, also beside numbers
    about one. Cost: `jitters` evaluations, 16 more for a lower precision.
    """
    noise = least_noise(function.base, [max(eps, coarse) for eps in function.precision])
    keys = (jitter_key(rng) for _ in range(jitters))
    moved = ({n: jittered(a, key, coarse=coarse) for n, a in function.point.items()} for key in keys)
    for changes in function.changes(moved):
        if changes is not None:
            widen_noise(noise, changes)
    if coarse:
        _widen_beside_one(function, rng, noise, coarse)
    return noise


def _widen_beside_one(function: Function, rng: np.random.Generator, noise: Noise, unit: float) -> None:
    """Let noise reach as far as outputs are off a line where inputs move by the unit of numbers about one.

    The digits that 1 + x leaves of a small x show in no jitter of x, nor do those of x * x that underflows.
    """
    for level in noise:
        np.maximum(level, SMALLEST if unit < _HALF else _SMALLEST_HALF, out=level)
    for _ in range(_LINES):
        moves = {
            name: np.maximum(np.abs(array), 1.0) * random_moves(rng, array.shape)
            for name, array in function.point.items()
            if array.dtype.kind == "f"
        }
        long, short = sides(function, moves, (unit, PART * unit))
        if long is None or short is None:
            continue
        widen_noise(noise, [np.asarray(plus + minus) for plus, minus in long])
        apart = (odd(*one) - odd(*other) / PART for one, other in zip(long, short, strict=True))
        widen_noise(noise, list(map(np.asarray, apart)))


def least_noise(outputs: Sequence[Array], precision: Sequence[float]) -> Noise:
    """One unit in the last place of each element: `precision` is that of each output's dtype."""
    return tuple(
        np.asarray(np.maximum(np.abs(out, dtype=np.float64) * eps, SMALLEST))
        for out, eps in zip(outputs, precision, strict=True)
    )


def widen_noise(noise: Noise, changes: Sequence[FloatArray]) -> None:
    """Let noise reach as far as outputs have moved by a jitter; `changes` are written over."""
    for level, change in zip(noise, changes, strict=True):
        size = np.abs(change, out=change)
        if not size.max(initial=0.0) < np.inf:
            size[~np.isfinite(size)] = 0.0
        np.maximum(level, size, out=level)


def scatter(values: FloatArray) -> FloatArray:
    """Twice the standard deviation of the noise in equally spaced values, along the first axis.

    Sixth differences leave nothing of a smooth function; the median over windows leaves out a single kink.
    Source: Hamming, Introduction to Applied Numerical Analysis, chapter 4; Moré and Wild (2011).
    """
    differences = median(np.abs(np.diff(values, 6, axis=0)))
    return np.asarray(2.0 / (0.6745 * 924.0**0.5) * np.where(np.isfinite(differences), differences, 0.0))


def median(values: FloatArray) -> FloatArray:
    """The upper median along the first axis; NumPy's own would import masked arrays, 6 ms at start-up."""
    return np.asarray(np.partition(values, len(values) // 2, axis=0)[len(values) // 2])
