"""Objects that code asks for what it needs, `cfg.eps`, and keys of random numbers: made where that shows."""

import ast
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from gradcli.installed import is_installed
from gradcli.targets.advice import usual_constant
from gradcli.targets.forward_call import required_arguments
from gradcli.targets.inference.unguessable import is_plain
from gradcli.targets.source_tree import source_tree

_KEY = re.compile(r"(\w*_)?(key|rng|prng)(_key)?", re.IGNORECASE)


def settings_for(
    functions: Sequence[Callable[..., Any]], names: Collection[str], space: Mapping[str, Any]
) -> dict[str, tuple[Any, str]]:
    """The arguments among these that code asks for attributes alone, `cfg.eps`: (value, in words).

    An object of a class of the file that needs no arguments and has what is asked for; else numbers, where
    the names of all that is asked for say them. Keys of random numbers of JAX as well.
    """
    found: dict[str, tuple[Any, str]] = {}
    trees = [tree for function in functions if (tree := source_tree(function)) is not None]
    for name in names:
        if "jax" in sys.modules and any(name in _keys(tree) for tree in trees):
            found[name] = sys.modules["jax"].random.PRNGKey(0), f"{name} is jax.random.PRNGKey(0)"
            continue
        asked = {attribute for tree in trees for attribute in _asked_of(name, tree)}
        if all(map(is_plain, asked)) or any(name in _used_plainly(tree) for tree in trees):
            continue
        made = _made(asked, space) or _of_numbers(name, asked)
        if made is not None:
            value, told = made
            found[name] = value, f"{name} is {told}"
    return found


def _keys(tree: ast.AST) -> set[str]:
    """`key` of `jax.random.normal(key, shape)`."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    return {
        call.args[0].id
        for call in calls
        if isinstance(call.args[0], ast.Name)
        and _KEY.fullmatch(call.args[0].id)
        and isinstance(call.func, ast.Attribute)
    }


def _made(asked: Collection[str], space: Mapping[str, Any]) -> tuple[Any, str] | None:
    """An object of a class that has all these attributes without being told anything."""
    for name, cls in space.items():
        if isinstance(cls, type) and _is_users(cls) and not required_arguments(cls):
            try:
                made = cls()
            except Exception:  # it is not what it is for
                continue
            if all(hasattr(made, attribute) for attribute in asked):
                return made, f"{name}()"
    return None


def _is_users(cls: type) -> bool:
    """Whether a class is none of Python's own, nor of a package that is installed."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None) or ""
    return not is_installed(file) and cls.__module__.partition(".")[0] not in sys.stdlib_module_names


def _of_numbers(name: str, asked: Collection[str]) -> tuple[Any, str] | None:
    values = {attribute: usual_constant(attribute) for attribute in sorted(asked)}
    if any(value is None for value in values.values()):
        return None
    return SimpleNamespace(**values), f"made of {', '.join(f'{k}={v!r}' for k, v in values.items())}"


def _asked_of(name: str, tree: ast.AST) -> Iterator[str]:
    """The attributes that are read of an argument."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            yield node.attr


def _used_plainly(tree: ast.AST) -> set[str]:
    """The names that are computed with as they are, rather than asked for something or passed on."""
    plain = (ast.BinOp, ast.Subscript, ast.Compare, ast.UnaryOp)
    parts = [
        part for node in ast.walk(tree) if isinstance(node, plain) for part in ast.iter_child_nodes(node)
    ]
    return {part.id for part in parts if isinstance(part, ast.Name)}
