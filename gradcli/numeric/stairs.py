"""Stairs that rounding leaves along a line: on one of them, a slope is not the function's."""

import numpy as np

from gradcli.arrays import FloatArray
from gradcli.numeric.ladder import RATIO
from gradcli.numeric.line import Line

_ON_A_STAIR = 2  # further steps that are seen to be in line with the smallest ...
_SUDDEN = 16.0  # ... and times the rounding that the next is off, all at once
_BISECTIONS = 12  # to where that happens
_CLEAR = 4.0  # times what is in line: what a stair is higher than


def hidden_stair(line: Line, steps: FloatArray, plus: FloatArray, minus: FloatArray) -> float:
    """The height of the first stair where small steps stay on one and larger ones do not.

    Behind an addition (1 + tiny) a number is a staircase, and its stair is the noise. On a stair that number
    stands still, so what is computed from it is a straight line, flat or not: x * (1 + tanh(x)) far out has
    the slope of its first factor alone. Beyond a kink the response leaves that line little by little instead,
    as that of a smooth function does, and nothing is hidden.
    """
    tallest = 0.0
    for sign, side in ((1.0, plus), (-1.0, minus)):
        edge = _edge(steps, side, 16 * line.rounding())
        if edge is not None:
            slope = sign * float(side[edge - 1] / steps[edge - 1])
            dead, alive = float(steps[edge - 1]), float(steps[edge])
            tallest = max(tallest, _stair(line, sign * dead, sign * alive, slope))
    return tallest


def _edge(steps: FloatArray, side: FloatArray, rounding: float) -> int | None:
    """The first step that may lie beyond the stair on which all smaller ones are."""
    active = np.flatnonzero(np.nan_to_num(side))
    if active.size == 0:
        return None
    if active[0] > 0:
        return int(active[0])
    off = np.abs(side[1:] - side[:-1] * (steps[1:] / steps[:-1]))
    left = np.flatnonzero(~(off <= rounding))
    if left.size == 0 or not _ON_A_STAIR <= left[0] < len(off) - 1:
        return None
    first = int(left[0])
    # A smooth function leaves its tangent with the square of the step at least.
    sudden = off[first] > _SUDDEN * rounding and off[first + 1] < RATIO**1.5 * off[first]
    return first + 1 if sudden else None


def _stair(line: Line, dead: float, alive: float, slope: float = 0.0) -> float:
    """The height of a stair between a move along a line and one beside it; 0 where the response leaves the
    line little by little. Cost: up to 14 evaluations."""

    def height_at(offset: float) -> float:
        return abs(line.response(offset) - slope * ((line.x + offset) - line.x))

    allowed = 16 * line.rounding() if slope else 0.0
    for _ in range(_BISECTIONS):
        middle = float(np.copysign(np.sqrt(dead * alive), alive))
        if height_at(middle) <= allowed:
            dead = middle
        else:
            alive = middle
    height = height_at(alive)
    beyond = height_at(alive + 8 * (alive - dead))
    # A stair higher than any floating-point grain is meant: np.round has a derivative, and it is zero.
    return height if beyond < 3 * height and _CLEAR * allowed < height <= line.grain() else 0.0


def far_stair(line: Line, step: float) -> float:
    """Where no step has any effect, the stair that a much longer one climbs; 0 for a constant, and for a
    function that only begins to grow there."""
    while step < 1.0:
        longer = min(step * 2.0**20, 1.0)
        if line.response(longer) != 0.0:
            return _stair(line, step, longer)
        step = longer
    return 0.0
