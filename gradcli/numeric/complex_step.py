"""The complex step: Im f(x + ih) / h is the derivative to rounding error, for any tiny h.

Source: Squire and Trapp (1998), SIAM Review 40(1). It is invalid as soon as the code takes an absolute
value, a norm or a cast, so it is tried and validated for each input, never assumed.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gradcli.arrays import Array, FloatArray, largest
from gradcli.numeric.function import Function, Outputs, random_moves
from gradcli.numeric.known import Known
from gradcli.numeric.rounding import SMALLEST, Noise, median
from gradcli.numeric.structure import Position

_JITTERS = 2
_SAMPLES = 3  # batches in which the rounding is measured
STEP = 2.0**-100  # times the input's spread; about 1e-30, and to divide by it is exact


# Pairs of real steps to compare with, relative to the spread: tiny ones rarely cross a kink, larger ones
# serve where rounding is large. The comparison counts only where it is sharper than SHARP.
_STEPS = ((2.0**-17, 2.0**-19), (2.0**-9, 2.0**-11))
_SHARP = 1e-5
_NEARER = (2.0**-6, 2.0**-12)
_LARGER = 2.0**-8  # by which an input grows from step to step


def error(function: Function, name: str, noise: Noise, rng: np.random.Generator, scale: float) -> float:
    """How far outputs are off in complex arithmetic, relative to each; inf where a complex step is not valid.

    It is valid where it agrees with real differences along a random direction, output by output.

    An exception, a warning about a discarded imaginary part and a real part that changed all mean no. Where
    the real differences drown in rounding (a saturated function), the same code is tried with this input
    nearer to zero. Cost: one complex evaluation and 4 to 8 real ones, three times that where saturated.
    """
    verdict, off = _agrees(function, name, noise, rng, scale)
    for factor in _NEARER:
        if verdict is not None:
            break
        try:
            nearer = function.elsewhere({name: factor * function.point[name]})
        except Exception:
            break
        rounding = tuple(64 * np.finfo(np.float64).eps * np.abs(out) for out in nearer.base)
        verdict, _ = _agrees(nearer, name, rounding, rng, factor * scale)
    return off if verdict else np.inf


def measure(known: Known, positions: Sequence[Position], tick: Callable[[int], None]) -> None:
    """One evaluation with an imaginary step for each batch. Cost: that, and up to 6 for the rounding."""
    if not positions:
        return
    known.release()  # a working copy of real numbers
    chosen = list(positions)
    step = step_of(known)
    with np.errstate(all="ignore"):
        for position in chosen:
            slopes = known.perturbation.imaginary(position, step)
            known.value[known.moves.selection(position)] = np.nan if slopes is None else slopes
            tick(1)
        _measure_rounding(known, chosen, step, tick)


def _measure_rounding(
    known: Known, positions: Sequence[Position], step: float, tick: Callable[[int], None]
) -> None:
    """Measure the rounding of the complex step where it is cheap, and carry it over to the rest.

    All inputs are jittered by one ulp and a few batches measured again. Elsewhere the typical relative
    spread is taken: what that underestimates is found by the careful look.
    """
    sampled = [positions[i] for i in known.sample(len(positions), _SAMPLES)]
    distances = {p: np.zeros(known.moves.group_at(p)) for p in sampled}
    for _ in range(_JITTERS):
        moved = jitter(known)
        for position in sampled:
            selection = known.moves.selection(position)
            slopes = known.perturbation.imaginary(position, step, around=moved)
            tick(1)
            if slopes is not None:
                distances[position] = np.fmax(distances[position], np.abs(slopes - known.value[selection]))
    truncation = STEP * largest(known.value)
    # What is left of a product of tiny numbers.
    underflow = SMALLEST * max(map(largest, known.cotangents)) / step
    typical = _typical_of(known, distances)
    for position in positions:
        selection = known.moves.selection(position)
        # The truncation of a complex step is of the order of its square.
        floor = 4 * np.finfo(np.float64).eps * np.abs(known.value[selection]) + truncation + underflow
        own = distances.get(position)
        known.uncertainty[selection] = (typical[known.moves.places(position)] if own is None else own) + floor


def scatter_at(known: Known, position: Position, place: tuple[int, ...]) -> float:
    """The scatter of the slopes of one element, where the input is a little larger, and larger yet.

    What rounds in complex arithmetic alone (its log1p is a log of 1 + x) follows no jitter. Cost: 9 complex
    evaluations.
    """
    step, point = step_of(known), known.function.point[known.name]
    slopes = []
    for times in range(1, 10):
        moved = {known.name: np.array(point * (1 + times * _LARGER), dtype=np.complex128)}
        found = known.perturbation.imaginary(position, step, around={**known.function.point, **moved})
        slopes.append(np.nan if found is None else float(found[place]))
    scattered = float(np.max(np.abs(np.diff(slopes, 6)))) * 2.0 / 924.0**0.5
    return scattered if np.isfinite(scattered) else 0.0


def _typical_of(known: Known, measured: Mapping[Position, FloatArray]) -> FloatArray:
    """The median over some batches, for each place of a group."""
    values_of = np.empty((len(measured), *known.moves.group_shape))
    for place, (position, values) in enumerate(measured.items()):
        values_of[place, ...] = np.max(values, initial=0.0)
        values_of[place, ...][known.moves.places(position)] = values
    return median(values_of)


def jitter(known: Known) -> dict[str, Array]:
    """A jittered point whose input of interest is ready for a complex step."""
    point = known.jittered()
    point[known.name] = point[known.name].astype(np.complex128)
    return point


def step_of(known: Known) -> float:
    """The imaginary step by which an input is moved."""
    return max(STEP * known.scale, SMALLEST)


def _agrees(
    function: Function, name: str, noise: Noise, rng: np.random.Generator, scale: float
) -> tuple[bool | None, float]:
    """Agreement at one point, None where the real differences are too blunt to tell; and how far outputs are
    off."""
    array = function.point[name]
    direction = random_moves(rng, array.shape)
    direction *= scale
    moved = array + 1j * STEP * direction
    del direction  # it is as large as the input, and so are the arrays that the code is going to make
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        outputs = function.at({name: moved})
    direction = np.imag(moved) / STEP
    del moved
    off = np.inf if outputs is None else _off(outputs, function, noise)
    if outputs is None or off == np.inf:
        return False, off
    slopes = [np.imag(out) / STEP for out in outputs]
    if any(not slope.any() and largest(level) > SMALLEST for slope, level in zip(slopes, noise, strict=True)):
        off = max(off, 1.0)  # it may depend on the input all the same: differences would drown
    for steps in _STEPS:
        verdict = _compare(slopes, function, name, direction, noise, steps)
        if verdict is not None:
            return verdict, off
    return None, off


def _off(outputs: Outputs, function: Function, noise: Noise) -> float:
    """How far real parts are from the outputs, relative to each; inf where it is more than rounding."""
    most = 0.0
    for out, base, level in zip(outputs, function.base, noise, strict=True):
        distance = np.abs(np.real(out) - base)
        if not np.all(distance <= 8 * _typical(level)):
            return np.inf
        with np.errstate(invalid="ignore", divide="ignore"):
            relative = np.asarray(distance / np.abs(base))
        most = max(most, float(np.max(relative, initial=0.0, where=distance > SMALLEST)))
    return most


def _compare(
    slopes: list[FloatArray],
    function: Function,
    name: str,
    direction: FloatArray,
    noise: Noise,
    steps: tuple[float, float],
) -> bool | None:
    """Agreement at one pair of steps; None where the real differences are too blunt to tell."""
    large, small = (_real_slopes(function, name, direction, step) for step in steps)
    if large is None or small is None:
        return None
    sharp, moves = True, False
    for slope, coarse, fine, level in zip(slopes, large, small, noise, strict=True):
        refined = (16.0 * fine - coarse) / 15.0
        doubt = 4.0 * np.abs(refined - fine) + 16.0 * _typical(level) / steps[1]
        if not (slope.any() or coarse.any() or fine.any()):
            # It does not depend on the input, unless the moves drown in its rounding; zeros have none.
            moves = moves or bool(np.all(level <= SMALLEST))
            continue
        moves = True
        if not bool(np.all(np.abs(slope - refined) <= doubt)):
            return False
        sharp = sharp and bool(np.all(doubt <= _SHARP * np.max(np.abs(refined), initial=0.0) + 1e-300))
    return True if sharp and moves else None  # where nothing moves, nothing agrees


def _typical(level: FloatArray) -> FloatArray:
    """Rounding no smaller than is usual among the outputs: a few jitters can leave one untouched by luck."""
    return level + float(median(np.ravel(level))) if level.size else level


def _real_slopes(
    function: Function, name: str, direction: FloatArray, step: float
) -> list[FloatArray] | None:
    array = function.point[name]
    plus = function.change({name: array + step * direction})
    minus = function.change({name: array - step * direction})
    if plus is None or minus is None:
        return None
    return [(p - m) / (2 * step) for p, m in zip(plus, minus, strict=True)]
