"""How much of an output is rounding: measured, not assumed."""

from collections.abc import Iterator, Sequence

import numpy as np

from gradcli.arrays import FloatArray
from gradcli.numeric.function import Function, jitter_key, jittered, spread

JITTERS = 4
# The grain of float32 is 2^-24 of a number; that of float64 is 1e-16 behind an addition, whatever the output.
_COARSE = 2.0**-28
_NOT_FLOAT64 = 1e-12
_LARGE = 2.0**-16  # of a move's size
SMALLEST = float(np.finfo(np.float64).tiny)  # below it an output loses digits

POINTS = 26  # that `scatter` needs

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
        np.asarray(np.maximum(np.abs(out) * precision, SMALLEST))
        for out, precision in zip(function.base, function.precision, strict=True)
    )
    keys = (jitter_key(rng) for _ in range(jitters))
    moved = ({n: jittered(a, key, coarse=coarse) for n, a in function.point.items()} for key in keys)
    for changes in function.changes(moved):
        if changes is None:
            continue
        for level, change in zip(noise, changes, strict=True):
            size = np.abs(change)
            np.copyto(level, size, where=(size > level) & np.isfinite(size))
    return noise


def drops_digits(function: Function, noise: Noise, rng: np.random.Generator) -> bool:
    """Whether the code computes in a lower precision inside, where one-ulp jitter cannot show it.

    A cast to float32 swallows small moves, and what it lets through is grainy. So all inputs are moved along
    a random direction by 2^-16, half of that and 2^-32 of their size. Where an output is straight, the
    responses must be each other's multiples; digits are lost where the smallest is not and the grain is that
    of a lower precision, far above what float64 does behind an addition. A quarter of the outputs is enough.
    Cost: 8 evaluations.
    """
    moves = {
        name: np.minimum(np.abs(array), spread(array))
        * rng.choice([-1.0, 1.0], array.shape)
        * rng.uniform(0.5, 1.5, array.shape)
        for name, array in function.point.items()
        if array.dtype.kind == "f"
    }
    showing = sum(
        int(np.sum(np.abs(2.0**-32 * move) >= 16 * np.spacing(np.abs(function.point[name]))))
        for name, move in moves.items()
    )
    if showing <= sum(move.size for move in moves.values()) / 2:
        return False  # such small moves of these inputs are rounding themselves
    sizes = (2.0**-6, _LARGE, _LARGE / 2, 2.0**-32)
    odd, bend = [], []
    for size, sides in zip(sizes, _sides(function, moves, sizes), strict=True):
        if sides is None:
            return False
        odd.append(sides[0])
        if size == _LARGE:  # the others' even parts would only take memory
            bend = sides[1]
    far, large, half, tiny = odd
    due, off, dead = 0, 0, 0
    for out, level, f, a, b, h, t in zip(function.base, noise, far, large, bend, half, tiny, strict=True):
        expected = a * 2.0**-16
        straight = np.abs(b) < 0.02 * np.abs(a)
        visible = straight & (np.abs(expected) > 64 * level)
        departs = np.abs(t - expected) > 0.1 * np.abs(expected)
        coarse = np.abs(a - 2 * h) > np.maximum(_COARSE * np.abs(out), _NOT_FLOAT64)
        # float16 does not even follow the larger move; nor does rounding to whole numbers, on purpose.
        stuck = (a == 0) & (np.abs(f) > 2.0**-10 * np.abs(out) + 2.0**20 * level) & (out != np.rint(out))
        due += int(np.sum(visible))
        off += int(np.sum(visible & departs & coarse))
        dead += int(np.sum(stuck))
    return off > due / 4 or dead > sum(out.size for out in function.base) / 2


def _sides(
    function: Function, moves: dict[str, FloatArray], sizes: Sequence[float]
) -> Iterator[tuple[list[FloatArray], list[FloatArray]] | None]:
    """Odd and even part of the response to all moves at once, for each output; one size after the other."""
    changes = function.changes(
        {name: function.point[name] + sign * size * move for name, move in moves.items()}
        for size in sizes
        for sign in (1.0, -1.0)
    )
    for plus in changes:
        minus = next(changes)
        if plus is None or minus is None:
            yield None
            continue
        pairs = list(zip(plus, minus, strict=True))
        yield [p - m for p, m in pairs], [p + m for p, m in pairs]


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
