"""Stairs that rounding leaves along a line: on one of them, a slope is not the function's."""

from collections.abc import Iterator

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
    for sign, side, odd in ((1.0, plus, False), (-1.0, minus, False), (1.0, (plus - minus) / 2, True)):
        for edge in _edges(steps, side, 16 * line.rounding()):
            slope = sign * float(side[edge - 1] / steps[edge - 1])
            if slope or not odd:
                dead, alive = sign * float(steps[edge - 1]), sign * float(steps[edge])
                tallest = max(tallest, _stair(line, dead, alive, slope, odd=odd))
    return tallest


def _edges(steps: FloatArray, side: FloatArray, rounding: float) -> Iterator[int]:
    """The first steps that may lie beyond a stair on which all smaller ones are: one on which nothing moves,
    and one on which the response is a line, where one stair stands on the other."""
    active = np.flatnonzero(np.nan_to_num(side))
    if active.size == 0:
        return
    start = int(active[0])
    if start > 0:
        yield start
    side, steps = side[start:], steps[start:]
    off = np.abs(side[1:] - side[:-1] * (steps[1:] / steps[:-1]))
    left = np.flatnonzero(~(off <= rounding))
    if left.size == 0 or not _ON_A_STAIR <= left[0] < len(off) - 1:
        return
    first = int(left[0])
    # A smooth function leaves its tangent with the square of the step at least.
    if off[first] > _SUDDEN * rounding and off[first + 1] < RATIO**1.5 * off[first]:
        yield start + first + 1


def _stair(line: Line, dead: float, alive: float, slope: float = 0.0, *, odd: bool = False) -> float:
    """The height of a stair between a move along a line and one beside it; 0 where the response leaves the
    line little by little. `odd`: of the odd part of the response, as bends are even. Cost: up to 14
    evaluations, or twice that."""

    def height_at(offset: float) -> float:
        if odd:
            return abs(line.response(offset) - line.response(-offset) - 2 * slope * offset) / 2
        return abs(line.response(offset) - slope * ((line.x + offset) - line.x))

    allowed = 16 * RATIO * line.rounding() if slope else 0.0  # that of the slope grows up to the next step
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
