"""A gradient as a map of its relative errors: a cell is one element, or the worst of several."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, prod

import numpy as np

from gradcli.arrays import BoolArray, FloatArray
from gradcli.report.html.errors import LEVELS, NOT_COMPARED, NOT_FINITE, Level, level, relative_errors
from gradcli.result import Gradient

_MOST_ROWS, _MOST_COLUMNS = 32, 48
_WIDEST, _TALLEST, _LARGEST_CELL = 440.0, 300.0, 24.0  # in pixels


@dataclass(frozen=True)
class Layer:
    """All cells of one class."""

    level: Level
    path: str
    cells: int


@dataclass(frozen=True)
class Heatmap:
    """What there is to draw, in units of a cell."""

    rows: int
    columns: int
    cell: float  # its side in pixels
    layers: tuple[Layer, ...]
    failing: str  # a path of crosses over the cells that hold wrong elements, unless all do
    axes: str  # what rows and columns are
    words: str  # the drawing for whoever does not see it


def heatmap(gradient: Gradient) -> Heatmap:
    """The map of a gradient that can be drawn. Large arrays are binned."""
    shape = prod(gradient.shape[:-1]), gradient.shape[-1] if gradient.shape else 1
    wrong = np.zeros(shape, dtype=bool) if gradient.failing is None else gradient.failing.reshape(shape)
    errors, failing = _binned(relative_errors(gradient).reshape(shape), wrong)
    rows, columns = errors.shape
    layers = tuple(_layers([[level(error) for error in row] for row in errors.tolist()]))
    return Heatmap(
        rows=rows,
        columns=columns,
        cell=min(_LARGEST_CELL, _WIDEST / columns, _TALLEST / rows),
        layers=layers,
        failing="" if failing.all() else _crosses(failing),
        axes=_axes(gradient, shape, (rows, columns)) + ("; every cell is wrong" if failing.all() else ""),
        words="; ".join(f"{layer.level.words}: {layer.cells}" for layer in layers),
    )


def _binned(errors: FloatArray, failing: BoolArray) -> tuple[FloatArray, BoolArray]:
    """The worst error of each bin, and whether anything in it is wrong."""
    for axis, most in enumerate((_MOST_ROWS, _MOST_COLUMNS)):
        length = errors.shape[axis]
        starts = np.arange(0, length, ceil(length / most))
        errors = np.fmax.reduceat(errors, starts, axis=axis)
        failing = np.logical_or.reduceat(failing, starts, axis=axis)
    return errors, failing


def _crosses(failing: BoolArray) -> str:
    return "".join(f"M{x + 0.25} {y + 0.25}l.5 .5m0-.5l-.5 .5" for y, x in np.argwhere(failing))


def _layers(cells: Sequence[Sequence[Level]]) -> Iterator[Layer]:
    """The classes that occur, small errors first; equal neighbours in a row become one shape."""
    paths: dict[Level, list[str]] = {}
    counts: dict[Level, int] = {}
    for y, row in enumerate(cells):
        x = 0
        for kind, run in groupby(row):
            width = len(list(run))
            paths.setdefault(kind, []).append(f"M{x} {y}h{width}v1h-{width}z")
            counts[kind] = counts.get(kind, 0) + width
            x += width
    for kind in (*LEVELS, NOT_FINITE, NOT_COMPARED):
        if kind in paths:
            yield Layer(kind, "".join(paths[kind]), counts[kind])


def _axes(gradient: Gradient, shape: tuple[int, int], drawn: tuple[int, int]) -> str:
    rows = "all axes but the last" if len(gradient.shape) > 2 else "the first axis"
    words = f"down: {rows} ({shape[0]}), " if len(gradient.shape) > 1 else ""
    words += f"across: {'the last axis' if len(gradient.shape) > 1 else 'elements'} ({shape[1]})"
    if drawn == shape:
        return words
    size = " x ".join(str(ceil(whole / part)) for whole, part in zip(shape, drawn, strict=True))
    return f"{words}; a cell is the worst of {size} elements"
