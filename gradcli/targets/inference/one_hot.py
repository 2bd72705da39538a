"""Labels that a cross-entropy multiplies with logarithms: each row is a class, not a number."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gradcli.called_name import called_name
from gradcli.targets.inference.guess import Drawn, Guess
from gradcli.targets.inference.passed_on import passed_on
from gradcli.targets.labels import LABEL
from gradcli.targets.source_tree import source_tree

_CLASSES = re.compile(r"soft_?max|cross_?entropy|logsumexp|one_?hot|\bnll_?loss", re.IGNORECASE)

# What makes classes in one-hot form of their numbers, or counts them.
_OF_NUMBERS = re.compile(r"\w*one_?hot\w*|to_?categorical|get_dummies|unique|bincount|max", re.IGNORECASE)


def by_classes(
    functions: Sequence[Callable[..., Any]], symbols: Sequence[str], names: Sequence[str]
) -> set[str]:
    """The arguments that are classes in one-hot form.

    They are called like labels in code that speaks of a softmax or is called so, or are multiplied with a
    logarithm, and serve neither as an index nor, in `1 - y`, as a probability of one of two.
    """
    trees = [tree for function in functions if (tree := source_tree(function)) is not None]
    labels = {name for name in names if LABEL.fullmatch(name)}
    if not any(map(_CLASSES.search, (*symbols, *map(ast.unparse, trees)))):
        labels &= {name for tree in trees for name in _times_logarithm(tree)}
    otherwise = {name for tree in trees for name in _used_otherwise(tree)}
    otherwise |= {name for function in functions for name in _used_otherwise_by_helpers(function)}
    otherwise |= {source for tree in trees for name, source in _reshaped(tree) if name in otherwise}
    return labels - otherwise


def by_numbers(functions: Sequence[Callable[..., Any]], names: Sequence[str]) -> set[str]:
    """The labels that the code makes one-hot or counts: numbers of several classes."""
    trees = [tree for function in functions if (tree := source_tree(function)) is not None]
    calls = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))
    taken = {one.id for call in calls for one in _takes_numbers(call) if isinstance(one, ast.Name)}
    return {name for name in names if LABEL.fullmatch(name)} & taken


def of_several(guesses: Sequence[Guess]) -> list[Guess]:
    """Where labels are classes, a last layer of one output comes after those of several."""
    return sorted(guesses, key=_is_of_one_output)


def _is_of_one_output(guess: Guess) -> bool:
    """Whether it is a layer's weight with a single row or column, or a single bias."""
    if not isinstance(guess, Drawn) or "1" not in guess.axes:
        return False
    return set(guess.axes) == {"1"} or guess.kind == "small"


def _times_logarithm(tree: ast.AST) -> Iterator[str]:
    """`Y` of `Y * np.log(P)`, `-Y * np.log(P)` and `Y * log_probs`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            sides = [
                side.operand if isinstance(side, ast.UnaryOp) else side for side in (node.left, node.right)
            ]
            if any(map(_is_logarithm, sides)):
                yield from (side.id for side in sides if isinstance(side, ast.Name))


def _is_logarithm(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id.startswith("log_")
    if not isinstance(node, ast.Call):
        return False
    name = called_name(node)
    return name == "log"


def _used_otherwise(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and not _is_class_of(node.slice):
            yield from _names(node.slice)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            yield from _names(node.right) if isinstance(node.left, ast.Constant) else ()
        elif isinstance(node, ast.Call) and (takes := _takes_numbers(node)):
            yield from (argument.id for argument in takes if isinstance(argument, ast.Name))


def _used_otherwise_by_helpers(function: Callable[..., Any]) -> Iterator[str]:
    """`y` of `softmax_loss(scores, y)`, where that indexes by its own."""
    for helper, given in passed_on(function):
        tree = source_tree(helper)
        used = set(_used_otherwise(tree)) if tree is not None else set()
        yield from (name for parameter, name in given.items() if parameter in used)


def _takes_numbers(call: ast.Call) -> list[ast.expr]:
    """What a call takes for the numbers of classes: `one_hot(y)`, `np.unique(y)`, `y.max()`."""
    name = called_name(call)
    if _OF_NUMBERS.fullmatch(name) is None:
        return []
    return call.args or ([call.func.value] if isinstance(call.func, ast.Attribute) else [])


def _is_class_of(index: ast.expr) -> bool:
    """`weights[np.argmax(y, axis=1)]`: the class that one-hot labels are of is an index, they are none."""
    return isinstance(index, ast.Call) and getattr(index.func, "attr", "") == "argmax"


def _reshaped(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """`flat, y` of `flat = y.reshape(-1)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
                value = value.func.value
            if isinstance(value, ast.Name):
                yield node.targets[0].id, value.id


def _names(tree: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
