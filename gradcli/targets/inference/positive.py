"""Arguments whose logarithm or root is taken as they are: a rate, a count, a variance is positive.

Where that of `1 - p` is taken as well, p is a probability.
"""

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gradcli.called_name import called_name
from gradcli.targets.inference.guess import Drawn, Guess
from gradcli.targets.source_tree import source_tree

_FUNCTIONS = ("log", "log2", "log10", "sqrt", "gammaln", "lgamma")


def by_logarithm(function: Callable[..., Any], names: Sequence[str]) -> set[str]:
    """The arguments that the code takes a logarithm, a root or a fractional power of."""
    tree = source_tree(function)
    if tree is None:
        return set()
    taken = [node.args[0] for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_one(node)]
    return {one.id for one in taken if isinstance(one, ast.Name) and one.id in names}


def by_complement(function: Callable[..., Any], names: Sequence[str]) -> set[str]:
    """The arguments that the code takes a logarithm of, and of what they lack to 1."""
    tree = source_tree(function)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_one(node)] if tree else []
    lacking = {ast.unparse(call.args[0]) for call in calls}
    positive = by_logarithm(function, names)
    return {name for name in positive if {f"1 - {name}", f"1.0 - {name}"} & lacking}


def of_positive(guesses: Sequence[tuple[int, Guess]]) -> list[tuple[int, Guess]]:
    """The same shapes of positive numbers."""
    return [
        (rank, replace(guess, kind="near1") if isinstance(guess, Drawn) and guess.kind == "normal" else guess)
        for rank, guess in guesses
    ]


def _is_one(node: ast.Call) -> bool:
    name = called_name(node)
    return name in _FUNCTIONS and len(node.args) == 1
