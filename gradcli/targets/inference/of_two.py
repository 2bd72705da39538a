"""Labels of which there are two: `1 - y` in code that takes a logarithm says that y is 0 or 1."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from gradcli.targets.inference.guess import Drawn, Guess, drawn
from gradcli.targets.labels import LABEL
from gradcli.targets.source_tree import source_tree

_LOGARITHM = re.compile(r"log(1p|addexp|2|10)?|binary_cross_entropy|xlogy|xlog1py")
_ALIKE = drawn("N D|int|2")  # one for each of several predictions


def by_two(functions: Sequence[Callable[..., Any]], names: Sequence[str]) -> set[str]:
    """The arguments that are called like labels and are 0 or 1."""
    trees = [tree for function in functions if (tree := source_tree(function)) is not None]
    found = {name for tree in trees if _takes_logarithm(tree) for name in _complements(tree)}
    return {name for name in names if name in found and LABEL.fullmatch(name)}


def of_two(guesses: Sequence[tuple[int, Guess]]) -> list[tuple[int, Guess]]:
    """The guesses with zeros and ones in the place of other integers; the likeliest shapes are kept first."""
    likely: list[Guess] = []
    for _, guess in guesses:
        is_label = isinstance(guess, Drawn) and guess.kind == "int"
        found = replace(guess, high="2") if is_label and isinstance(guess, Drawn) else guess
        likely += [found] if found not in likely else []
    likely.insert(1, _ALIKE)
    return [*enumerate(likely)]


def _takes_logarithm(tree: ast.AST) -> bool:
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = [f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in calls]
    return any(map(_LOGARITHM.fullmatch, names))


def _complements(tree: ast.AST) -> Iterator[str]:
    """`y` of `1 - y` and of `np.subtract(1, y)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            first, second = node.left, node.right
        elif (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", "") == "subtract"
            and len(node.args) == 2
        ):
            first, second = node.args
        else:
            continue
        if isinstance(first, ast.Constant) and first.value == 1 and isinstance(second, ast.Name):
            yield second.id
