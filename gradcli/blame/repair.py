"""Repairs: the smallest change to the suspects with which every gradient is right.

A repair is tried by running it. What it says is then not a guess: with this change, the wrong gradients agree
with the numeric ones to within the verdict's own tolerance; where it is a change of the text, also at another
point.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.blame.site import Site
from gradcli.blame.trace import Key, Trace

PATHS = ("path", "path twice")
NATURAL, LIKELY, POSSIBLE = 1, 2, 3


@dataclass(frozen=True, eq=False)
class Repair:
    """A change at a line that makes the gradients right."""

    statement: ast.stmt | None
    line: int
    kind: str
    rank: int
    before: str = ""
    after: str = ""
    factor: float | None = None
    array: str = ""  # of a factor or a term
    site: Site | None = None
    through: str = ""  # the node behind a lost path
    use: Site | None = None  # in forward, where that path begins
    term: Array | None = None  # what a sum lacks, or a product


CHANGES: dict[str, Callable[[Array, Array], Array]] = {
    "times": lambda array, value: value * array,
    "over": lambda array, value: value / array,
    "plus": lambda array, value: value + array,
    "instead": lambda array, value: np.broadcast_to(array, np.shape(value)).copy(),
}


def as_changes(repair: Repair, trace: Trace) -> dict[Key, Callable[[Any], Any]]:
    """The changes of values that a repair consists of; none if it is a change of the text."""
    if repair.site is None:
        return {}
    change: Callable[[Any], Any]
    if repair.kind == "factor":
        change = partial(np.multiply, repair.factor or 0.0)
    elif repair.term is None or trace.counts.get(repair.site.number) != 1:
        return {}
    elif repair.kind in PATHS:
        change = partial(np.add, repair.term if repair.kind == "path" else -repair.term)
    else:
        change = partial(CHANGES[repair.kind], repair.term)
    return dict.fromkeys(trace.keys(repair.site.number), change)


def with_array(node: ast.AST, kind: str, name: str, index: str = "") -> str:
    """An expression as it is with a factor or a term put to it, which an index may give more axes."""
    assert isinstance(node, ast.expr)
    array = ast.parse(name + index, mode="eval").body
    operations = {"times": ast.Mult(), "over": ast.Div(), "plus": ast.Add()}
    if kind == "instead":
        return name
    return ast.unparse(ast.BinOp(node, operations[kind], array))


def is_small(factor: float) -> bool:
    """Whether a factor is one that people forget: a sign, a 2 or a half."""
    return any(abs(factor - small) < 1e-7 for small in (-1.0, 2.0, 0.5, -2.0, -0.5))


def is_sign(factor: float | None) -> bool:
    """Whether a factor is nothing but a sign, which may have been lost anywhere."""
    return factor is not None and abs(factor + 1.0) < 1e-7
