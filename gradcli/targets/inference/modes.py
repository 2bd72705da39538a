"""The words that an argument is compared with: `if activation == "relu"`, `mode in ("train", "test")`."""

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from gradcli.targets.source_tree import source_tree


def by_comparison(function: Callable[..., Any], names: Sequence[str]) -> dict[str, list[str]]:
    """The arguments that choose between ways to compute, with the words that function knows, in its order."""
    tree = source_tree(function)
    if tree is None:
        return {}
    return _by_name((name, word) for name, word in _compared(tree) if name in names)


def by_constructor(cls: type) -> dict[str, list[str]]:
    """The arguments of a constructor that choose between ways to compute: `self.kind = kind` and
    `if self.kind == "relu"`, with the words that the class knows."""
    tree = source_tree(cls)
    if tree is None:
        return {}
    kept = {
        node.targets[0].attr: node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Attribute)
        and isinstance(node.value, ast.Name)
    }
    return _by_name(
        (kept.get(compared.attr) if isinstance(compared, ast.Attribute) else None, word)
        for compared, word in _compared_options(tree)
    )


def by_option(functions: Sequence[Callable[..., Any]], name: str) -> dict[str, list[str]]:
    """The keys of an option dict `name` that choose between ways to compute, with the words that forward
    knows, if backward knows one of them: `mode = options["mode"]` and `if mode == "test"`."""
    back = source_tree(functions[1]) if len(functions) > 1 else None
    known = {word for _, word in _compared_options(back)} if back is not None else set()
    return {key: words for key, words in options_of(functions[0], name).items() if known.intersection(words)}


def options_of(forward: Callable[..., Any], name: str) -> dict[str, list[str]]:
    """The keys of an option dict `name` whose values are compared with words, and the words."""
    tree = source_tree(forward)
    if tree is None:
        return {}
    variables = dict(_taken_out(tree, name))
    return _by_name(
        (variables.get(compared.id) if isinstance(compared, ast.Name) else _key_of(compared, name), word)
        for compared, word in _compared_options(tree)
    )


def _by_name(pairs: Iterable[tuple[str | None, str]]) -> dict[str, list[str]]:
    """The words of each name, each once, in their order; what has no name is left out."""
    found: dict[str, dict[str, None]] = {}
    for name, word in pairs:
        if name is not None:
            found.setdefault(name, {})[word] = None
    return {name: list(words) for name, words in found.items()}


def _compared_options(tree: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """What is compared with a word."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.In):
            yield from ((_without_lower(node.left), word) for word in _words(node.comparators[0]))


def _taken_out(tree: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    """`mode`, `"mode"` of `mode = options["mode"]` and of `p, mode = options["p"], options["mode"]`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
        targets = target.elts if several and isinstance(target, ast.Tuple) else [target]
        values = value.elts if several and isinstance(value, ast.Tuple) else [value]
        for one, taken in zip(targets, values, strict=False):
            key = _key_of(taken, name) if isinstance(one, ast.Name) else None
            if isinstance(one, ast.Name) and key is not None:
                yield one.id, key


def _key_of(node: ast.expr, name: str) -> str | None:
    """The key of `options["mode"]` and `options.get("mode", "train")`."""
    if isinstance(node, ast.Subscript):
        held, key = node.value, node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if node.func.attr not in ("get", "pop", "setdefault"):
            return None
        held, key = node.func.value, node.args[0]
    else:
        return None
    is_key = isinstance(held, ast.Name) and held.id == name and isinstance(key, ast.Constant)
    return key.value if is_key and isinstance(key, ast.Constant) and isinstance(key.value, str) else None


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
