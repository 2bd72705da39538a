"""Costs of a single sample: `z = self.w @ x`, and a label beside it that is one number."""

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gradcli.targets.inference.guess import Guess, drawn
from gradcli.targets.labels import LABEL
from gradcli.targets.source_tree import source_tree

_REDUCES = frozenset(
    (
        "sum",
        "mean",
        "average",
        "nansum",
        "norm",
        "trace",
        "einsum",
        "outer",
        "len",
        "range",
        "shape",
        "reshape",
        "T",
    )
)
_OVER_SAMPLES = frozenset(("sum", "mean", "average", "len"))
_OF_ONE: tuple[Guess, ...] = (drawn("|int|2"), drawn(""))


def by_one_sample(
    function: Callable[..., Any], gradient: Callable[..., Any], names: Sequence[str]
) -> dict[str, tuple[Guess, ...]]:
    """What data and labels are first of all, where the code is about one sample; nothing where it is not.

    It is if weights that an object holds stand left of the data, if a product is all that makes a number
    of several, or if the gradient is an outer product of the data and something.
    """
    tree = source_tree(function)
    labels = [name for name in names if LABEL.fullmatch(name)]
    if tree is None or len(labels) != 1:
        return {}
    products = list(_products(tree))
    data = {n for left, right in products if _is_held(left) for n in _named(right, names)}
    if not data and not _reduces(tree, _REDUCES) and not _reduces(source_tree(gradient), _OVER_SAMPLES):
        data = {n for sides in products if any(map(_is_held, sides)) for s in sides for n in _named(s, names)}
    data = data or by_outer(gradient, names)
    data -= {*labels}
    return {labels[0]: _OF_ONE} | dict.fromkeys(data, (drawn("D"),)) if len(data) == 1 else {}


def by_outer(gradient: Callable[..., Any], names: Sequence[str]) -> set[str]:
    """The only argument that a gradient is the outer product of with something: `np.outer(x, dz)`."""
    tree = source_tree(gradient)
    known = {name.lower(): name for name in names}
    found = {
        known[side.id.lower()]
        for node in (ast.walk(tree) if tree is not None else ())
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "outer"
        for side in node.args
        if isinstance(side, ast.Name) and side.id.lower() in known
    }
    return found if len(found) == 1 else set()


def _products(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            yield node.left, node.right
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "dot":
            sides = [*node.args] if len(node.args) == 2 else [node.func.value, *node.args]
            yield sides[0], sides[-1]


def _is_held(node: ast.expr) -> bool:
    """`self.w`, called like a vector; `self.W` may be a matrix."""
    is_own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    return is_own and isinstance(node, ast.Attribute) and node.attr.islower()


def _named(node: ast.expr, names: Sequence[str]) -> Iterator[str]:
    if isinstance(node, ast.Name) and node.id in names:
        yield node.id


def _reduces(tree: ast.AST | None, words: frozenset[str]) -> bool:
    """Whether the code makes one number of several, or looks at how many there are."""
    nodes = list(ast.walk(tree)) if tree is not None else []
    called = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    called |= {node.id for node in nodes if isinstance(node, ast.Name)}
    return bool(called & words)
