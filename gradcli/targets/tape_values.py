"""The values that a tape engine makes on its way: seen as its class makes them, and moved there."""

import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.problem import Taped
from gradcli.targets.tape_engine import Engine
from gradcli.targets.tape_writes import Writes

# What is called like that makes values on behalf of an operation.
_PASSES_ON = (
    "__init__", "__new__", "__call__", "apply", "call", "forward", "wrapper", "wrapped", "inner", "decorated",
    "run", "<lambda>", "<genexpr>", "<listcomp>",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Made:
    """A value as it was made."""

    value: Any
    name: str
    place: object
    file: str
    line: int


@dataclass(frozen=True, eq=False)
class TapeValues:
    """The values of one operation."""

    engine: Engine
    run: Callable[..., Any]
    arguments: tuple[str, ...]

    def read(self, inputs: Mapping[str, Array], cotangents: tuple[Array, ...]) -> list[Taped]:
        leaves, made, out = self._made(inputs)
        kept = [self.engine.read(one.value).copy() for one in made]
        writes, factor = self._pulled(leaves, made, out, cotangents)
        found = [
            Taped("", name, "", None, inputs[name], self._times(factor, writes.gradients[i]), *writes.told(i))
            for i, name in enumerate(self.arguments)
        ]
        for i, (one, value) in enumerate(zip(made, kept, strict=True), start=len(leaves)):
            gradient = self._times(factor, writes.gradients[i])
            found.append(Taped(one.name, one.place, one.file, one.line, value, gradient, *writes.told(i)))
        return found

    def flowing(self, inputs: Mapping[str, Array], cotangents: tuple[Array, ...]) -> set[tuple[str, int]]:
        return self._pulled(*self._made(inputs), cotangents)[0].flowing

    def _pulled(
        self, leaves: list[Any], made: list[_Made], out: Any, cotangents: tuple[Array, ...]
    ) -> tuple[Writes, Array | None]:
        """What backward writes, and by what it is to be multiplied."""
        writes = Writes(self.engine, [*leaves, *(one.value for one in made)], out)
        with writes.watched():
            factor = self.engine.pull(out, cotangents[0])
        return writes, factor

    def moved(self, inputs: Mapping[str, Array], number: int, value: Array) -> tuple[Array, ...]:
        if value.dtype.kind == "c":
            raise TypeError("a tape is moved in real numbers")
        left = number - len(self.arguments)
        held = float(value) if self.engine.scalar else np.array(value)
        made: list[Any] = []

        def move(one: Any, _: FrameType | None) -> None:
            nonlocal left
            left -= 1
            if left == -1:
                setattr(one, self.engine.data, held)
                made.append(one)

        leaves = self._leaves(inputs)
        with _noticing(self.engine.cls, move):
            out = self.run(*leaves)
        if not np.array_equal(self.engine.read(made[0]), value):
            raise ValueError("the value does not stay where it is put")
        return (self.engine.read(out),)

    def _times(self, factor: Array | None, gradient: Array | None) -> Array | None:
        return gradient if factor is None or gradient is None else gradient * factor

    def _leaves(self, inputs: Mapping[str, Array]) -> list[Any]:
        self.engine.rewind()
        return [self.engine.wrap(inputs[name]) for name in self.arguments]

    def _made(self, inputs: Mapping[str, Array]) -> tuple[list[Any], list[_Made], Any]:
        """The leaves, what is made of them in order of time, and the output."""
        leaves = self._leaves(inputs)
        made: list[_Made] = []

        def note(value: Any, frame: FrameType | None) -> None:
            made.append(_Made(value, *_origin(frame, self.engine.cls)))

        with _noticing(self.engine.cls, note):
            out = self.run(*leaves)
        return leaves, made, out


@contextmanager
def _noticing(cls: type, note: Callable[[Any, FrameType | None], None]) -> Iterator[None]:
    """Be told of every value of a class once it is made."""
    own = vars(cls).get("__init__")
    original = cls.__init__  # type: ignore[misc]

    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        caller = sys._getframe(1)
        if caller.f_locals.get("self") is not self:  # the __init__ of a class that is derived from this one
            note(self, caller)

    cls.__init__ = init  # type: ignore[misc]
    try:
        yield
    finally:
        if own is None:
            del cls.__init__  # type: ignore[misc]
        else:
            cls.__init__ = own  # type: ignore[misc]


def _origin(frame: FrameType | None, cls: type) -> tuple[str, object, str, int]:
    """The operation that makes a value: its name, a key for the very place, file and line."""
    chain: list[tuple[CodeType, int]] = []
    inner, chosen, ours = frame, None, Path(__file__).parent
    while frame is not None and frame.f_code is not TapeValues._made.__code__:
        chain.append((frame.f_code, frame.f_lasti))
        is_users = Path(frame.f_code.co_filename).parent != ours
        if chosen is None and is_users and frame.f_code.co_name not in _PASSES_ON:
            chosen = frame
        frame = frame.f_back
    at = chosen or inner
    assert at is not None
    name = at.f_code.co_name if chosen is not None else _of_class(at, cls)
    return name.strip("_") or name, tuple(chain), at.f_code.co_filename, at.f_lineno


def _of_class(frame: FrameType, cls: type) -> str:
    """The class of an operation whose method makes a value."""
    for name in ("cls", "self", "fn"):
        held = frame.f_locals.get(name)
        kind = held if isinstance(held, type) else type(held)
        if held is not None and not issubclass(kind, cls):
            return kind.__name__
    return frame.f_code.co_name
