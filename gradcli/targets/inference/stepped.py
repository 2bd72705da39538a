"""Lists of columns: what a recurrent forward goes through step by step, with each step right of a matrix."""

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gradcli.targets.inference.guess import Drawn, drawn
from gradcli.targets.source_tree import source_tree

COLUMNS: Drawn = drawn("T D 1")


def by_stepping(function: Callable[..., Any], names: Sequence[str]) -> set[str]:
    """The arguments that may be lists of columns: `for x in inputs: h = np.tanh(W @ x + U @ h + b)`."""
    tree = source_tree(function)
    if tree is None:
        return set()
    steps = {step: name for step, name in _steps(tree) if name in names}
    found = set()
    for right in _right_operands(tree):
        if isinstance(right, ast.Name) and right.id in steps:
            found.add(steps[right.id])
        elif isinstance(right, ast.Subscript) and isinstance(right.slice, ast.Name):
            found |= {name for name in names if _is(right.value, name)}
    return found


def _steps(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(x, inputs) of `for x in inputs`, `for t, x in enumerate(inputs)`, `x = inputs[t]`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.For):
            target, over = node.target, node.iter
            if isinstance(over, ast.Call) and _is(over.func, "enumerate") and isinstance(target, ast.Tuple):
                target, over = target.elts[-1], over.args[0]
            if isinstance(target, ast.Name) and isinstance(over, ast.Name):
                yield target.id, over.id
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
            target, held = node.targets[0], node.value.value
            is_step = isinstance(node.value.slice, ast.Name)
            if is_step and isinstance(target, ast.Name) and isinstance(held, ast.Name):
                yield target.id, held.id


def _right_operands(tree: ast.AST) -> Iterator[ast.expr]:
    """x of `W @ x`, `np.dot(W, x)` and `W.dot(x)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            yield node.right
        elif isinstance(node, ast.Call) and _is_product(node):
            yield node.args[-1]


def _is_product(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in ("dot", "matmul") and bool(call.args)


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
