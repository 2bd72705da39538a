"""Arguments of a constructor that are lengths whatever they are called: `np.zeros((i, o))`, `randn(i, o)`."""

import ast
from collections.abc import Iterator
from inspect import unwrap

from gradcli.called_name import called_name
from gradcli.targets.remembered import remembered
from gradcli.targets.source_tree import source_tree

_SHAPE_FIRST = (
    "zeros",
    "ones",
    "empty",
    "full",
    "eye",
    "identity",
    "standard_normal",
    "random",
    "random_sample",
)
_ALL_LENGTHS = ("randn", "rand")
_DRAWS = ("normal", "uniform", "laplace", "randint", "integers")  # the shape comes last, in brackets


@remembered
def lengths_asked(cls: type) -> frozenset[str]:
    """The arguments of the constructor that stand for an axis of an array that it makes."""
    made = vars(cls).get("__init__") if isinstance(cls, type) else None
    tree = source_tree(unwrap(made)) if callable(made) else None
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call)) if tree is not None else ()
    return frozenset(name for call in calls for name in _lengths(call))


def _lengths(call: ast.Call) -> Iterator[str]:
    name = called_name(call)
    shapes: list[ast.expr] = [one.value for one in call.keywords if one.arg in ("size", "shape")]
    if name in _ALL_LENGTHS:
        shapes += call.args
    elif name in _SHAPE_FIRST:
        shapes += call.args[:1]
    elif name in _DRAWS:
        shapes += [one for one in call.args if isinstance(one, ast.Tuple | ast.List)]
    else:
        return
    for shape in shapes:
        axes = shape.elts if isinstance(shape, ast.Tuple | ast.List) else [shape]
        yield from (axis.id for axis in axes if isinstance(axis, ast.Name))
