"""Which arguments a rule has a gradient for, as the `return` of its backward says: `return g * s, None`."""

import ast
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from gradcli.targets.source_tree import source_tree


def by_returned(backward: Callable[..., Any], arguments: Sequence[str]) -> tuple[set[str], set[str]]:
    """The arguments whose gradient is always written as None, and those for which something else is returned.

    arguments: in the order of the returned gradients. Where a tuple of another length is returned, or none,
    nothing is known of any.
    """
    returned = _returned(source_tree(backward), len(arguments))
    if not returned:
        return set(), set()
    none = {name for place, name in enumerate(arguments) if all(_is_none(parts[place]) for parts in returned)}
    some = {
        name
        for place, name in enumerate(arguments)
        if all(not isinstance(parts[place], ast.Constant | ast.Name) for parts in returned)
    }
    return none, some


def left_at_none(backward: Callable[..., Any], arguments: Sequence[str]) -> set[str]:
    """The arguments whose gradient is written as None, or a name that is bound to nothing but None."""
    tree = source_tree(backward)
    returned = _returned(tree, len(arguments))
    if tree is None or not returned:
        return set()
    binds = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and _is_stored(node)]
    to_none = [
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_none(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    idle = {name for name in to_none if to_none.count(name) == binds.count(name)}
    return {
        name
        for place, name in enumerate(arguments)
        if all(_is_none(parts[place]) or _is_one_of(parts[place], idle) for parts in returned)
    }


def returned_lengths(backward: Callable[..., Any]) -> set[int]:
    """How many gradients are returned, where they are written as a tuple."""
    tree = source_tree(backward)
    values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)] if tree else []
    is_written = all(
        isinstance(value, ast.Tuple) and not any(isinstance(part, ast.Starred) for part in value.elts)
        for value in values
    )
    return {len(_parts(value)) for value in values} if is_written else set()


def saved(forward: Callable[..., Any]) -> set[str]:
    """The names that `ctx.save_for_backward(x, W)` keeps: they are tensors."""
    tree = source_tree(forward)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree else []
    return {name for call in calls if _saves(call) for name in _names(call)}


def _returned(tree: ast.AST | None, length: int) -> list[list[ast.expr]]:
    """The parts of all that is returned; nothing where one has another length."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Return)] if tree else []
    parts = [_parts(node.value) for node in nodes]
    return parts if all(len(part) == length for part in parts) else []


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _is_one_of(node: ast.expr, names: Collection[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _parts(value: ast.expr | None) -> list[ast.expr]:
    return value.elts if isinstance(value, ast.Tuple) else [value or ast.Constant(None)]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _saves(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "save_for_backward"


def _names(call: ast.Call) -> Iterator[str]:
    return (node.id for node in ast.walk(call) if isinstance(node, ast.Name))
