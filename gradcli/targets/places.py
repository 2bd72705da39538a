"""Places within an object: how to reach what it holds, in it and in any copy of it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

_DEPTH = 6
_LEAVES = (str, bytes, bool, int, float, complex, type, ModuleType, np.ndarray, np.generic)


@dataclass(frozen=True)
class Attribute:
    """`.name` of an object."""

    name: str

    def get(self, holder: Any) -> Any:
        return getattr(holder, self.name)

    def put(self, holder: Any, value: Any) -> None:
        setattr(holder, self.name, value)

    def __str__(self) -> str:
        return f".{self.name}"


@dataclass(frozen=True)
class Item:
    """`[key]` of a dict or a list."""

    key: Any

    def get(self, holder: Any) -> Any:
        return holder[self.key]

    def put(self, holder: Any, value: Any) -> None:
        holder[self.key] = value

    def __str__(self) -> str:
        return f"[{self.key!r}]"


Place = tuple[Attribute | Item, ...]


def at(holder: Any, place: Place) -> Any:
    """What is at a place, or None if the place is not there."""
    try:
        for step in place:
            holder = step.get(holder)
    except (KeyError, IndexError, AttributeError, TypeError):
        return None
    return holder


def write(holder: Any, place: Place, value: Any) -> None:
    """Put a value at a place that is there."""
    place[-1].put(at(holder, place[:-1]), value)


def written(place: Place) -> str:
    """`layers[0].W`."""
    return "".join(map(str, place)).removeprefix(".")


def holders(root: Any, last: Collection[str] = ()) -> Iterator[tuple[Place, Any]]:
    """The object itself and every object, dict and list in it, each once, the nearest first.

    last: attributes whose contents come after all others, and not at all if they stand elsewhere too.
    """
    seen: set[int] = set()
    postponed: list[tuple[Place, Any]] = []
    yield from _below([((), root)], seen, last, postponed)
    yield from _below(postponed, seen, (), [])


def _below(
    level: list[tuple[Place, Any]],
    seen: set[int],
    last: Collection[str],
    postponed: list[tuple[Place, Any]],
) -> Iterator[tuple[Place, Any]]:
    for _ in range(_DEPTH):
        below: list[tuple[Place, Any]] = []
        for place, holder in level:
            if id(holder) in seen:
                continue
            seen.add(id(holder))
            yield place, holder
            for step, value in entries(holder):
                if _holds(value):
                    is_last = isinstance(step, Attribute) and step.name in last
                    (postponed if is_last else below).append(((*place, step), value))
        level = below


def entries(holder: Any) -> list[tuple[Attribute | Item, Any]]:
    """What a holder holds, by step."""
    if isinstance(holder, dict):
        return [(Item(key), value) for key, value in holder.items()]
    if isinstance(holder, list | tuple):
        return [(Item(place), value) for place, value in enumerate(holder)]
    return [(Attribute(name), value) for name, value in attributes(holder).items()]


def attributes(holder: Any) -> dict[str, Any]:
    """The attributes of an object's own, those in `__slots__` among them."""
    slots = [name for kind in type(holder).__mro__ for name in _slots(kind)]
    found = {name: getattr(holder, name) for name in slots if hasattr(holder, name)}
    return found | (dict(vars(holder)) if hasattr(holder, "__dict__") else {})


def _slots(kind: type) -> list[str]:
    names = vars(kind).get("__slots__", ())
    return [names] if isinstance(names, str) else list(names)


def _holds(value: Any) -> bool:
    if value is None or isinstance(value, _LEAVES) or (callable(value) and not hasattr(value, "__dict__")):
        return False
    return isinstance(value, dict | list | tuple) or _is_made_by_users(value)


def _is_made_by_users(value: Any) -> bool:
    module = type(value).__module__.partition(".")[0]
    return module not in ("builtins", "numpy", "random", "functools", "collections") and not isinstance(
        value, type
    )
