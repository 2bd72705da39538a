"""Responses to moves there and back: what is odd in them goes along a line."""

from collections.abc import Iterator, Sequence

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray
from gradcli.numeric.function import Function

PART = 0.618  # of a move: from grain to grain, responses are hardly ever in line

Sides = list[tuple[FloatArray, FloatArray]]


def sides(function: Function, moves: dict[str, FloatArray], sizes: Sequence[float]) -> Iterator[Sides | None]:
    """The responses of each output to all moves at once, there and back; one size after the other."""
    changes = function.changes(
        {name: beside(function.point[name], move, sign * size) for name, move in moves.items()}
        for size in sizes
        for sign in (1.0, -1.0)
    )
    return map(_both, changes, changes)


def beside(point: Array, move: FloatArray, factor: float) -> FloatArray:
    """A point moved by so many times a move."""
    moved = np.asarray(factor * move)
    moved += point
    return moved


def _both(plus: list[FloatArray] | None, minus: list[FloatArray] | None) -> Sides | None:
    return None if plus is None or minus is None else list(zip(plus, minus, strict=True))


def odd(plus: FloatArray, minus: FloatArray) -> FloatArray:
    """The odd part of a response, twice; written over the first."""
    return np.asarray(np.subtract(plus, minus, out=plus))


def is_opposite(plus: FloatArray, minus: FloatArray) -> BoolArray:
    """Where there and back are opposite, as on a line."""
    return np.asarray(np.abs(plus + minus) < 0.02 * np.abs(plus - minus))
