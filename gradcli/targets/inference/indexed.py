"""Lengths that the code itself says: `x[0]` and `x[1]`, `a, b, c = theta`, `c, h, w = x.shape`."""

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeGuard

from gradcli.targets.inference.guess import Drawn
from gradcli.targets.inference.passed_on import passed_on
from gradcli.targets.source_tree import source_tree


def by_indexing(function: Callable[..., Any], names: Sequence[str]) -> dict[str, Drawn]:
    """The arguments that are taken apart element by element, as vectors of that length; by a helper, if the
    function itself does not touch them."""
    tree = source_tree(function)
    if tree is None:
        return {}
    found: dict[str, Drawn] = {}
    for helper, given in passed_on(function):
        own = source_tree(helper)
        for parameter, name in given.items():
            lengths = set(_lengths(own, parameter)) if own is not None and name in names else set()
            lengths |= set(_lengths(tree, name))
            if 0 not in lengths and max(lengths, default=0) > 1:
                found[name] = Drawn((str(max(lengths)),))
    for name in names:
        lengths = set(_lengths(tree, name))
        if 0 not in lengths and max(lengths, default=0) > 1 and name not in found:
            found[name] = Drawn((str(max(lengths)),))
        columns = set(_columns(tree, name))
        if 0 not in columns and max(columns, default=0) > 1:
            found[name] = Drawn(("N", str(max(columns))))
    return found


def links(functions: Sequence[Callable[..., Any]], names: Sequence[str]) -> dict[str, tuple[str, int]]:
    """The arguments that index another one, with the axis: y is (scores, 1) in `scores[np.arange(n), y]`."""
    trees = [tree for function in functions if (tree := source_tree(function)) is not None]
    found: dict[str, tuple[str, int]] = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in names:
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            for axis, part in enumerate(parts):
                for name in _indexing(part, names):
                    found.setdefault(name, (node.value.id, axis))
    return found


def _indexing(part: ast.expr, names: Sequence[str]) -> Iterator[str]:
    """The arguments whose values a part of an index has: `y`, `y[t]`, `int(y[t])`, `y.astype(int)`."""
    while not isinstance(part, ast.Name):
        if isinstance(part, ast.Subscript | ast.Attribute):
            part = part.value
        elif isinstance(part, ast.Call):
            is_method = isinstance(part.func, ast.Attribute)
            part = part.func if is_method or not part.args else part.args[0]
        else:
            return
    if part.id in names:
        yield part.id


def by_unpacking(function: Callable[..., Any], names: Sequence[str]) -> dict[str, list[Drawn]]:
    """The arguments of three axes and more whose shape is taken apart, by the names that its lengths get.

    Windows may only fit where lengths are even: the second guess.
    """
    tree = source_tree(function)
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)] if tree else []
    found: dict[str, list[Drawn]] = {}
    for node in assigned:
        value, target = node.value, node.targets[0]
        if not (isinstance(value, ast.Attribute) and value.attr == "shape" and isinstance(target, ast.Tuple)):
            continue
        axes = [part.id for part in target.elts if isinstance(part, ast.Name)]
        if (
            isinstance(value.value, ast.Name)
            and value.value.id in names
            and len(axes) == len(target.elts) > 2
        ):
            axes = [f"axis{place}" if set(axis) == {"_"} else axis for place, axis in enumerate(axes)]
            even = tuple(f"2*{axis}" for axis in axes)
            found.setdefault(value.value.id, [Drawn(tuple(axes)), Drawn(even)])
    return found


def indices(function: Callable[..., Any], names: Sequence[str]) -> set[str]:
    """The arguments that something is indexed by: `scores[np.arange(n), y]`."""
    tree = source_tree(function)
    slices = [node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript)] if tree else []
    return {name for name in names if any(_is(node, name) for part in slices for node in ast.walk(part))}


def alone(function: Callable[..., Any], names: Sequence[str]) -> set[str]:
    """The arguments that are all of an index: `p[target]`, which may be of one element."""
    tree = source_tree(function)
    slices = [node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript)] if tree else []
    return {part.id for part in slices if isinstance(part, ast.Name) and part.id in names}


def _lengths(tree: ast.AST, name: str) -> Iterator[int]:
    """The least length that each use asks for; 0 where the use says that the length is open."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is(node.value, name):
            index = node.slice
            if isinstance(index, ast.Slice) and index.lower is not None and _is_whole(index.upper):
                yield int(ast.literal_eval(index.upper))  # `cam[1:3]` beside `cam[0]`
            else:
                yield int(ast.literal_eval(index)) + 1 if _is_whole(index) else 0
        elif isinstance(node, ast.Assign) and _is(node.value, name):
            yield from (len(target.elts) for target in node.targets if isinstance(target, ast.Tuple))


def _columns(tree: ast.AST, name: str) -> Iterator[int]:
    """As `_lengths`, of `boxes[:, 2]`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is(node.value, name):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else []
            column = parts[1] if len(parts) == 2 and isinstance(parts[0], ast.Slice) else None
            is_number = isinstance(column, ast.Constant) and isinstance(column.value, int)
            yield int(ast.literal_eval(column)) + 1 if column is not None and is_number else 0


def _is_whole(node: ast.expr | None) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
