"""Lengths that code is written for: `np.eye(10)`, `reshape(-1, 784)`."""

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gradcli.called_name import called_name
from gradcli.targets.source_tree import source_tree

_MOST = 1024  # more elements than a check need look at
_MAKES = ("eye", "identity", "reshape", "one_hot")


def lengths_written(functions: Sequence[Callable[..., Any]]) -> list[int]:
    """The integers that functions make arrays of classes and of rows with, in order, each once."""
    return list(dict.fromkeys(length for function in functions for length in _of(function)))


def _of(function: Callable[..., Any]) -> Iterator[int]:
    tree = source_tree(function)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Call):
            name = called_name(node)
            parts = [*node.args, *(word.value for word in node.keywords)] if name in _MAKES else []
            values = (part.value for one in parts for part in ast.walk(one) if isinstance(part, ast.Constant))
            yield from (value for value in values if type(value) is int and 1 < value <= _MOST)
