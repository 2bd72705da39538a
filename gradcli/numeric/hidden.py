"""Rounding that hides: in `log(1 + tiny)` it is that of a number about one, and small moves do not show it.

Where such a number stands still, or climbs one stair of a staircase for many small steps, what is computed
from it is smooth, and has a slope that is not the function's. Only longer moves show the stairs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray, everywhere
from gradcli.numeric.function import Function, spread
from gradcli.numeric.rounding import Noise, median

SMALL = 2.0**-10  # outputs that may be what is left of numbers about one
_NEAREST = 2.0**-8  # of its own size that an input is moved at first ...
_TIMES = 2.0**8  # ... and how many times further then ...
_LEVELS = 4
_NEARER = (2.0**-1, 2.0**-2, 2.0**-3, 2.0**-4)  # parts of the inputs at which what is saturated is not
_THERE = (2.0**-10, 2.0**-14)  # of its size there that an input is moved
_FARTHEST = 2.0**-8  # ... but no further than that, beside numbers about one
_ABOVE = 64.0  # times the rounding of the value itself: what is computed from larger numbers
_SMOOTH = 4.0  # times as large for twice the spacing: 64 where a function is smooth, 1 where it is noise
_NEAR, _FURTHER = (1, 2, 3, 4, 5, 6, 7, 8), (9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
_FINER = tuple(times / 8 for times in range(19))
_DOUBLED = (0, 2, 4, 6, 8, 10, 12)
_EVERYWHERE = 9  # of the 13 sixth differences on the way: a lone kink shows in 6
_SAMPLE = 1 << 12  # elements of an array that are looked at: memory counts
_STEADY = 8.0  # times the noise that shorter moves showed: what longer ones may add
_MOST, _SOME = 0.5, 0.25  # of some elements: what they show holds for all
_FINE = 2.0**-10  # of the noise that others show: numbers with digits of their own
_DEVIATION = 2.0 / 924.0**0.5  # two of the noise, from one sixth difference

# Times the precision: the most that hides, in float64 (of an addition of millions) and below it.
_BESIDE_ONE = 2.0**20, 2.0**6
_COARSE = float(np.finfo(np.float32).eps)

Point = Mapping[str, Array]
Changes = Iterator[Sequence[FloatArray] | None]


def with_hidden(function: Function, noise: Noise, *, coarse: float, each: bool = False) -> Noise:
    """The rounding of outputs, and what hides in it; `coarse`: the unit of code that drops digits.

    `each` and cost: those of `hidden`.
    """
    precision = [max(eps, coarse) for eps in function.precision]
    more = hidden(
        function.changes,
        function.base,
        function.point,
        precision,
        [most_beside_one(eps) for eps in precision],
        each=each,
    )
    return tuple(np.asarray(np.maximum(level, other)) for level, other in zip(noise, more, strict=True))


def most_beside_one(precision: float) -> float:
    """The most rounding that may hide beside numbers about one. Lower precisions have fewer digits to tell it
    from a kink."""
    return precision * _BESIDE_ONE[precision >= _COARSE]


def hidden(
    changes: Callable[[Iterable[Point]], Changes],
    base: Sequence[FloatArray],
    point: Point,
    precision: Sequence[float],
    most: Sequence[float],
    *,
    each: bool = False,
    nearer: bool = False,
) -> list[FloatArray]:
    """The hidden rounding of each element of some arrays; 0 where none is seen.

    `changes`: the arrays at one point after the other, minus those at the point (`base`). `precision`: of
    each array's dtype. `most`: the largest rounding there can be beside numbers about one.
    All inputs move outwards, away from zero, by equal steps; sixth differences of a smooth function vanish.
    Those that stay, of changing sign from step to step, all along and as large at twice the spacing, are
    noise; those of kinks are smaller over shorter steps. It is the code's, not an element's: what most
    elements show holds for all. `each`: it is looked for where only few elements are small, and what most of
    those show holds for them.
    Cost: none where outputs are not small; else 9 evaluations for each of up to 4 sizes of moves, 38 where
    something shows; with `nearer` up to 304 more.
    """
    strides = [max(1, array.size // _SAMPLE) for array in base]

    def sampled(arrays: Sequence[FloatArray]) -> list[FloatArray]:
        return [np.array(np.ravel(array)[::stride]) for array, stride in zip(arrays, strides, strict=True)]

    def sampled_changes(points: Iterable[Point]) -> Changes:
        return (None if found is None else sampled(found) for found in changes(points))

    here = sampled(base)
    noise = [np.zeros(array.shape) for array in here]
    is_small = _has_small if each else _is_small
    open_ = [is_small(array) for array in here]
    if not (any(open_) or nearer):
        return [np.zeros(array.shape) for array in base]
    rng = np.random.default_rng(0)  # its own: any will do
    outward = {name: _outward(array, rng) for name, array in point.items() if array.dtype.kind == "f"}
    sizes = {name: np.abs(move) for name, move in outward.items()}
    for level in range(_LEVELS):
        if not any(open_):
            break
        reach = _NEAREST * _TIMES**level
        steps = {name: np.sign(move) * _bounded(sizes[name], reach) for name, move in outward.items()}
        seen = _noise(sampled_changes, here, point, steps, precision, most)
        if seen is None:
            break
        for place, (found, far, _) in enumerate(seen):
            noise[place] = _steady(noise[place], found)
            open_[place] = open_[place] and is_small(far)
        if all(np.all(reach * size >= _FARTHEST * np.maximum(size, 1.0)) for size in sizes.values()):
            break  # nothing moves any further
    noise = [_shared(*known, among_small=each) for known in zip(noise, here, base, strict=True)]
    return _with_nearer(changes, base, point, outward, noise, precision, most) if nearer else noise


def _with_nearer(
    changes: Callable[[Iterable[Point]], Changes],
    base: Sequence[FloatArray],
    point: Point,
    outward: Mapping[str, FloatArray],
    noise: list[FloatArray],
    precision: Sequence[float],
    most: Sequence[float],
) -> list[FloatArray]:
    """What is known of the noise, and what shows where the inputs are nearer to zero.

    Beside one it is the same for all that is small here, and shows in some of it alone. But what is seen to
    move far more finely, there or nearer to zero yet, is not beside one.
    """
    fine = [everywhere(array.shape, value=False) for array in base]
    for factor, part in product(_NEARER, _THERE):
        there = {name: (factor * point[name]).astype(point[name].dtype) for name in outward}
        steps = {name: factor * part * move for name, move in outward.items()}
        seen = _noise(changes, base, there, steps, precision, most) or []
        for place, (found, _, sixth) in enumerate(seen):
            shared, known = _usual(found, 0.0), noise[place]
            fine[place] = fine[place] | ((sixth > 0) & (sixth < _FINE * shared))
            np.maximum(known, found, out=known, where=~fine[place])
            mask = (np.abs(base[place]) < SMALL) & ~fine[place]
            np.maximum(known, shared, out=known, where=mask)
    return noise


def _steady(near: FloatArray, far: FloatArray) -> FloatArray:
    """The noise that moves of two sizes show: a stair is as high over any, what grows comes from kinks."""
    both = np.maximum(near, far)
    return np.asarray(np.where(near > 0, np.minimum(both, _STEADY * near), both))


def _is_small(array: FloatArray) -> bool:
    """Whether most of an array is far below one."""
    size = np.abs(array[array != 0])
    return bool(array.size and (size.size == 0 or median(size) < SMALL))


def _has_small(array: FloatArray) -> bool:
    """Whether any element of an array is far below one."""
    return bool(np.any(np.abs(array) < SMALL))


def _outward(array: Array, rng: np.random.Generator) -> FloatArray:
    """A move away from zero, by about the size of each element, in an array of very different ones."""
    values = np.asarray(array, dtype=np.float64)
    size, usual = np.abs(values), spread(values)
    size = np.where(size > 0, np.minimum(size, usual), usual) * rng.uniform(0.5, 1.0, values.shape)
    return np.asarray(np.copysign(size, values))


def _bounded(size: FloatArray, reach: float) -> FloatArray:
    return np.minimum(reach * size, _FARTHEST * np.maximum(size, 1.0))


def _noise(
    changes: Callable[[Iterable[Point]], Changes],
    base: Sequence[FloatArray],
    point: Point,
    steps: Mapping[str, FloatArray],
    precision: Sequence[float],
    most: Sequence[float],
) -> list[tuple[FloatArray, FloatArray, FloatArray]] | None:
    """The noise of each array at one size of moves, its value at the end of them, and the sixth differences
    that told."""

    def moved(times: float) -> Point:
        return {n: (point[n] + times * step).astype(point[n].dtype) for n, step in steps.items()}

    def walk(times: Sequence[float]) -> list[list[FloatArray]] | None:
        rows = [list(change) for change in changes(map(moved, times)) if change is not None]
        return rows if len(rows) == len(times) else None

    walked = walk((0, *_NEAR))
    if walked is None:
        return None
    along = list(zip(*walked, strict=True))
    sixth = [_sixth(rows) for rows in along]
    found = [np.asarray(np.max(np.abs(rows), axis=0)) for rows in sixth]
    evident = [
        np.any(rows[:-1] * rows[1:] < 0, axis=0) & _is_evident(noise, array, changes, eps, limit)
        for rows, noise, array, changes, eps, limit in zip(
            sixth, found, base, along, precision, most, strict=True
        )
    ]
    if any(mask.any() for mask in evident):
        further, finer = walk(_FURTHER), walk(_FINER)
        if further is None or finer is None:
            return None
        small = [_sixth(rows) for rows in zip(*finer, strict=True)]
        for noise, mask, near, *rows in zip(found, evident, small, *walked, *further, strict=True):
            # Of shorter steps a kink leaves less, and a stair as much.
            mask &= np.max(np.abs(near), axis=0) >= noise / _SMOOTH
            shown = np.abs(_sixth(rows)) >= noise / _SMOOTH**2
            mask &= np.sum(shown, axis=0) >= _EVERYWHERE
            twice = np.abs(_sixth([rows[place] for place in _DOUBLED])[0])
            mask &= twice <= _SMOOTH * noise
            np.copyto(noise, twice, where=mask & (twice > noise))
    return [
        (np.where(mask, noise, 0.0), array + last, noise)
        for mask, noise, array, last in zip(evident, found, base, walked[-1], strict=True)
    ]


def _sixth(rows: Sequence[FloatArray]) -> FloatArray:
    """The sixth differences, as two deviations of the noise that would be in each value."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(_DEVIATION * np.diff(np.stack(rows), 6, axis=0))


def _is_evident(
    noise: FloatArray, base: FloatArray, changes: Sequence[FloatArray], precision: float, most: float
) -> BoolArray:
    """Noise far above the rounding of the values themselves, and no more than numbers about one leave."""
    with np.errstate(invalid="ignore", over="ignore"):
        largest = np.max(np.abs(np.stack([base + change for change in changes])), axis=0)
        return np.asarray((noise > _ABOVE * precision * largest) & (noise <= most))


def _shared(noise: FloatArray, here: FloatArray, base: FloatArray, *, among_small: bool) -> FloatArray:
    """The noise of a whole array: that of a sample's median, if most of the sample shows any.

    `here`: the elements of the sample. `among_small`: the same for small elements alone, which may be few.
    """
    complete = noise.reshape(base.shape) if noise.size == base.size else 0.0
    usual = np.full(base.shape, _usual(noise))
    if among_small:
        of_small = _usual(noise[np.abs(here) < SMALL], _SOME)
        np.maximum(usual, of_small, out=usual, where=np.abs(base) < SMALL)
    return np.asarray(np.maximum(usual, complete))


def _usual(noise: FloatArray, share: float = _MOST) -> float:
    """The median of the noise that shows, if it does in more than a share of the elements."""
    shown = noise[noise > 0]
    return float(median(shown)) if shown.size > share * noise.size else 0.0
