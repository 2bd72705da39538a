"""Both sides of elements that disagree, measured apart: slopes, and kinks with what ties allow at them."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray
from gradcli.numeric.climb import Climb, ladder_of, responses
from gradcli.numeric.known import Known
from gradcli.numeric.slopes import KINK, Slopes, judge
from gradcli.numeric.structure import Position, Structure
from gradcli.numeric.ties import bounds


def both_sides(
    known: Known, suspects: BoolArray, most: int, tick: Callable[[int], None]
) -> Iterator[tuple[Array, Slopes]]:
    """Measure suspects again on each side separately, on a full ladder, still a batch at a time.

    What looks like a kink must still look like one at steps a million times smaller: code that compares
    with 5e-8 in place of 0 is wrong only within that distance. Yields flat indices of elements and their
    slopes, for at most `most` batches.
    Cost: 22 evaluations for each batch that holds a suspect, twice that where one looks like a kink.
    """
    flat = np.arange(suspects.size).reshape(suspects.shape)
    ladder = ladder_of(known.scale)
    point = np.abs(np.asarray(known.function.point[known.name], dtype=np.float64))
    size = np.where(point > 0, np.minimum(point, known.scale), known.scale)
    held = [p for p in np.ndindex(known.moves.batch_shape) if known.holds(p, suspects)][:most]
    climbs = [Climb(position, known.places(position, suspects)) for position in held]
    for climb, (plus, minus, steps) in zip(climbs, responses(known, climbs, ladder, tick), strict=True):
        selection, places = known.moves.selection(climb.position), climb.keep
        assert places is not None
        rounding = np.ravel(known.rounding_at(known.moves, climb.position))[places]
        slopes = judge(steps, np.stack(plus), np.stack(minus), rounding)
        if np.any(slopes.kind == KINK):
            closer = replace(climb, scale=np.asarray(size[selection]))
            plus, minus, steps = next(responses(known, [closer], ladder_of(2.0**-20), tick))
            near = judge(steps, np.stack(plus), np.stack(minus), rounding)
            slopes = _confirmed(slopes, near)
            slopes = _bounded(known, slopes, climb.position, places)
        yield np.ravel(flat[selection])[places], slopes


def _bounded(known: Known, slopes: Slopes, position: Position, places: Array) -> Slopes:
    """Widen the intervals of kinks to what the outputs allow one by one."""
    batch = np.zeros(known.structure.shape, dtype=bool)
    batch[known.moves.selection(position)] = True
    low, high, doubt = (np.ravel(part)[places] for part in _tied(known, batch, known.moves, position))
    with np.errstate(invalid="ignore"):
        use = (slopes.kind == KINK) & (doubt <= 0.01 * (high - low))
    return Slopes(
        np.where(use, np.minimum(slopes.low, low), slopes.low),
        np.where(use, np.maximum(slopes.high, high), slopes.high),
        np.where(use, np.maximum(slopes.uncertainty, doubt), slopes.uncertainty),
        slopes.kind,
    )


def tied(known: Known, elements: BoolArray, part: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bounds on the sum of the gradient over some elements, for each place of a group.

    All move together, so that ties between them are kept and only what is a kink of the whole is left.
    Each output has its own slopes on the two sides; their intervals add up. Returns low, high and doubt.
    `part`: of the usual steps. Cost: 4 evaluations.
    """
    return _tied(known, elements, known.structure, (), part)


def _tied(
    known: Known, elements: BoolArray, structure: Structure, position: Position, part: float = 1.0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    scale, moves = part * known.scale, elements.astype(np.float64)
    found = bounds(known.function, known.name, moves, scale, known.cotangents, known.noise)
    ones = tuple(np.broadcast_to(1.0, out.shape) for out in known.function.base)
    low, high, doubt = (structure.contract(ones, each, position) for each in found)
    return low, high, doubt


def _confirmed(slopes: Slopes, close: Slopes) -> Slopes:
    """Kinks that are still there at much smaller steps; elsewhere the smaller steps tell the slope."""
    known = close.uncertainty <= 0.01 * (slopes.high - slopes.low)
    smoothed = (slopes.kind == KINK) & (close.kind != KINK) & known

    def pick(far: Array, near: Array) -> Array:
        return np.asarray(np.where(smoothed, near, far))

    return Slopes(
        pick(slopes.low, close.low),
        pick(slopes.high, close.high),
        pick(slopes.uncertainty, close.uncertainty),
        pick(slopes.kind, close.kind),
    )
