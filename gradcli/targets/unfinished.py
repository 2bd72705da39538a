"""Classes that leave a part to their subclasses: `Module` calls an `updateOutput` that it does not have."""

import ast
from collections.abc import Iterator
from types import FunctionType
from typing import TypeGuard

from gradcli.targets.forward_call import required_arguments
from gradcli.targets.halves import is_promise
from gradcli.targets.source_tree import source_tree


def is_unfinished(cls: type) -> bool:
    """Whether methods call what the class does not define, or what its constructor has to be given."""
    trees = [tree for method in _methods(cls) if (tree := source_tree(method)) is not None]
    called = {name for tree in trees for name in _called(tree)}
    stored = {name: value for tree in trees for name, value in _stored(tree)}
    given = set(required_arguments(cls))
    left_open = {name for name in called if name not in stored and not _defines(cls, name)}
    handed_in = {name for name in called & stored.keys() if _names(stored[name]) in given}
    return bool(left_open or handed_in)


def _defines(cls: type, name: str) -> bool:
    found = getattr(cls, name, None)
    return found is not None and not (isinstance(found, FunctionType) and is_promise(found))


def _methods(cls: type) -> list[FunctionType]:
    return [value for kind in cls.__mro__ for value in vars(kind).values() if isinstance(value, FunctionType)]


def _called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_own(node.func):
            yield node.func.attr


def _stored(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from ((target.attr, node.value) for target in node.targets if _is_own(target))
        elif isinstance(node, ast.AnnAssign) and _is_own(node.target):
            yield node.target.attr, node.value


def _names(value: ast.expr | None) -> str | None:
    return value.id if isinstance(value, ast.Name) else None


def _is_own(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
