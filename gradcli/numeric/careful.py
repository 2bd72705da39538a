"""The slow, careful look at one element, taken before anything is called wrong.

Every shortcut of the first pass is left out: one element moves alone, by steps over the whole range that
floating point offers, on each side separately; the noise is measured for this element at steps like those in
use.
"""

from dataclasses import replace

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.numeric.function import Function, bend
from gradcli.numeric.ladder import RATIO
from gradcli.numeric.line import Line, responses
from gradcli.numeric.rounding import POINTS, Noise, median, scatter
from gradcli.numeric.slopes import KINK, NOISE, SMOOTH, Slopes, judge
from gradcli.numeric.stairs import far_stair, hidden_stair
from gradcli.numeric.ties import bounds

_NEAREST = 1e-18  # of the scale, that a zero is moved by
_RUNGS = 40  # of a ladder, at most
_LONGER = 3  # times that steps are added where the function hardly moves ...
_MORE_RUNGS = 5  # ... and how many
GLANCE = 16  # evaluations that a glance takes
_EPS = float(np.finfo(np.float64).eps)
_SPACING = 2.0**-14  # of the scale, at which noise in use is measured ...
_NEARER = 2.0**-20  # ... and how much nearer: noise is told from a function faster than that there ...
_FAST = 2.0**10  # ... where it is so many times the rounding
_IN_LINE = 0.1  # relative distance of a slope that follows
_FAR = (2.0**6, 2.0**12)  # times the longest of the near steps
_UNEVEN = (0.89, 0.71, 0.53)  # parts of a far step: powers of two all round the same way
_POOR, _FAIR = 1e-4, 1e-2  # relative uncertainty beyond which more effort is worth it, or needed


def look(
    function: Function,
    name: str,
    index: tuple[int, ...],
    cotangents: tuple[Array, ...],
    noise: Noise,
    scale: float | None = None,
) -> Slopes:
    """Measure one element of the gradient as well as floating point allows.

    `scale` is that on which the input may be moved, its spread if it is not given. Returns slopes of one
    element, shape (1,). Cost: about 95 evaluations, up to 60 more where the function hardly moves, or 26
    where it is noisy.
    """
    line = Line(function, name, index, cotangents, noise)
    scale = scale or function.spread(name)
    steps = _steps(line.x, scale)
    top = float(steps[-1])
    plus, minus = responses(line, steps)
    in_use = _noise_in_use(line, min(scale, abs(line.x) or np.inf))
    slopes = near = _judged(line, steps, plus, minus, in_use)
    seen, count = plus.any() or minus.any(), len(steps)
    for _ in range(_LONGER):
        if not _is_poor(slopes) and (plus.any() or minus.any()):
            break
        # Next to nothing happens at these steps: the function may be flat, or its rounding coarse.
        longer = steps[-1] * RATIO ** np.arange(1, _MORE_RUNGS + 1)
        sides = responses(line, longer)
        steps = np.concatenate([steps, longer])
        plus, minus = np.concatenate([plus, sides[0]]), np.concatenate([minus, sides[1]])
        slopes = _judged(line, steps, plus, minus, in_use)
    if seen and _is_fair(near) and not slopes.uncertainty[0] < 0.5 * near.uncertainty[0]:
        # Longer ones told nothing more, and numbers that move far round by themselves.
        slopes, steps, plus, minus = near, steps[:count], plus[:count], minus[:count]
    if not (plus.any() or minus.any()) and far_stair(line, float(steps[-1])):
        return _unknown()
    if _outruns_steps(line, plus, minus):
        return _unknown()
    if not seen:
        slopes = _with_still(line, slopes, scale)
    slopes = _coarser(line, slopes, steps, plus, minus, in_use)
    if slopes.kind[0] == SMOOTH:
        if steps[-1] > top:
            slopes = _with_far_rounding(line, slopes, float(steps[-1]))
        if near.kind[0] == SMOOTH:
            slopes = _unless_in_line(slopes, near, line, steps, plus - minus, scale)
        slopes = _unless_turned(slopes, line, steps, plus + minus)
        return _with_hidden(line, slopes, top)
    if slopes.kind[0] != KINK:
        return slopes
    # Seen from so far away, a kink need not be where the element is.
    return _unknown() if steps[-1] > top else _with_bounds(line, slopes, scale)


def glance(
    function: Function,
    name: str,
    index: tuple[int, ...],
    cotangents: tuple[Array, ...],
    noise: Noise,
    scale: float,
) -> Slopes:
    """A quick look at one element, good enough for an error that is plain. Cost: 16 evaluations."""
    line = Line(function, name, index, cotangents, noise)
    top = 2.0 ** float(np.floor(np.log2(max(scale, abs(line.x))))) * 2.0**-4
    steps = np.asarray(top / RATIO ** np.arange(7, -1, -1, dtype=np.float64))
    plus, minus = responses(line, steps)
    return judge(steps[:, None], plus[:, None], minus[:, None], np.array([line.rounding()]))


def _with_still(line: Line, slopes: Slopes, scale: float) -> Slopes:
    """Add the doubt of outputs that near steps leave as they are: they may be what is left of numbers about
    one, as in log(1 + tiny), and a slope of one rounds by so much."""
    largest = max((float(np.max(np.abs(c), initial=0.0)) for c in line.cotangents), default=0.0)
    return replace(slopes, uncertainty=slopes.uncertainty + _EPS * largest / bend(scale))


def turns(
    function: Function,
    name: str,
    index: tuple[int, ...],
    cotangents: tuple[Array, ...],
    noise: Noise,
    steps: tuple[float, float],
    part: float,
) -> bool:
    """Whether a function seen from afar may be another one than near an element.

    It is no line there, nor does it bend as it does near the point, up to a part of that. `steps`: near and
    far. Cost: 4 evaluations.
    """
    near, far = steps
    line = Line(function, name, index, cotangents, noise)
    up, down, far_up, far_down = line.responses([near, -near, far, -far])
    if abs(far_up - far_down) >= abs(far_up + far_down):
        return False
    bent, far_bent = (up + down) / near**2, (far_up + far_down) / far**2
    return not abs(bent - far_bent) + line.rounding() / near**2 <= part * abs(far_bent)


def _unknown() -> Slopes:
    return Slopes(np.zeros(1), np.zeros(1), np.array([np.inf]), np.array([NOISE]))


def _judged(line: Line, steps: FloatArray, plus: FloatArray, minus: FloatArray, in_use: float) -> Slopes:
    """Slopes from responses, at the rounding that fits.

    Noise in use widens the bands, so that longer steps are taken. Where that leads to a number, it stands: an
    output part of which small moves do not reach (0.5 x (1 + tanh x), far out) would fool the small steps.
    Where it does not, and the small steps say something else, the noise may be real or the function faster
    than the spacing: nobody can tell.
    """
    rounding = max(line.rounding(), hidden_stair(line, steps, plus, minus))
    columns = steps[:, None], plus[:, None], minus[:, None]
    small = judge(*columns, np.array([rounding]))
    if in_use <= rounding:
        return small
    large = judge(*columns, np.array([in_use]))
    if large.kind[0] == KINK or large.uncertainty[0] <= 0.25 * abs(large.low[0]):
        return large
    apart = abs(large.low[0] - small.low[0]) > large.uncertainty[0] + small.uncertainty[0]
    return _unknown() if apart else small


def _outruns_steps(line: Line, plus: FloatArray, minus: FloatArray) -> bool:
    """Whether the last digit of the element moves the function about as much as any step does: sin(1e15).

    Steps then land anywhere, and what they average to is no slope. Rounding of the outputs alone, which no
    step exceeds where the function is flat, is far smaller. Cost: 2 evaluations.
    """
    digit = float(np.spacing(abs(line.x)))
    least = max(map(abs, line.responses([digit, -digit])))
    rounding = 0.0
    for cotangent, out in zip(line.cotangents, line.function.base, strict=True):
        rounding = max(rounding, _EPS * float(np.max(np.abs(cotangent * out), initial=0.0)))
    most = float(np.nanmax(np.abs(np.concatenate([plus, minus])), initial=0.0))
    return least > 2.0**16 * rounding and most < 2.0**10 * least


def _unless_in_line(
    slopes: Slopes, near: Slopes, line: Line, steps: FloatArray, changes: FloatArray, scale: float
) -> Slopes:
    """A slope as it is, if the function is seen to go on in line; else with what shorter ones leave open.

    Bounds of a saturated function shrink with the step, whatever its slope at the point is. So do those of
    one that varies over the size of a small element, where that drowns.
    """
    slope, rounding, own = float(slopes.low[0]), line.rounding(), abs(line.x)
    with np.errstate(invalid="ignore"):
        follows = np.abs(changes / (2 * steps) - slope) <= _IN_LINE * abs(slope)
        seen = np.abs(changes) > 16 * rounding
    if np.sum(follows & seen) >= _MORE_RUNGS // 2:
        return slopes
    least = 4 * rounding / own if 0 < own < scale / 16 else 0.0
    doubt = np.maximum(np.maximum(slopes.uncertainty, near.uncertainty), least)
    return Slopes(slopes.low, slopes.high, doubt, slopes.kind)


def _unless_turned(slopes: Slopes, line: Line, steps: FloatArray, even: FloatArray) -> Slopes:
    """A slope as it is, unless the function is seen to bend one way near the point and the other way far off:
    what only far steps show is then another branch's. In max(y) - min(y) of y = x**2 the smallest x gets the
    largest. Near ones leave open what their rounding does.
    """
    rounding = line.rounding()
    with np.errstate(invalid="ignore", over="ignore"):
        bent = even / steps**2
        steady = np.abs(bent[1:] - bent[:-1]) <= _IN_LINE * np.abs(bent[1:])
        seen = steady & (np.abs(even[:-1]) > rounding)
    rungs = np.flatnonzero(seen)
    if not rungs.size:
        return slopes
    here = np.sign(bent[rungs]) == np.sign(bent[rungs[0]])
    if here.all():
        return slopes
    last = float(steps[rungs[np.argmin(here) - 1] + 1])
    doubt = np.maximum(slopes.uncertainty, 4 * rounding / last)
    return Slopes(slopes.low, slopes.high, doubt, slopes.kind)


def _with_far_rounding(line: Line, slopes: Slopes, step: float) -> Slopes:
    """Add the doubt of numbers that moved far and rounded there: in (c + g) - g, of a far g, so do the digits
    of c. It is no more than a slope of one rounds by. Cost: 6 evaluations."""
    offsets = [sign * part * step for part in _UNEVEN for sign in (1.0, -1.0)]
    found = [r / o for r, o in zip(line.responses(offsets), offsets, strict=True)]
    apart = max((abs(r - float(slopes.low[0])) for r in found if np.isfinite(r)), default=0.0)
    most = _EPS * max(
        float(np.max(np.abs(c * touched), initial=0.0))
        for c, touched in zip(line.cotangents, line.touched, strict=True)
    )
    doubt = np.maximum(slopes.uncertainty, min(apart, most))
    return Slopes(slopes.low, slopes.high, doubt, slopes.kind)


def _with_hidden(line: Line, slopes: Slopes, top: float) -> Slopes:
    """Add the doubt of outputs that only far steps reach: what a near one does to them is lost in their
    rounding (cos of a tiny number). Cost: 4 evaluations."""
    near = [touched.copy() for touched in line.touched]
    for _ in line.responses([sign * far * top for far in _FAR for sign in (1.0, -1.0)]):
        pass
    for touched, known in zip(line.touched, near, strict=True):
        touched &= ~known
    hidden = line.rounding() if any(touched.any() for touched in line.touched) else 0.0
    return Slopes(slopes.low, slopes.high, slopes.uncertainty + 4 * hidden / top, slopes.kind)


def _is_poor(slopes: Slopes) -> bool:
    """Whether the relative uncertainty is too large to be of use."""
    return bool(slopes.kind[0] != KINK and slopes.uncertainty[0] > _POOR * abs(slopes.low[0]))


def _is_fair(slopes: Slopes) -> bool:
    """Whether the relative uncertainty is small enough to see a mistake."""
    return bool(slopes.kind[0] == SMOOTH and slopes.uncertainty[0] <= _FAIR * abs(slopes.low[0]))


def _coarser(
    line: Line, slopes: Slopes, steps: FloatArray, plus: FloatArray, minus: FloatArray, in_use: float
) -> Slopes:
    """A kink so near that rounding drowns which side of it the element is on is seen from further off only.

    What the small steps leave is then next to nothing, or the mean of the slopes on the two sides.
    """
    if slopes.kind[0] == KINK:
        return slopes
    near = 1e-3 * line.function.spread(line.name)
    for skip in range(4, len(steps), 4):
        if len(steps) - skip < 6 or steps[skip] > near:
            break
        far = _judged(line, steps[skip:], plus[skip:], minus[skip:], in_use)
        gap = float(far.high[0] - far.low[0])
        between = far.low[0] + 0.1 * gap < slopes.low[0] < far.high[0] - 0.1 * gap
        blunt = slopes.uncertainty[0] > 0.01 * gap or between
        if far.kind[0] == KINK and blunt and gap > 20 * far.uncertainty[0]:
            return far
    return slopes


def _with_bounds(line: Line, slopes: Slopes, scale: float) -> Slopes:
    """Widen the interval of a kink to what its outputs allow one by one.

    Also from so near that what divides by max(norm, 1e-12) is seen at its kink, and not as a jump.
    """
    moves = np.zeros(line.work.shape)
    moves[line.index] = 1.0
    for reach in (scale, _NEARER * scale):
        found = bounds(line.function, line.name, moves, reach, line.cotangents, line.noise)
        low, high, doubt = (sum(float(np.sum(part)) for part in parts) for parts in found)
        if np.isfinite(low + high + doubt) and doubt <= 0.01 * (high - low):
            slopes = Slopes(
                np.minimum(slopes.low, low),
                np.maximum(slopes.high, high),
                np.maximum(slopes.uncertainty, doubt),
                slopes.kind,
            )
    return slopes


def _steps(x: float, scale: float) -> FloatArray:
    """Exactly representable steps, ascending by RATIO, over the whole useful range."""
    top = 2.0 ** float(np.round(np.log2(0.25 * max(scale, abs(x)))))
    bottom = 64 * float(np.spacing(abs(x))) if x else _NEAREST * scale
    rungs = int(np.ceil((np.log(top) - np.log(bottom)) / np.log(RATIO))) + 1
    return np.asarray(top / RATIO ** np.arange(min(max(4, rungs), _RUNGS) - 1, -1, -1, dtype=np.float64))


def _noise_in_use(line: Line, scale: float) -> float:
    """Noise at steps like those in use, from differences of the response along the element.

    A smooth function has no sixth differences to speak of at this spacing, and the median leaves out a
    single kink; the points start beside the element, which may itself be next to one. A function that is
    faster than the spacing (sin at 1e6) has differences of its own: seen from much nearer, it is smooth.
    Cost: 26 evaluations, twice that where the noise is far above the rounding.
    """
    spacing = scale * _SPACING
    noise = _scatter(line, spacing)[0]
    if noise <= _FAST * line.rounding():
        return noise
    finer, moved = _scatter(line, spacing * _NEARER)
    return finer if finer < noise / _FAST and moved > 16 * finer else noise


def _scatter(line: Line, spacing: float) -> tuple[float, float]:
    """The scatter of equally spaced responses, and how far one typically is from the next."""
    values = np.array(list(line.responses(spacing * t for t in range(1, POINTS + 1))))
    return float(scatter(values)), float(median(np.abs(np.diff(values))))
