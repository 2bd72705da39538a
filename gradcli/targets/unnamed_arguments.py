"""What a function needs of its `*args`: `x, w = args` and `args[0]` fail where nothing is in it."""

import ast
from collections.abc import Callable
from typing import Any

from gradcli.targets.source_tree import source_tree


def taken_apart(function: Callable[..., Any]) -> str:
    """The name of a function's `*args` where its elements are used one by one; "" otherwise."""
    tree = source_tree(function)
    head = tree.body[0] if tree is not None and tree.body else None
    if not isinstance(head, ast.FunctionDef) or head.args.vararg is None:
        return ""
    name = head.args.vararg.arg
    return name if any(_takes_apart(node, name) for node in ast.walk(head)) else ""


def nothing_known(of: str, name: str) -> str:
    """What to say of a function whose `*args` has nothing in it, and is taken apart."""
    return f"{of} takes *{name} apart, and nothing is known of what is in it"


def _takes_apart(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Assign):
        return _is(node.value, name) and any(_is_several(target) for target in node.targets)
    if isinstance(node, ast.Subscript):
        return _is(node.value, name) and not isinstance(node.slice, ast.Slice)
    return False


def _is_several(target: ast.expr) -> bool:
    return isinstance(target, ast.Tuple | ast.List) and any(
        not isinstance(part, ast.Starred) for part in target.elts
    )


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
