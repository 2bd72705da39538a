"""Arguments that say which elements count: the `R` of `(X @ Theta.T - Y) * R`, zeros and ones."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from gradcli.targets.inference.guess import Drawn, Guess
from gradcli.targets.source_tree import source_tree

_CALLED = re.compile(r"R|rated|observed|indicators?|omega|valid")


def by_masking(function: Callable[..., Any], names: Sequence[str]) -> set[str]:
    """The arguments that are called like a mask, and used as nothing but a factor or in a comparison.

    Costs square them or do not: for zeros and ones that is the same.
    """
    tree = source_tree(function)
    called = {name for name in names if _CALLED.fullmatch(name)}
    if tree is None or not called:
        return set()
    uses = {name: sum(_is(node, name) for node in ast.walk(tree)) for name in called}
    masks = [*_factors(tree)]
    return {name for name in called if 0 < uses[name] == masks.count(name)}


def of_masks(guesses: Sequence[tuple[int, Guess]]) -> list[tuple[int, Guess]]:
    """The guesses with zeros and ones in the place of plain numbers."""
    return [
        (rank, replace(guess, kind="int", high="2") if isinstance(guess, Drawn) and guess.axes else guess)
        for rank, guess in guesses
    ]


def _factors(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        sides: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            sides = [node.left, node.right]
        elif isinstance(node, ast.Compare):
            sides = [node.left]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "multiply":
            sides = node.args
        yield from (side.id for side in sides if isinstance(side, ast.Name))


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
