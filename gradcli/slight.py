"""A gradient that is off by a tiny part of itself: mostly an eps on one side only.

`log(p + 1e-8)` in forward and `1 / p` in backward differ by some 1e-8 / p, whatever the step. A wrong formula
is off by far more, and rounding by far less. It is said, never absorbed.
"""

import ast
from collections.abc import Iterator

import numpy as np

from gradcli.arrays import largest
from gradcli.problem import Problem
from gradcli.result import FAIL, Gradient
from gradcli.verdict import K

_SLIGHT = 1e-4  # of the gradient's scale: an eps is no larger
_OF_ITSELF = 1e-2  # and of an element that is small beside the others
_CERTAIN = 10.0  # times what rounding and truncation explain
_LARGEST_EPS, _SMALLEST_EPS = 1e-3, 1e-20


def part(gradient: Gradient) -> float | None:
    """The largest error, by the gradient's scale, if all errors are tiny and certain; else None."""
    if gradient.verdict != FAIL or gradient.failing is None or gradient.note:
        return None  # a note says what else is the matter: ties, a lower precision
    numeric, wrong = gradient.numeric, gradient.failing
    error = gradient.error
    if not np.all(np.isfinite(error[wrong])):
        return None
    scale = largest(numeric)
    certain = error[wrong] > _CERTAIN * K * gradient.uncertainty[wrong]
    slight = (error[wrong] <= _SLIGHT * scale) & (error[wrong] <= _OF_ITSELF * np.abs(numeric[wrong]))
    if not (certain.any() and slight.all()):
        return None
    return float(np.max(error[wrong])) / scale


def remark(gradient: Gradient, problem: Problem) -> str:
    """One line that calls it that; empty where it is not."""
    found = part(gradient)
    if found is None:
        return ""
    return (
        f"{gradient.name}: differs by a tiny constant, {found:.1e} of the gradient at every step: "
        f"{_cause(problem)}"
    )


def _cause(problem: Problem) -> str:
    """Which side has an eps, where the source of both can be read and only one has."""
    from gradcli.targets.source_tree import source_tree  # only a failing check needs it

    source = problem.source
    trees = [source_tree(side) for side in (source.forward, source.backward)] if source else []
    found = [list(_small_numbers(tree)) for tree in trees if tree is not None]
    if len(found) == 2 and found[0] and not found[1]:
        return f"an eps in forward ({found[0][0]}) that backward leaves out"
    if len(found) == 2 and found[1] and not found[0]:
        return f"an eps in backward ({found[1][0]}) that forward does not have"
    return "an eps in forward that backward leaves out (or the reverse), or a number with too few digits"


def _small_numbers(tree: ast.Module) -> Iterator[str]:
    """`1e-8` and the like, and what is called eps."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            if _SMALLEST_EPS <= node.value <= _LARGEST_EPS:
                yield f"{node.value:g}"
        elif isinstance(node, ast.Name) and node.id.lower() in ("eps", "epsilon", "_eps"):
            yield node.id
