"""Names for what forward keeps, so that a dump can be read.

A NamedTuple, a dict, a dataclass or an object knows its names; those of a plain tuple are read off forward's
source (`cache = (x, gamma, mu)`, `return out, (x, w)`). Nothing here fails: a cache may be anything, and a
name that cannot be found is `cache0`.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.targets.backward_call import Kept
from gradcli.targets.source_tree import source_tree
from gradcli.unused import unused

_MAX_DEPTH = 8
_MAX_ARRAYS = 10_000
_LEAVES = np.ndarray | np.generic | bool | int | float | complex


def name_cache(forward: Callable[..., Any]) -> Callable[[Any], dict[str, Array]]:
    """A function from what forward kept to its numeric arrays by name; nested names are joined by dots."""
    from_source = _SourceNames(forward)

    def named(saved: Any) -> dict[str, Array]:
        cache = (saved.cache if saved.returned else None) if isinstance(saved, Kept) else saved
        found: dict[str, Array] = {}
        for path, value in _leaves(_first_level(cache, from_source), (), {id(cache)}):
            if len(found) >= _MAX_ARRAYS:
                break
            array = _numeric(value)
            if array is not None:
                found[unused(".".join(path), found)] = array
        return found

    return named


def _first_level(cache: Any, from_source: "_SourceNames") -> list[tuple[str, Any]]:
    children = _children(cache)
    if children is None:
        return [(from_source.whole or "cache", cache)]
    if _is_plain_series(cache):
        names = from_source.of_tuple(len(children)) or [f"cache{place}" for place in range(len(children))]
        return [(name, value) for name, (_, value) in zip(names, children, strict=True)]
    return children


def _leaves(
    children: list[tuple[str, Any]], path: tuple[str, ...], seen: set[int]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in children:
        deeper = _children(value) if len(path) < _MAX_DEPTH else []
        if deeper is None:
            yield (*path, name), value
        elif id(value) not in seen:  # an object that holds itself is walked once
            yield from _leaves(deeper, (*path, name), seen | {id(value)})


def _children(value: Any) -> list[tuple[str, Any]] | None:
    """What a container holds, by name; None for a leaf."""
    try:
        if value is None or isinstance(value, _LEAVES | str | bytes | type) or callable(value):
            return None
        if isinstance(value, Mapping):
            return [(str(key), item) for key, item in value.items()]
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return list(zip(value._fields, value, strict=True))
        if isinstance(value, tuple | list):
            return [(str(place), item) for place, item in enumerate(value)]
        if hasattr(value, "__array__"):
            return None
        slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        names = [*vars(value)] if hasattr(value, "__dict__") else []
        return [
            (name, getattr(value, name)) for name in dict.fromkeys([*slots, *names]) if hasattr(value, name)
        ]
    except Exception:  # the user's object may do anything when it is looked at
        return None


def _is_plain_series(value: Any) -> bool:
    return isinstance(value, tuple | list) and not hasattr(value, "_fields")


def _numeric(value: Any) -> Array | None:
    try:
        if isinstance(value, _LEAVES) or (hasattr(value, "__array__") and not isinstance(value, type)):
            array = np.asarray(value)
            return array if array.dtype.kind in "biufc" else None
    except Exception:  # as above
        pass
    return None


class _SourceNames:
    """The names that forward's last matching `return out, …` gives to what it keeps."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        self._returned = list(_returned_caches(forward))

    @property
    def whole(self) -> str | None:
        """The name of a cache that is a single array."""
        names = [node.id for node, _ in self._returned if isinstance(node, ast.Name)]
        return names[-1] if names else None

    def of_tuple(self, length: int) -> list[str] | None:
        """The names of a cache that is a tuple of this length."""
        for node, assigned in reversed(self._returned):
            source = assigned.get(node.id) if isinstance(node, ast.Name) else node
            if isinstance(source, ast.Tuple | ast.List) and len(source.elts) == length:
                return [_name_of(element) or f"cache{place}" for place, element in enumerate(source.elts)]
        return None


def _returned_caches(forward: Callable[..., Any]) -> Iterator[tuple[ast.expr, dict[str, ast.expr]]]:
    """Each expression that forward returns as its cache, with what its local names were assigned."""
    tree = source_tree(forward)
    if tree is None:
        return
    assigned: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            assigned |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1:
            rest = node.value.elts[1:]
            yield rest[0] if len(rest) == 1 else ast.Tuple(rest), assigned
            if len(rest) > 1:
                yield rest[-1], assigned  # (h, c, cache)


def _name_of(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None
