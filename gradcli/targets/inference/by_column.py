"""Samples in columns: `m = X.shape[1]`, and a sum that is divided by m."""

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gradcli.targets.inference.guess import Drawn, Guess, drawn
from gradcli.targets.source_tree import source_tree

_DATA: tuple[Guess, ...] = (drawn("D N"),)


def by_column(functions: Sequence[Callable[..., Any]], names: Sequence[str]) -> set[str]:
    """The arguments that have a column for each sample: their second length is what is divided by."""
    return {
        name
        for function in functions
        if (tree := source_tree(function)) is not None
        for name in _divided_by_columns(tree)
        if name in names
    }


def _divided_by_columns(tree: ast.AST) -> Iterator[str]:
    nodes = list(ast.walk(tree))
    divisors = [node.right for node in nodes if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)]
    counts = {part.id for one in divisors for part in ast.walk(one) if isinstance(part, ast.Name)}
    yield from (name for one in divisors for part in ast.walk(one) if (name := _second_length(part)))
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = _second_length(node.value)
            if name and node.targets[0].id in counts:
                yield name


def _second_length(node: ast.AST) -> str:
    """`X` of `X.shape[1]`."""
    is_second = (
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "shape"
        and isinstance(node.slice, ast.Constant)
        and node.slice.value == 1
    )
    return getattr(getattr(getattr(node, "value", None), "value", None), "id", "") if is_second else ""


def columns_first(guesses: Sequence[tuple[int, Guess]]) -> list[tuple[int, Guess]]:
    """The guesses behind those that have samples in columns; one-hot classes among them."""
    classes: list[Guess] = [
        one for _, one in guesses if isinstance(one, Drawn) and one.kind == "onehot_columns"
    ]
    first = classes or [*_DATA]
    rest = [guess for _, guess in guesses if guess not in first]
    return [*enumerate(first), *((len(first) + place, guess) for place, guess in enumerate(rest))]
