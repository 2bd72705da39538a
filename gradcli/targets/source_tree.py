"""The syntax tree of a user's function."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from gradcli.targets.decorated import behind
from gradcli.targets.remembered import remembered


def source_tree(function: Callable[..., Any]) -> ast.Module | None:
    """The tree of what is written for a function, not to be changed; None if that cannot be had.

    It cannot for a builtin, a lambda amid an expression, and a function made by exec. What stands for several
    functions names the others in `__also__`.
    """
    tree = _own_tree(function)
    others = [other for one in getattr(function, "__also__", ()) if (other := _own_tree(one)) is not None]
    if tree is None or not others:
        return tree
    return ast.Module([*tree.body, *(node for other in others for node in other.body)], [])


@remembered
def _own_tree(function: Callable[..., Any]) -> ast.Module | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(behind(inspect.unwrap(function)))))
    except (OSError, TypeError, ValueError, SyntaxError, RecursionError):
        return None
