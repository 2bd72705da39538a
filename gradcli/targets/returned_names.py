"""What a function calls the things that it returns: `loss, dW` of `return loss, dW`."""

import ast
from collections.abc import Callable, Iterator
from typing import Any

from gradcli.targets.remembered import remembered
from gradcli.targets.source_tree import source_tree

_LIBRARIES = ("np", "numpy", "jnp", "torch", "cp")


@remembered
def returned_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names in the last `return` of two or more values, "" for a value without one; () for none."""
    tree = source_tree(function)
    if tree is None:
        return ()
    found: tuple[str, ...] = ()
    for node in own_nodes(tree.body[0]):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1:
            found = tuple(map(_name_or_names, node.value.elts))
    return found


@remembered
def names_in_brackets(function: Callable[..., Any]) -> tuple[tuple[str, ...], ...]:
    """Beside `returned_names` those of what stands in brackets of its own: (du, dv) of `loss, (du, dv)`;
    () for what is no tuple or list.
    """
    tree = source_tree(function)
    found: tuple[tuple[str, ...], ...] = ()
    for node in own_nodes(tree.body[0]) if tree is not None else ():
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1:
            found = tuple(map(_names_within, node.value.elts))
    return found


def _names_within(node: ast.expr) -> tuple[str, ...]:
    return tuple(map(_name, node.elts)) if isinstance(node, ast.Tuple | ast.List) else ()


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function in order, without those of functions within it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from own_nodes(child)


def _name_or_names(node: ast.expr) -> str:
    """As `_name`; "grads" for gradients in brackets of their own: `loss, (du, dv)`."""
    if not isinstance(node, ast.Tuple | ast.List) or not node.elts:
        return _name(node)
    from gradcli.targets.cost_names import is_gradient  # many expressions to compile, and start-up counts

    return "grads" if all(is_gradient(_name(one)) for one in node.elts) else _name(node)


def _name(node: ast.expr) -> str:
    """`grad` of `grad`, `grad.ravel()`, `self.grad`, `grad / m`, `np.squeeze(grad)`; "" for anything else.

    What is joined of several has no name of its own: `np.concatenate([a, b])`, `np.r_[a, b]`.
    """
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and _is_library(node.func.value):
            return _first(node.args)
        return _name(node.func.value) if isinstance(node.func, ast.Attribute) else _first(node.args)
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.MatMult):
            return ""
        return _name(node.right if isinstance(node.left, ast.Constant) else node.left)
    if isinstance(node, ast.Subscript) and not _is_of_library(node.value):
        return _name(node.value)
    return ""


def _is_of_library(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and _is_library(node.value)


def _is_library(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in _LIBRARIES


def _first(arguments: list[ast.expr]) -> str:
    return _name(arguments[0]) if arguments else ""
