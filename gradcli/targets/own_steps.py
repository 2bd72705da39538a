"""Updates that a backward makes itself, by a rate that its object holds: `self.W -= self.lr * dW`."""

import ast
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from gradcli.targets.constructor import RATE, is_rate
from gradcli.targets.living import copied
from gradcli.targets.source_tree import source_tree


def with_long_steps(cls: type, made: Any) -> Any:
    """The object, or a copy with rates so large that a gradient can be read off its updates.

    A rate that is used for anything else (it decays, it is divided by a running mean) stays as it is.
    """
    held = {
        name for name, value in getattr(made, "__dict__", {}).items() if is_rate(name) and _is_number(value)
    }
    found = sorted(held & set(_rates(cls))) if held else []
    if found:
        made = copied(made, {})
    for name in found:
        setattr(made, name, RATE)
    return made


def _is_number(value: Any) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool)


def _rates(cls: type) -> Iterator[str]:
    """The attributes that methods make plain steps with, and that none uses otherwise."""
    steps: dict[str, int] = {}
    uses: dict[str, int] = {}
    for method in (m for kind in cls.__mro__ for m in vars(kind).values() if isinstance(m, FunctionType)):
        tree = source_tree(method)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and _is_own(node):
                uses[node.attr] = uses.get(node.attr, 0) + 1
            for rate in _in_step(node):
                steps[rate] = steps.get(rate, 0) + 1
    yield from (name for name, count in steps.items() if count == uses[name])


def _in_step(node: ast.AST) -> Iterator[str]:
    """`lr` of `self.W -= self.lr * dW` and of `self.W = self.W - self.lr * dW`."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Sub | ast.Add):
        yield from _factors(node.value)
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
        change = node.value
        if isinstance(change.op, ast.Sub | ast.Add) and ast.dump(change.left) in map(_as_read, node.targets):
            yield from _factors(change.right)


def _as_read(target: ast.expr) -> str:
    return ast.dump(target).replace("Store()", "Load()")


def _factors(value: ast.expr) -> Iterator[str]:
    """The attributes of the object itself among the factors of a product."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult | ast.MatMult):
        yield from (*_factors(value.left), *_factors(value.right))
    elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div):
        yield from _factors(value.left)
    elif isinstance(value, ast.Attribute) and _is_own(value):
        yield value.attr


def _is_own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "self"
