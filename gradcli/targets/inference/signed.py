"""Labels that are -1 or 1: `1 - y * score`, `y * score < 1`, `exp(-y * score)`."""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from gradcli.called_name import called_name
from gradcli.targets.inference.guess import Drawn, Guess
from gradcli.targets.labels import LABEL
from gradcli.targets.source_tree import source_tree

_UNLIKELY = 3
_PRODUCTS = ("multiply", "dot", "matmul", "mul")
_MADE = ("exp", "logaddexp", "log1pexp", "softplus", "sigmoid")


def by_margin(functions: Sequence[Callable[..., Any]], names: Sequence[str]) -> set[str]:
    """The arguments that are called like labels and make a margin: a score times its label."""
    trees = [tree for function in functions if (tree := source_tree(function)) is not None]
    labels = {name for name in names if LABEL.fullmatch(name)}
    found = {name for tree in trees for name in labels if _makes_margin(tree, name)}
    return found - {name for tree in trees for name in _otherwise(tree)}


def of_signs(guesses: Sequence[tuple[int, Guess]]) -> list[tuple[int, Guess]]:
    """The same shapes, of signs, vectors first: a label for each sample."""
    found: dict[Guess, int] = {}
    for rank, guess in guesses:
        if isinstance(guess, Drawn):
            one = replace(guess, kind="sign", high="2")
            found.setdefault(one, rank + _UNLIKELY * (len(one.axes) > 1))
    return [(rank, guess) for guess, rank in sorted(found.items(), key=lambda pair: pair[1])]


def _makes_margin(tree: ast.AST, label: str) -> bool:
    margins = {
        node.targets[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and _is_margin(node.value, label, set())
    }
    return any(_takes_margin(node, label, margins) for node in ast.walk(tree))


def _takes_margin(node: ast.AST, label: str, margins: set[str]) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        return _is_one(node.left) and _is_margin(node.right, label, margins)
    if isinstance(node, ast.Compare):
        return _is_margin(node.left, label, margins) and _is_one(node.comparators[0])
    if isinstance(node, ast.Call) and called_name(node) in _MADE:
        within = (part for argument in node.args for part in ast.walk(argument) if isinstance(part, ast.expr))
        return any(_is_negated_margin(part, label, margins) for part in within)
    return False


def _is_negated_margin(node: ast.expr, label: str, margins: set[str]) -> bool:
    """`-y * s`, `-(y * s)`, `-margin`, `-1 * y * s`."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _is_margin(node.operand, label, margins)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left = node.left
        negative = isinstance(left, ast.UnaryOp) and isinstance(left.op, ast.USub)
        return (negative and _is_label(left.operand, label)) or _is_negated_margin(left, label, margins)  # type: ignore[attr-defined]
    return False


def _is_margin(node: ast.expr, label: str, margins: set[str]) -> bool:
    """`y * s`, `np.multiply(y, s)`, `y[i] * s`, or a name that holds one."""
    if isinstance(node, ast.Name):
        return node.id in margins
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.MatMult):
        sides = (node.left, node.right)
    elif isinstance(node, ast.Call) and called_name(node) in _PRODUCTS and len(node.args) == 2:
        sides = (node.args[0], node.args[1])
    else:
        return False
    return any(_is_label(side, label) for side in sides) or _is_margin(sides[0], label, margins)


def _is_label(node: ast.expr, label: str) -> bool:
    if isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id == label


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1


def _otherwise(tree: ast.AST) -> Iterator[str]:
    """What serves as an index, or is a probability in `1 - y`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            yield from (part.id for part in ast.walk(node.slice) if isinstance(part, ast.Name))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and _is_one(node.left):
            yield from (node.right.id,) if isinstance(node.right, ast.Name) else ()
