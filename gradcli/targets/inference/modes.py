"""The words that an argument is compared with: `if activation == "relu"`, `mode in ("train", "test")`."""

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gradcli.targets.source_tree import source_tree


def by_comparison(function: Callable[..., Any], names: Sequence[str]) -> dict[str, list[str]]:
    """The arguments that choose between ways to compute, with the words that function knows, in its order."""
    tree = source_tree(function)
    if tree is None:
        return {}
    found: dict[str, list[str]] = {}
    for name, word in _compared(tree):
        if name in names and word not in found.setdefault(name, []):
            found[name].append(word)
    return found


def _compared(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.In):
            sides = [_without_lower(node.left), node.comparators[0]]
            # `"seed" in options` is no choice by a word.
            for one, other in (sides, sides[::-1]) if isinstance(node.ops[0], ast.Eq) else (sides,):
                if isinstance(one, ast.Name):
                    yield from ((one.id, word) for word in _words(other))
        elif isinstance(node, ast.Match) and isinstance(node.subject, ast.Name):
            for part in (part for case in node.cases for part in ast.walk(case.pattern)):
                if isinstance(part, ast.MatchValue):
                    yield from ((node.subject.id, word) for word in _words(part.value))


def _without_lower(node: ast.expr) -> ast.expr:
    """`mode` of `mode.lower()`."""
    is_lower = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args
    return node.func.value if is_lower and node.func.attr == "lower" else node  # type: ignore[attr-defined]


def _words(node: ast.expr) -> Iterator[str]:
    for one in node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]:
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value
