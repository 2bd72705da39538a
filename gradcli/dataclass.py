"""Frozen dataclasses that are made fast: every check makes some fifty of them before it begins.

The standard decorator compiles six methods for each class, though only `__init__` differs between classes:
a tenth of the whole time of a short check. Here the other five are shared. Modules that a check does not
load by itself use the standard decorator.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # whoever reads types sees the standard one
else:

    def dataclass(*, frozen: bool, eq: bool = True) -> Callable[[type], type]:
        """As `dataclasses.dataclass` with these arguments; `frozen` must be True."""
        assert frozen

        def decorate(cls: type) -> type:
            made = dataclasses.dataclass(repr=False, eq=False)(cls)
            made.__repr__ = _repr
            made.__setattr__ = _set_once
            made.__delattr__ = _delete
            if eq:
                made.__eq__ = _equal
                made.__hash__ = _hash
            return made

        return decorate


def _values(self: Any) -> tuple[object, ...]:
    return tuple(getattr(self, name) for name in self.__dataclass_fields__)


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__dataclass_fields__)
    return f"{type(self).__qualname__}({shown})"


def _equal(self: Any, other: object) -> bool:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _set_once(self: Any, name: str, value: object) -> None:
    """`__init__` sets each field, nobody else any attribute."""
    if name in self.__dict__ or name not in self.__dataclass_fields__:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    self.__dict__[name] = value


def _delete(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
