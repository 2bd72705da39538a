"""What a function passes its arguments on to: what a helper does with them is said of them too."""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any

from gradcli.targets.forward_call import argument_names
from gradcli.targets.source_tree import source_tree


def passed_on(function: Callable[..., Any]) -> Iterator[tuple[FunctionType, Mapping[str, str]]]:
    """The functions of the same file that a function calls with names, and for each parameter the name."""
    tree = source_tree(function)
    space = getattr(inspect.unwrap(function), "__globals__", {})
    for node in ast.walk(tree) if tree is not None else ():
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        helper = space.get(node.func.id)
        if isinstance(helper, FunctionType) and helper is not function:
            given = zip(argument_names(helper), node.args, strict=False)
            names = {name: value.id for name, value in given if isinstance(value, ast.Name)}
            if names:
                yield helper, names
