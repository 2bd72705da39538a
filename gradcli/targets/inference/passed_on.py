"""What a function passes its arguments on to: what a helper does with them is said of them too."""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any

from gradcli.called_name import called_name
from gradcli.targets.forward_call import argument_names
from gradcli.targets.source_tree import source_tree


def passed_on(function: Callable[..., Any]) -> Iterator[tuple[FunctionType, Mapping[str, str]]]:
    """The functions of the same file, and methods of the same class, that a function calls with names, and
    for each parameter the name."""
    tree = source_tree(function)
    plain = inspect.unwrap(function)
    space = getattr(plain, "__globals__", {})
    owner = space.get(getattr(plain, "__qualname__", "").partition(".")[0])
    for node in ast.walk(tree) if tree is not None else ():
        if not isinstance(node, ast.Call):
            continue
        of_class = (
            isinstance(node.func, ast.Attribute) and isinstance(owner, type) and _is_self(node.func.value)
        )
        called = called_name(node)
        helper = getattr(owner, called, None) if of_class else None
        if isinstance(node.func, ast.Name):
            helper = space.get(called)
        if isinstance(helper, FunctionType) and helper is not plain:
            given = zip(argument_names(helper)[1 if of_class else 0 :], node.args, strict=False)
            names = {name: value.id for name, value in given if isinstance(value, ast.Name)}
            if names:
                yield helper, names


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"
