"""Arguments that the code transposes and that are called like a matrix: `Theta` in `X @ Theta.T`."""

import ast
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from gradcli.targets.inference.guess import Drawn, Guess
from gradcli.targets.source_tree import source_tree

_UNLIKELY = 4  # by how much a vector moves back


def by_transposing(function: Callable[..., Any], names: Collection[str]) -> set[str]:
    """The arguments that are matrices by their capital letter and by `.T`.

    NumPy transposes a vector to itself, and `x @ theta.T` of two vectors is a number: it runs, and means
    something else.
    """
    tree = source_tree(function)
    transposed = set() if tree is None else set(_transposed(tree))
    return {name for name in names if name in transposed and name[:1].isupper()}


def matrices_first(guesses: Sequence[tuple[int, Guess]]) -> list[tuple[int, Guess]]:
    """The guesses, of which vectors are less likely than they were."""
    return [
        (rank + _UNLIKELY if isinstance(guess, Drawn) and len(guess.axes) < 2 else rank, guess)
        for rank, guess in guesses
    ]


def transposes(functions: Sequence[Callable[..., Any]]) -> bool:
    """Whether a backward transposes anything, an attribute as well; functions: forward first."""
    trees = [tree for function in functions[1:] if (tree := source_tree(function)) is not None]
    return any(
        isinstance(node, ast.Attribute) and node.attr == "T" for tree in trees for node in ast.walk(tree)
    )


def _transposed(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "T" and isinstance(node.value, ast.Name):
            yield node.value.id
