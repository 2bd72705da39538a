"""Costs of a single feature: `w * x[i] + b`, with no product of matrices, is a line through points."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gradcli.targets.inference.guess import Guess, drawn
from gradcli.targets.labels import LABEL
from gradcli.targets.source_tree import source_tree

_SLOPE = re.compile(r"w|weights?|m|slope|a|w_?1|theta_?1", re.IGNORECASE)
_INTERCEPT = re.compile(r"b|bias|intercept|c|w_?0|theta_?0", re.IGNORECASE)
_PRODUCTS = frozenset(("dot", "matmul", "inner", "outer", "einsum", "T", "transpose", "vdot", "tensordot"))
_TOTALS = frozenset(("sum", "mean", "average"))
_NUMBER: tuple[Guess, ...] = (drawn(""),)
_POINTS: tuple[Guess, ...] = (drawn("N"),)


def by_one_feature(
    function: Callable[..., Any], gradient: Callable[..., Any], names: Sequence[str]
) -> dict[str, tuple[Guess, ...]]:
    """What points, slope and intercept are first of all, where a cost is that of a line; nothing elsewhere.

    The gradient must bring all samples together to one number: by a sum over everything, or in a loop.
    """
    trees = [tree for one in (function, gradient) if (tree := source_tree(one)) is not None]
    labels = [name for name in names if LABEL.fullmatch(name)]
    if len(trees) < 2 or len(labels) != 1 or any(map(_has_products, trees)) or not _totals(trees[1]):
        return {}
    rest = [name for name in names if name not in labels]
    slopes = [
        (slope, data) for slope, data in _multiplied(trees[0]) if {slope, data} <= {*rest} and slope != data
    ]
    if len({*slopes}) != 1:
        return {}
    slope, data = slopes[0]
    intercepts = [n for n in rest if _INTERCEPT.fullmatch(n) and n not in (slope, data)]
    return {data: _POINTS, labels[0]: _POINTS} | dict.fromkeys([slope, *intercepts], _NUMBER)


def _multiplied(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """`w` and `x` of `w * x`, of `w * x[i]` and the other way round."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for one, other in ((node.left, node.right), (node.right, node.left)):
                data = other.value if isinstance(other, ast.Subscript) else other
                if isinstance(one, ast.Name) and _SLOPE.fullmatch(one.id) and isinstance(data, ast.Name):
                    yield one.id, data.id


def _has_products(tree: ast.AST) -> bool:
    return any(
        isinstance(node, ast.MatMult) or (isinstance(node, ast.Attribute) and node.attr in _PRODUCTS)
        for node in ast.walk(tree)
    )


def _totals(tree: ast.AST) -> bool:
    """Whether something is summed over everything, or added up in a loop."""
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While)]
    if any(isinstance(node, ast.AugAssign) for loop in loops for node in ast.walk(loop)):
        return True
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    totals = [call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) in _TOTALS]
    return bool(totals) and not any(call.keywords or len(call.args) > 1 for call in totals)
