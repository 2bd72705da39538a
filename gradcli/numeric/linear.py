"""A function that is linear in an input needs no small step and no second difference."""

from collections.abc import Callable, Iterable
from itertools import tee

import numpy as np

from gradcli.arrays import FloatArray, blocks, largest
from gradcli.numeric.function import Function, random_moves
from gradcli.numeric.known import Known
from gradcli.numeric.rounding import Noise
from gradcli.numeric.scale import shows
from gradcli.numeric.structure import Position

_LONGER = 2.0**14
_TIMES = 5
_DIGITS = 2.0**12  # times the precision of the outputs


def reach(
    function: Function, name: str, noise: Noise, rng: np.random.Generator, scale: float
) -> float | None:
    """How far the outputs are linear (affine) in one input; None where they are not even over `scale`.

    Where a move by the scale shows little of the slope above rounding, longer ones are tried. What moves
    more than rounding is no constant beside the input, but noise that may hide anything.
    Cost: 3 evaluations, 2 where it bends, and as many for each longer move.
    """
    found = None
    for _ in range(_TIMES):
        plus = _straight(function, name, noise, rng, scale)
        if plus is None:
            break
        found = scale
        if (
            shows(plus, noise)
            or not any(change.any() for change in plus)
            or not _is_round_off(function, noise)
        ):
            break
        scale *= _LONGER
    return found


def measure(known: Known, length: float, positions: Iterable[Position], tick: Callable[[int], None]) -> None:
    """One difference with a large step for each batch. Cost: 1 evaluation for each."""
    step = 2.0 ** np.floor(np.log2(length))
    # Both the outputs at the point and the moved ones round.
    bands = known.roundings(2 / step)
    measured, moved = tee(positions)
    responses = known.perturbation.responses((position, step) for position in moved)
    done: list[Position] = []
    try:
        for position, response in zip(measured, responses, strict=True):
            known.value[known.moves.selection(position)] = response
            done.append(position)
            tick(1)
    finally:
        complete = len(done) == known.moves.batches
        for part in blocks(known.value.shape) if complete else map(known.moves.selection, done):
            known.value[part] /= known.perturbation.taken(part, step)
        del responses
        known.release()  # its working copy goes before this array comes
        for position in done:
            known.uncertainty[known.moves.selection(position)] = bands(position)


def _straight(
    function: Function, name: str, noise: Noise, rng: np.random.Generator, scale: float
) -> list[FloatArray] | None:
    """The response to a random move of that size, if the outputs are linear along it.

    Even parts show in f(x+d) - 2 f(x) + f(x-d), odd ones in f(x+d) - 2 f(x+d/2) + f(x). Both must vanish to
    within rounding: what hides below that is no larger than the uncertainty of the derivative.
    """
    array = function.point[name]
    direction = random_moves(rng, array.shape, 1.0, 2.0)
    direction *= scale
    changes = function.changes({name: array + t * direction} for t in (1.0, -1.0, 0.5))
    plus = next(changes)
    for factor in (1.0, -2.0):  # most functions bend, and the second need not be known
        other = next(changes) if plus is not None else None
        if plus is None or other is None:
            return None
        if not all(_cancel(p, factor, o, level) for p, o, level in zip(plus, other, noise, strict=True)):
            return None
    return plus


def _is_round_off(function: Function, noise: Noise) -> bool:
    """Whether the noise is in keeping with the digits of the outputs."""
    return all(
        bool(np.all(level <= _DIGITS * eps * np.max(np.abs(out), initial=0.0)))
        for out, eps, level in zip(function.base, function.precision, noise, strict=True)
    )


def _cancel(change: FloatArray, factor: float, other: FloatArray, noise: FloatArray) -> bool:
    """Whether a change and another one times a factor cancel to within rounding."""
    # The moved outputs are larger than those at the point, and round accordingly.
    rounding = 32 * float(np.finfo(np.float64).eps) * largest(change)
    for block in blocks(change.shape):
        residual = np.asarray(factor * other[block])
        residual += change[block]
        if not np.all(np.abs(residual, out=residual) <= 8 * noise[block] + rounding):
            return False
    return True
