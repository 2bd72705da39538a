"""The arrays within whatever a forward saved: looked at, copied, replaced, without knowing what it is."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any

import numpy as np

from gradcli.arrays import Array

_DEPTH = 8  # of nesting that is followed
_LEAVES = (str, bytes, int, float, complex, type, ModuleType, np.generic, np.random.Generator)


def arrays_within(saved: Any) -> list[Array]:
    """All arrays, in a fixed order."""
    found: list[Array] = []
    _walk(saved, found, set(), 0)
    return found


def _walk(value: Any, found: list[Array], seen: set[int], depth: int) -> None:
    if isinstance(value, np.ndarray):
        if value.dtype != object:
            found.append(value)
        return
    if value is None or isinstance(value, _LEAVES) or callable(value) or depth > _DEPTH or id(value) in seen:
        return
    seen.add(id(value))
    for child in _children(value):
        _walk(child, found, seen, depth + 1)


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        return iter(value.values())
    if isinstance(value, (tuple, list, set, frozenset)):
        return iter(value)
    if is_dataclass(value):
        return (getattr(value, field.name) for field in fields(value))
    return iter(list(vars(value).values()) if hasattr(value, "__dict__") else ())


def with_arrays(saved: Any, change: Callable[[Array], Array], depth: int = 0) -> Any:
    """The same structure with every array replaced by `change(array)`; the original stays as it is.

    Tuples, named tuples, lists, dicts and dataclasses are rebuilt; other objects are left alone, since a copy
    of them need not be what they are.
    """
    if isinstance(saved, np.ndarray):
        return change(saved)
    if depth > _DEPTH:
        return saved

    def inner(value: Any) -> Any:
        return with_arrays(value, change, depth + 1)

    if isinstance(saved, tuple) and hasattr(saved, "_make"):  # a named tuple
        return saved._make(map(inner, saved))
    if type(saved) in (tuple, list):
        return type(saved)(map(inner, saved))
    if type(saved) is dict:
        return {key: inner(value) for key, value in saved.items()}
    if is_dataclass(saved) and not isinstance(saved, type):
        copied = copy.copy(saved)
        for field in fields(saved):
            object.__setattr__(copied, field.name, inner(getattr(saved, field.name)))
        return copied
    return saved
