"""Arguments that no flag can give, functions that the code calls and objects with methods of their own; and
matrices of which the code reads one half.
"""

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gradcli.called_name import called_name
from gradcli.targets.inference.passed_on import passed_on
from gradcli.targets.source_tree import source_tree

_PLAIN = (np.ndarray, np.generic, list, tuple, dict, set, str, int, float, complex, slice)


def unguessable(functions: Sequence[Callable[..., Any]], names: Sequence[str]) -> str | None:
    """Why the first of these arguments that is a function or an object cannot be given; None if none is."""
    for function in functions:
        for name, what in _told(function):
            if name in names:
                return (
                    f"{name} is {what}, which no flag can give: wrap it in a function or a class of the file "
                    f"that makes {name} itself, and check that"
                )
    return None


def half_read(forward: Callable[..., Any], names: Sequence[str]) -> str | None:
    """Why the first of these arguments of which forward reads one half is not guessed; None for none."""
    name = next((name for name in _halved(forward) if name in names), None)
    if name is None:
        return None
    return (
        f"no shape for {name}: cholesky reads one half of it, and a gradient may speak of that or of both. "
        f"Where backward speaks of that half, add: --input {name}=4x4:definite; else take the cholesky of "
        f"0.5 * ({name} + {name}.T)"
    )


def _halved(function: Callable[..., Any]) -> Iterator[str]:
    """The A of `cholesky(A)`, where it is the argument as it came."""
    tree = source_tree(function)
    nodes = list(ast.walk(tree)) if tree is not None else []
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in nodes:
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Name):
            called = called_name(node)
            if called == "cholesky" and node.args[0].id not in bound:
                yield node.args[0].id


def _told(function: Callable[..., Any]) -> Iterator[tuple[str, str]]:
    """As `_uses`, of a function and of what it passes its arguments on to."""
    tree = source_tree(function)
    if tree is None:
        return
    yield from _uses(tree)
    for helper, names in passed_on(function):
        own = source_tree(helper)
        uses = dict(_uses(own)) if own is not None else {}
        yield from ((name, uses[parameter]) for parameter, name in names.items() if parameter in uses)


def _uses(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Names that are called, and names of what has an attribute that no array has; `self.f` of `self.f = f`
    counts as f."""
    held = dict(_held(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := _name(node.func, held)) is not None:
            yield name, f"a function ({name}(…) is called)"
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and not is_plain(node.attr):
            name = _name(node.value, held)
            if name is not None:
                yield name, f"an object ({name}.{node.attr} is used)"


def _held(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            target = node.targets[0]
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                yield target.attr, node.value.id


def _name(node: ast.expr, held: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    is_own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    return held.get(node.attr) if is_own and isinstance(node, ast.Attribute) else None


def is_plain(attribute: str) -> bool:
    """Whether arrays, tensors or what Python itself has have such an attribute."""
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    kinds = (*_PLAIN, *((torch.Tensor,) if torch else ()), *((jax.Array,) if jax else ()))
    return attribute == "at" or any(hasattr(kind, attribute) for kind in kinds)
