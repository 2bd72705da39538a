"""Central differences of whole batches: few rungs of a ladder for most elements, more for others."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import tee
from math import prod

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray
from gradcli.dataclass import dataclass
from gradcli.numeric.known import MOST_AT_ONCE, Known
from gradcli.numeric.ladder import RATIO, central, evident_noise, grown, lepski, richardson
from gradcli.numeric.perturb import taken
from gradcli.numeric.structure import Position

_RUNGS = 11  # of a full ladder: from a quarter of the spread down to 2e-7 of it
_PILOTS = 3  # batches that get a full ladder before the others get three rungs
_PILOT_SAMPLE = 1024  # elements of a pilot that choose the rungs
_PART = 1 << 12  # elements whose ladders are judged at once


@dataclass(frozen=True, eq=False)
class Climb:
    """A batch that is moved by each rung of a ladder."""

    position: Position
    keep: Array | None = None  # the places of its group that count; None: all
    scale: FloatArray | None = None  # group_shape; multiplies the rungs, place by place

    def step(self, rung: float) -> FloatArray | float:
        return rung if self.scale is None else rung * self.scale


def measure(
    known: Known,
    positions: Sequence[Position],
    step: float | None,
    wanted: Callable[[], FloatArray],
    tick: Callable[[int], None],
) -> None:
    """Measure batches, every element as well as is `wanted` where a ladder of steps can do that.

    `step`: one that is forced. Cost: 4 or 6 evaluations for each batch, 22 for a few and where elements are
    poorly known.
    """
    if step is not None:
        _climb(known, positions, np.array([step, RATIO * step]), tick)
        return
    ladder = ladder_of(known.scale)
    if len(positions) <= _PILOTS and known.moves.group_size <= MOST_AT_ONCE:
        _climb(known, positions, ladder, tick)
    else:
        _climb(known, positions, _three_rungs(known, positions, ladder, tick), tick)
    _refine(known, positions, wanted, tick)


def _three_rungs(
    known: Known, positions: Sequence[Position], ladder: FloatArray, tick: Callable[[int], None]
) -> FloatArray:
    """The part of the ladder that suits most elements of a few batches."""
    rounding = known.roundings()
    pilots = []
    for place in known.sample(len(positions), _PILOTS):
        size = prod(known.moves.group_at(positions[place]))
        pilots.append(Climb(positions[place], known.sample(size, _PILOT_SAMPLE)))
    rungs = []
    for climb, (plus, minus, _) in zip(pilots, responses(known, pilots, ladder, tick), strict=True):
        level = np.ravel(rounding(climb.position))[climb.keep]
        rungs.append(_estimate(np.stack(plus), np.stack(minus), ladder[:, None], level)[2])
    chosen = np.sort(np.concatenate(rungs))
    best = int(chosen[len(chosen) // 4])
    start = min(max(best - 1, 0), len(ladder) - 3)
    return ladder[start : start + 3]


def _climb(
    known: Known, positions: Sequence[Position], ladder: FloatArray, tick: Callable[[int], None]
) -> None:
    """Measure whole batches with the same few steps."""
    measured = responses(known, map(Climb, positions), ladder, tick)
    rounding_of = known.roundings()
    for position, (plus, minus, steps) in zip(positions, measured, strict=True):
        rounding = np.ravel(rounding_of(position))  # not before there is a response: it is as large
        size = rounding.size
        # In parts that fit the cache, each written over its responses: a group may be a whole array.
        value, doubt, kinked = plus[0], minus[0], np.empty(size, dtype=bool)
        for start in range(0, size, _PART):
            here = np.s_[start : start + _PART]
            up, down = (np.stack([row[here] for row in side]) for side in (plus, minus))
            kinked[here] = _kinks(up, down, ladder, rounding[here])
            value[here], doubt[here], _ = _estimate(up, down, steps[:, here], rounding[here])
        del plus, minus
        selection, shape = known.moves.selection(position), known.moves.group_at(position)
        known.value[selection] = value.reshape(shape)
        known.uncertainty[selection] = doubt.reshape(shape)
        known.kinked[selection] = kinked.reshape(shape)


def _refine(
    known: Known, positions: Sequence[Position], wanted: Callable[[], FloatArray], tick: Callable[[int], None]
) -> None:
    """A full ladder for elements that are not known well enough, first on the scale of the whole input,
    then on that of the element itself, where inputs of very different size stand in one array."""
    poor = _poor(known, wanted)
    _refine_at(known, None, poor, positions, tick)
    poor = _poor(known, wanted)
    own = _own_scale(known)
    if np.any(own[poor] != known.scale):
        _refine_at(known, own, poor, positions, tick)


def _poor(known: Known, wanted: Callable[[], FloatArray]) -> BoolArray:
    with np.errstate(invalid="ignore"):
        return ~(known.uncertainty <= wanted())


def _refine_at(
    known: Known,
    scale: FloatArray | None,
    poor: BoolArray,
    positions: Sequence[Position],
    tick: Callable[[int], None],
) -> None:
    """By the ladder of the whole input, or by one for each element on a scale of its own."""
    where = [p for p in positions if known.holds(p, poor)]
    climbs = [
        Climb(
            position,
            known.places(position, poor),
            None if scale is None else np.asarray(scale[known.moves.selection(position)]),
        )
        for position in where[: max(16, len(positions) // 10)]
    ]
    ladder = ladder_of(known.scale if scale is None else 1.0)
    measured = responses(known, climbs, ladder, tick)
    for climb, (plus, minus, steps) in zip(climbs, measured, strict=True):
        _refine_batch(known, climb, np.stack(plus), np.stack(minus), steps)


def _own_scale(known: Known) -> FloatArray:
    """The scale of each element: its own size where it is far smaller than the spread."""
    own = np.asarray(np.abs(known.function.point[known.name], dtype=np.float64))
    np.copyto(own, known.scale, where=(own == 0) | (own >= known.scale / 16))
    return own


def _refine_batch(
    known: Known, climb: "Climb", plus: FloatArray, minus: FloatArray, steps: FloatArray
) -> None:
    selection, places = known.moves.selection(climb.position), climb.keep
    assert places is not None
    rounding = np.ravel(known.rounding_at(known.moves, climb.position))[places]
    shape = known.moves.group_at(climb.position)
    value, doubt, _ = _estimate(plus, minus, steps, rounding)
    values, doubts = np.ravel(known.value[selection]), np.ravel(known.uncertainty[selection])
    # What is still a kink at much smaller steps stays one; beside one, the element is smooth.
    kinked = np.ravel(known.kinked[selection])
    kinked[places] = _kinks(plus, minus, steps, rounding)
    known.kinked[selection] = kinked.reshape(shape)
    better = ~(doubt >= doubts[places]) & np.isfinite(value)
    values[places[better]] = value[better]
    doubts[places[better]] = doubt[better]
    known.value[selection] = values.reshape(shape)
    known.uncertainty[selection] = doubts.reshape(shape)


def responses(
    known: Known, climbs: Iterable["Climb"], ladder: FloatArray, tick: Callable[[int], None]
) -> Iterator[tuple[list[FloatArray], list[FloatArray], FloatArray]]:
    """Responses to plus and minus each rung, an array of places for each, and the steps, of shape (rungs,
    places). One climb after the other."""
    first, second = tee(climbs)
    responses = known.perturbation.responses(
        (climb.position, sign * climb.step(nominal))
        for climb in first
        for nominal in ladder
        for sign in (1.0, -1.0)
    )
    for climb in second:
        places = np.s_[:] if climb.keep is None else climb.keep
        original = known.perturbation.unmoved(climb.position)[places]
        scale = None if climb.scale is None else np.ravel(climb.scale)[places]
        count = prod(known.moves.group_at(climb.position)) if climb.keep is None else len(climb.keep)
        # Each array when there is a response for it: a group may be a whole array.
        plus: list[FloatArray] = []
        minus: list[FloatArray] = []
        for nominal in ladder:
            for sign, side in ((1.0, plus), (-1.0, minus)):
                response = np.ravel(next(responses))[places]
                step = sign * (nominal if scale is None else nominal * scale)
                moved = taken(original, step)
                with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
                    response *= np.divide(step, moved, out=moved)
                side.append(response)
                del response, moved  # before the next
            tick(2)
        steps = ladder[:, None] if scale is None else ladder[:, None] * scale
        yield plus, minus, np.broadcast_to(steps, (len(ladder), count))


def _estimate(
    plus: FloatArray, minus: FloatArray, steps: FloatArray, rounding: FloatArray
) -> tuple[FloatArray, FloatArray, Array]:
    second = central(plus, minus, steps)
    noise = rounding
    if len(steps) > 3:
        noise = np.maximum(noise, evident_noise(second, np.broadcast_to(steps, second.shape)))
    choice = lepski(richardson(second), (4 * noise + grown(plus, minus)) / steps[:-1])
    if len(steps) == 2:  # a forced step: what the two orders differ by is all that shows truncation
        with np.errstate(invalid="ignore"):
            return choice.value, choice.uncertainty + np.abs(choice.value - second[0]), choice.rung
    return choice.value, choice.uncertainty, choice.rung


def ladder_of(scale: float) -> FloatArray:
    """Steps ascending by RATIO up to a quarter of the scale, each a power of two."""
    top = 2.0 ** np.floor(np.log2(scale)) / 4
    return np.asarray(top / RATIO ** np.arange(_RUNGS - 1, -1, -1, dtype=np.float64))


def _kinks(plus: FloatArray, minus: FloatArray, ladder: FloatArray, rounding: FloatArray) -> BoolArray:
    """Elements whose one-sided slopes differ by as much at one step as at the next larger one.

    For a smooth function the difference shrinks with the step, by RATIO from rung to rung.
    """
    with np.errstate(invalid="ignore"):
        small = np.abs(plus[0] + minus[0]) / ladder[0]
        large = np.abs(plus[1] + minus[1]) / ladder[1]
        slope = np.maximum(np.abs(plus[0]), np.abs(minus[0])) / ladder[0]
        same = (small > 0.8 * large) & (small < 1.25 * large)
        clear = (small > 64 * rounding / ladder[0]) & (small > 1e-3 * slope)
    return np.asarray(same & clear)
