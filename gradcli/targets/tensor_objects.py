"""Objects whose methods compute with torch's tensors: they hold arrays, and tensors while a method runs.

Each tensor shares its memory with the array, so what a method writes in place is seen, and an array that is
held in two places is one tensor in both.
"""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from gradcli.targets.halves import Behind, Halves
from gradcli.targets.places import entries, holders
from gradcli.targets.tensors import as_array, as_tensor, on_tensors, takes_tensors

Method = Callable[..., Any]


def with_tensors(cls: type, halves: Halves) -> Halves:
    """The halves with arrays in the place of tensors, if they are written for tensors; else as they are."""
    own = halves.behind or Behind(
        halves.forward, halves.backward, lambda f, b: halves._replace(forward=f, backward=b), None
    )
    methods = (
        own.forward,
        own.backward,
        *(method for name, method in vars(cls).items() if name == "__init__"),
    )
    if not (takes_tensors(*methods) or _is_among_tensors(own.forward)):
        return halves

    def around(forward: Method, backward: Method) -> Halves:
        made = own.around(forward, backward)
        more = made.accumulate
        return Halves(
            _of_object(made.forward), _of_object(made.backward), None if more is None else _of_object(more)
        )

    return around(own.forward, own.backward)._replace(behind=own._replace(around=around))


def _is_among_tensors(method: Method) -> bool:
    """Whether a module has torch and no NumPy: then even what says nothing of tensors is given some."""
    modules = {
        value for value in getattr(method, "__globals__", {}).values() if isinstance(value, ModuleType)
    }
    return sys.modules.get("torch") in modules and np not in modules


def _of_object(method: Method) -> Method:
    plain = on_tensors(method)

    @functools.wraps(method)
    def called(born: Any, *args: Any, **keywords: Any) -> Any:
        _held_as(born, as_tensor)
        try:
            return plain(born, *args, **keywords)
        finally:
            _held_as(born, as_array)

    return called


def at_rest(made: Any) -> Any:
    """The object, with arrays for the tensors that it holds."""
    if "torch" in sys.modules:
        _held_as(made, as_array)
    return made


def _held_as(root: Any, change: Callable[[Any], Any]) -> None:
    """Change what is held anywhere in an object, in place; tuples are made anew."""
    known: dict[int, tuple[Any, Any]] = {}

    def changed(value: Any) -> Any:
        if type(value) is tuple:
            parts = tuple(map(changed, value))
            return value if all(map(_is, parts, value)) else parts
        before, after = known.get(id(value), (None, None))
        if before is not value:
            before, after = known[id(value)] = value, change(value)
        return after

    for _, holder in list(holders(root)):
        for step, value in entries(holder) if not isinstance(holder, tuple) else ():
            after = changed(value)
            if after is not value:
                step.put(holder, after)


def _is(one: Any, other: Any) -> bool:
    return one is other


@contextlib.contextmanager
def made_of_doubles() -> Iterator[None]:
    """Tensors that code makes meanwhile have as many digits as NumPy's arrays, unless it says otherwise."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    kept = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(kept)
