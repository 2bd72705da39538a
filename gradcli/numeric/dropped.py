"""Digits that code drops inside: a cast to a lower precision, told from what float64 leaves."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray, blocks, largest
from gradcli.numeric.function import Function, random_moves
from gradcli.numeric.rounding import FLOAT32, Noise, output_noise
from gradcli.numeric.there_and_back import PART, beside, is_opposite, odd, sides

_COARSE = 2.0**-28  # of an output: the grain of float32 is 2^-24 of a number
# That of float64 is 1e-16 behind an addition, whatever the output: a finer one than this is told apart where
# numbers are larger.
_NOT_FLOAT64 = 4e-12
_LARGE = 2.0**-16  # of a move's size
_FURTHER = 8.0  # times that: a function that is straight so far is no fast one
_SMALL = 2.0**4  # times as large: what is no smaller than that needs no other point
_TIMES = 2.0**6  # that inputs are larger, and about one at least ...
_GROWN = 8.0  # ... where numbers are so many times as large at least
_OWN = 2.0**-20  # of an output: the grain of float32 where a few numbers have rounded
_FEW = 64.0  # times the rounding: what is no more than that may be rounding
_ALIKE = 4.0  # times a grain: what the same grain may measure
_NEARER_ONE = (2.0**4, 2.0**8, 2.0**12)  # times as large
_FOLLOWED = 2.0**-14  # of a response: by less is it off a line where no grain is that of float32, 2^-8 of it
_DIRECTIONS = 6
_LARGER = 2.0**-6  # of a move's size, where a grain swallows the others
_BETWEEN = 2.0**-15  # many units of float32, and a small part of one of float16
_SINGLE, _HALF = (float(np.finfo(dtype).eps) for dtype in (np.float32, np.float16))


def dropped_to(function: Function, noise: Noise, rng: np.random.Generator) -> float:
    """The unit of the lower precision that the code computes in inside, where one-ulp jitter cannot show it;
    0 where it computes in float64.

    A cast to float32 swallows small moves, and what it lets through is grainy. So all inputs are moved along
    a random direction by 2^-16, a part of that and 2^-32 of their size. Where an output is straight, the
    responses must be each other's multiples; digits are lost where the smallest is not and the grain is that
    of a lower precision, far above what float64 does behind an addition. A quarter of those is enough, if it
    is an eighth of all.
    A function too fast for such moves (sin at 1e6) lands anywhere, now and then on what looks like a line: so
    the same must hold along one of two more directions, and the line be longer there.
    Where inputs are so small that a cast swallows all such moves (exp of 1e-3 in float16), they are looked at
    where they are about one.
    Cost: 6 evaluations, 8 where most outputs stay as they are or inputs are small, up to 26 where digits seem
    to be lost, and 75 more to tell that from an addition and the unit.
    """
    if _drops_here(function, noise, rng):
        return _unit(function, rng)
    larger = _larger(function, rng, 1.0)
    if not larger or _follows(function, rng):
        return 0.0
    there = _elsewhere(function, larger)
    lost = there is not None and _drops_here(there, output_noise(there, rng), rng)
    return _unit(there, rng) if there is not None and lost else 0.0


def _unit(function: Function, rng: np.random.Generator) -> float:
    """That of float16 where most outputs that follow a move of a few of its units stay as they are by one of
    many of float32. Cost: 2 evaluations."""
    moves = _random_directions(function, rng)
    far, near = function.changes(
        {name: beside(function.point[name], move, size) for name, move in moves.items()}
        for size in (_LARGER, _BETWEEN)
    )
    if far is None or near is None:
        return _SINGLE
    follow = sum(int(np.count_nonzero(change)) for change in far)
    still = sum(int(np.count_nonzero((a != 0) & (b == 0))) for a, b in zip(far, near, strict=True))
    return _HALF if 2 * still > follow else _SINGLE


def _drops_here(function: Function, noise: Noise, rng: np.random.Generator) -> bool:
    sizes = (_LARGE, PART * _LARGE, 2.0**-32)
    longer = (*sizes, _FURTHER * _LARGE)
    return (
        _loses(function, noise, rng, sizes)
        and any(_loses(function, noise, rng, longer) for _ in range(2))
        and not _is_behind_addition(function, rng)
        and not any(_is_fine(function, rng, times) for times in _NEARER_ONE)
    )


def _larger(function: Function, rng: np.random.Generator, least: float) -> dict[str, FloatArray]:
    """Inputs so many times as large, and about one at least; none where they are as large already."""
    point = {n: array for n, array in function.point.items() if array.dtype.kind == "f" and array.any()}
    times = {name: max(1 / largest(array), least) for name, array in point.items()}
    if max(times.values(), default=1.0) < _SMALL:
        return {}
    return {n: array * (rng.uniform(0.5, 1.0, array.shape) * times[n]) for n, array in point.items()}


def _elsewhere(function: Function, point: Mapping[str, Array]) -> Function | None:
    """The function at another point, where outputs are finite there."""
    try:
        there = function.elsewhere(point)
    except Exception:  # any code: a domain error
        return None
    return there if all(np.all(np.isfinite(out)) for out in there.base) else None


def _follows(function: Function, rng: np.random.Generator) -> bool:
    """Whether most outputs go along a line by small moves; a whole number need not. Cost: 2 evaluations."""
    found = next(sides(function, _random_directions(function, rng), (_LARGE,)))
    if found is None:
        return True
    asked = [(out != np.rint(out)) | (p != m) for out, (p, m) in zip(function.base, found, strict=True)]
    follow = sum(int(np.sum(is_opposite(p, m))) for p, m in found)
    return follow > 0 and 2 * follow >= sum(map(int, map(np.count_nonzero, asked)))


def _is_behind_addition(function: Function, rng: np.random.Generator) -> bool:
    """Whether the grain is what the addition of a large number leaves in float64: (c + 30000) - 30000.

    Beside small numbers it is as coarse as float32 would be. But it stays as it is where they are larger,
    and that of a lower precision grows with them. Where nothing tells, it is one if it is fine enough,
    or too coarse for float32.
    Cost: 49 evaluations, 73 where outputs do not follow shorter moves.
    """
    grains = _grains(function, rng)
    is_fine = max(grains, default=0.0) <= _NOT_FLOAT64
    # It is not from other outputs that digits seem to be lost.
    seen = [grain > _COARSE * largest(out) for grain, out in zip(grains, function.base, strict=True)]
    there = _elsewhere(function, _larger(function, rng, 1.0 if is_fine else _TIMES))
    sizes = list(map(largest, function.base))
    far_sizes = [0.0] * len(sizes) if there is None else list(map(largest, there.base))
    far_grains = far_sizes if there is None else _grains(there, rng)
    told = zip(seen, grains, far_grains, sizes, far_sizes, strict=True)
    return all(_stays(*known) for is_seen, *known in told if is_seen)


def _is_fine(function: Function, rng: np.random.Generator, times: float) -> bool:
    """Whether outputs follow a line to far more digits than a lower precision leaves, at larger inputs.

    What a square or 1 + x lose of small numbers, they keep of larger ones; a cast loses as much of any.
    Cost: 24 evaluations.
    """
    inputs = {n: array for n, array in function.point.items() if array.dtype.kind == "f"}
    there = _elsewhere(
        function, {n: array * (times * rng.uniform(0.5, 1.0, array.shape)) for n, array in inputs.items()}
    )
    if there is None:
        return False
    followed = [0] * len(there.base)
    for found in _along_lines(there, rng, _LARGE):
        if found is None or any(np.any(off > _FOLLOWED * np.abs(response)) for response, off in found):
            return False
        for place, (response, _) in enumerate(found):
            followed[place] += int(np.count_nonzero(response))
    return all(count > _DIRECTIONS // 2 for count in followed)


def _stays(grain: float, far_grain: float, size: float, far_size: float) -> bool:
    """Whether a grain is as it was where an output has grown; a fine one must be seen to grow with it.

    Where an output has not grown, a grain that is far too coarse for float32 is what float64 leaves.
    """
    is_grown = far_size >= _GROWN * size
    if grain <= _NOT_FLOAT64:
        return not (is_grown and far_grain > max(_ALIKE * grain, _COARSE * far_size))
    alike = grain / _ALIKE <= far_grain <= _ALIKE * grain if is_grown else grain > _OWN * size
    return grain <= FLOAT32 and alike


def _grains(function: Function, rng: np.random.Generator) -> list[float]:
    """The coarsest grain of each output where it is straight; 0 where none shows.

    Cost: 24 evaluations, 48 where outputs do not follow shorter moves.
    """
    grains = _grains_of(function, rng, _LARGE)
    return grains if any(grains) else _grains_of(function, rng, _LARGER)


def _grains_of(function: Function, rng: np.random.Generator, size: float) -> list[float]:
    """The same, along a few directions by moves of one size."""
    grains = [0.0] * len(function.base)
    for found in _along_lines(function, rng, size):
        for place, (_, off) in enumerate(found or ()):
            grains[place] = max(grains[place], largest(off))
    return grains


def _along_lines(
    function: Function, rng: np.random.Generator, size: float
) -> Iterator[list[tuple[FloatArray, FloatArray]] | None]:
    """For a few directions, the responses of each output where it is straight, and how far shorter ones are
    from being a part of those; None where the code could not be evaluated. Cost: 4 evaluations for each."""
    for _ in range(_DIRECTIONS):
        long, short = sides(function, _random_directions(function, rng), (size, PART * size))
        if long is None or short is None:
            yield None
            continue
        found = []
        for one, other in zip(long, short, strict=True):
            straight = is_opposite(*one)
            response = odd(*one)
            off = np.abs(response - odd(*other) / PART)
            found.append((response[straight], off[straight]))
        yield found


def _loses(function: Function, noise: Noise, rng: np.random.Generator, sizes: Sequence[float]) -> bool:
    """Whether digits seem to be lost along one random direction, by moves of the sizes."""
    moves = _random_directions(function, rng)
    showing = sum(
        int(np.sum(np.abs(2.0**-32 * move[block]) >= 16 * np.spacing(np.abs(function.point[name][block]))))
        for name, move in moves.items()
        for block in blocks(move.shape)
    )
    if showing <= sum(move.size for move in moves.values()) / 2:
        return False  # such small moves of these inputs are rounding themselves
    responses = sides(function, moves, sizes)
    # One size after the other, and of each only what is needed: these arrays are as large as the outputs.
    if (found := next(responses)) is None:
        return False
    straight = [is_opposite(p, m) for p, m in found]
    large = [odd(p, m) for p, m in found]
    if (found := next(responses)) is None:
        return False
    coarse = [
        np.abs(a - odd(p, m) / PART) > np.maximum(_COARSE * np.abs(out), _FEW * level)
        for out, level, a, (p, m) in zip(function.base, noise, large, found, strict=True)
    ]
    if (found := next(responses)) is None:
        return False
    tiny = [odd(p, m) for p, m in found]
    for found in responses:
        if found is None:
            return False
        for s, a, (p, m) in zip(straight, large, found, strict=True):
            s &= is_opposite(p, m)
            s &= np.abs(odd(p, m) - _FURTHER * a) <= 0.1 * _FURTHER * np.abs(a)
    due, off = 0, 0
    for level, a, s, c, t in zip(noise, large, straight, coarse, tiny, strict=True):
        expected = a * 2.0**-16
        size = np.abs(expected)
        visible = s & (size > _FEW * level)
        due += int(np.sum(visible))
        off += int(np.sum(visible & c & (np.abs(t - expected) > 0.1 * size)))
    moved = sum(int(np.count_nonzero(a)) for a in large)
    return off > max(due / 4, moved / 8) or _is_stuck(function, noise, moves, [a == 0 for a in large])


def _random_directions(function: Function, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Moves of all inputs by about the size of each element."""
    return {
        name: np.minimum(np.abs(array), function.spread(name)) * random_moves(rng, array.shape)
        for name, array in function.point.items()
        if array.dtype.kind == "f"
    }


def _is_stuck(function: Function, noise: Noise, moves: dict[str, FloatArray], still: list[BoolArray]) -> bool:
    """Whether most outputs do not even follow the larger move, as in float16, but follow one larger yet.

    Rounding to whole numbers is something else, and done on purpose. Cost: 2 evaluations, where most are
    `still`.
    """
    half = sum(out.size for out in function.base) / 2
    if sum(int(np.sum(mask)) for mask in still) <= half:
        return False
    if (found := next(sides(function, moves, (_LARGER,)))) is None:
        return False
    stuck = (
        mask
        & (np.abs(p - m) > np.maximum(2.0**-10 * np.abs(out) + 2.0**20 * level, _NOT_FLOAT64))
        & (out != np.rint(out))
        for out, level, mask, (p, m) in zip(function.base, noise, still, found, strict=True)
    )
    return sum(int(np.sum(mask)) for mask in stuck) > half
