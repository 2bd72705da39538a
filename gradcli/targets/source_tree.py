"""The syntax tree of a user's function."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from gradcli.targets.decorated import behind


def source_tree(function: Callable[..., Any]) -> ast.Module | None:
    """The tree of what is written for a function; None if that cannot be had.

    It cannot for a builtin, a lambda amid an expression, and a function made by exec. What stands for several
    functions names the others in `__also__`.
    """
    tree = _own_tree(function)
    for other in getattr(function, "__also__", ()):
        if tree is not None:
            tree.body += getattr(_own_tree(other), "body", [])
    return tree


def _own_tree(function: Callable[..., Any]) -> ast.Module | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(behind(inspect.unwrap(function)))))
    except (OSError, TypeError, ValueError, SyntaxError, RecursionError):
        return None
