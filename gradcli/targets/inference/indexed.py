"""Lengths that the code itself says: `x[0]` and `x[1]`, `a, b, c = theta`, `c, h, w = x.shape`."""

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gradcli.targets.inference.guess import Drawn
from gradcli.targets.source_tree import source_tree


def by_indexing(function: Callable[..., Any], names: Sequence[str]) -> dict[str, Drawn]:
    """The arguments that are taken apart element by element, as vectors of that length."""
    tree = source_tree(function)
    if tree is None:
        return {}
    found = {}
    for name in names:
        lengths = set(_lengths(tree, name))
        if 0 not in lengths and max(lengths, default=0) > 1:
            found[name] = Drawn((str(max(lengths)),))
    return found


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


def _lengths(tree: ast.AST, name: str) -> Iterator[int]:
    """The least length that each use asks for; 0 where the use says that the length is open."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is(node.value, name):
            index = node.slice
            is_number = isinstance(index, ast.Constant) and isinstance(index.value, int)
            yield int(ast.literal_eval(index)) + 1 if is_number else 0
        elif isinstance(node, ast.Assign) and _is(node.value, name):
            yield from (len(target.elts) for target in node.targets if isinstance(target, ast.Tuple))


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
