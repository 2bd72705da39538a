"""Arguments that are clipped just inside (0, 1): `np.clip(p, 1e-7, 1 - 1e-7)` makes p a probability."""

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gradcli.targets.forward_call import parameters_of
from gradcli.targets.source_tree import source_tree

_EPSILON = re.compile(r"_?eps(ilon)?\w*|tiny|_?EPS(ILON)?\w*")
_TYPICAL = 1e-7  # what something is taken for that is called an epsilon
_NEAR = 0.05  # an epsilon is smaller
_CLIPS = ("clip", "clamp", "clamp_min", "clamp_max")
_OPERATORS: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
}


def by_clipping(function: Callable[..., Any], names: Sequence[str]) -> set[str]:
    """The arguments that the code keeps off 0 or off 1 by a little; elsewhere it has no slope.

    A bound of exactly 0 or 1 says nothing: that is an activation.
    """
    tree = source_tree(function)
    if tree is None:
        return set()
    known = {p.name: p.default for p in parameters_of(function) or () if isinstance(p.default, float)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = _number(node.value, known)
            if value is not None:
                known[node.targets[0].id] = value
    return set(_between(tree, names)) | {
        name
        for name, bound in _clipped(tree)
        if name in names
        and (value := _number(bound, known)) is not None
        and (0 < value <= _NEAR or 1 - _NEAR <= value < 1)
    }


def _clipped(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names that are clipped, with each of the bounds."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        if node.func.attr in _CLIPS and isinstance(node.func.value, ast.Name) and len(arguments) < 3:
            arguments.insert(0, node.func.value)  # p.clip(low, high), p.clamp(min=low)
        if node.func.attr in (*_CLIPS, "maximum", "minimum"):
            for argument in arguments:
                part_of = argument.value if isinstance(argument, ast.Subscript) else argument  # q[mask]
                if isinstance(part_of, ast.Name):
                    yield from ((part_of.id, other) for other in arguments if other is not argument)


def _between(tree: ast.AST, names: Sequence[str]) -> Iterator[str]:
    """`p` of `np.clip(p, e, 1 - e)`, whatever e is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "clip" and len(node.args) == 3:
            argument, low, high = node.args
            rest = (f"1 - {ast.unparse(low)}", f"1.0 - {ast.unparse(low)}")
            if isinstance(argument, ast.Name) and argument.id in names and ast.unparse(high) in rest:
                yield argument.id


def _number(node: ast.expr, known: Mapping[str, float]) -> float | None:
    """A number that can be read off the code."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name | ast.Attribute):
        name = node.id if isinstance(node, ast.Name) else node.attr
        return known.get(name, _TYPICAL if _EPSILON.fullmatch(name) else None)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _number(node.operand, known)
        return None if value is None else -value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _number(node.left, known), _number(node.right, known)
        if left is not None and right is not None and abs(right) < 1e3:
            return _OPERATORS[type(node.op)](left, right)
    return None
