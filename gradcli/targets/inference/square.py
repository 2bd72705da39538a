"""Arguments that linear algebra takes as they are: what is inverted is square."""

import ast
from collections.abc import Callable, Collection, Sequence
from typing import Any

from gradcli.targets.inference.guess import Drawn, Guess, drawn
from gradcli.targets.source_tree import source_tree

# Not `eigh` or `cholesky`: they read one half of a matrix, and a gradient may speak of both.
_SQUARE = ("inv", "det", "slogdet", "logdet", "trace", "matrix_power", "expm", "logm", "solve", "lu_factor")


def by_linear_algebra(function: Callable[..., Any], names: Collection[str]) -> dict[str, Drawn]:
    """The arguments that are matrices of as many rows as columns."""
    tree = source_tree(function)
    found: dict[str, Drawn] = {}
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Name):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if node.args[0].id in names and called in _SQUARE:
                found[node.args[0].id] = Drawn(("D", "D"))
    return found


def square_first(guesses: Sequence[tuple[int, Guess]], square: Drawn) -> list[tuple[int, Guess]]:
    """The guesses behind that of a square matrix."""
    return [(0, square), *((rank + 1, guess) for rank, guess in guesses if guess != drawn("D D"))]
