"""Layers whose `__call__` keeps what backward needs and then calls forward, which keeps nothing.

Their forward half is the call; blame still gets the user's own forward.
"""

import ast
import functools
import inspect
from collections.abc import Callable
from contextlib import suppress
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from gradcli.targets.forward_call import is_open_ended
from gradcli.targets.halves import Behind, Halves
from gradcli.targets.source_tree import source_tree
from gradcli.targets.tape_engine import DATA

Method = Callable[..., Any]


def through_call(cls: type, halves: Halves) -> Halves:
    """The halves with the call in place of its forward, where the call keeps something of its own."""
    call = inspect.getattr_static(cls, "__call__", None)
    if halves.behind is not None or not isinstance(call, FunctionType) or halves.forward is call:
        return halves
    return _around(call, halves) if _keeps_and_calls(call, halves.forward.__name__) else halves


def _around(call: FunctionType, halves: Halves) -> Halves:
    own = halves.forward
    boxed = _boxed(call)

    def around(forward: Method, backward: Method) -> Halves:
        def called(self: Any, *args: Any, **keywords: Any) -> Any:
            if is_open_ended(call) and keywords:  # it hands them on by their places
                args, keywords = inspect.signature(own).bind(self, *args, **keywords).args[1:], {}
            if boxed is not None:
                args = tuple(map(boxed.put, args))
                keywords = {name: boxed.put(value) for name, value in keywords.items()}
            if forward is own:
                return _plain(boxed, call(self, *args, **keywords))
            setattr(self, own.__name__, functools.partial(forward, self))
            try:
                return _plain(boxed, call(self, *args, **keywords))
            finally:
                delattr(self, own.__name__)

        if boxed is not None:
            backward = _without_boxes(boxed, backward)

        # A call of `*args` hands them on: forward says what they are.
        return halves._replace(
            forward=functools.wraps(own if is_open_ended(call) else call)(called), backward=backward
        )

    return around(own, halves.backward)._replace(behind=Behind(own, halves.backward, around, None))


class _Boxed(NamedTuple):
    """Values that the call takes and returns, with an array each in them: `Variable(np.ones(3)).data`."""

    cls: type
    attribute: str

    def put(self, value: Any) -> Any:
        return self.cls(value) if isinstance(value, np.ndarray) else value


def _boxed(call: FunctionType) -> _Boxed | None:
    """The class that a call makes its result of, where it is one of values that hold an array."""
    tree = source_tree(call)
    for node in ast.walk(tree) if tree is not None else ():
        called = node.func if isinstance(node, ast.Call) else None
        made = call.__globals__.get(called.id) if isinstance(called, ast.Name) else None
        if not isinstance(made, type) or made.__module__ in ("builtins", "numpy"):
            continue
        tried = np.ones((3, 2))
        try:
            value = made(tried)
            attribute = next((name for name in DATA if getattr(value, name, None) is tried), None)
        except Exception:  # it is made of something else
            continue
        if attribute is not None:
            return _Boxed(made, attribute)
    return None


def _plain(boxed: _Boxed | None, returned: Any) -> Any:
    """What was returned, with the arrays in the place of the values that hold them."""
    if boxed is None:
        return returned
    if isinstance(returned, tuple | list):
        return type(returned)(_plain(boxed, one) for one in returned)
    return getattr(returned, boxed.attribute) if isinstance(returned, boxed.cls) else returned


def _without_boxes(boxed: _Boxed, backward: Method) -> Method:
    """A backward of arrays; given values where it computes with those, `gy * cos(self.inputs[0])`."""

    @functools.wraps(backward)
    def called(holder: Any, *args: Any, **keywords: Any) -> Any:
        try:
            result = _plain(boxed, backward(holder, *args, **keywords))
            if not _holds_objects(result):
                return result
        except (TypeError, AttributeError):
            with suppress(Exception):
                return of_values(holder, args, keywords)
            raise
        try:
            return of_values(holder, args, keywords)
        except Exception:
            return result

    def of_values(holder: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        named = {name: boxed.put(value) for name, value in keywords.items()}
        return _plain(boxed, backward(holder, *map(boxed.put, args), **named))

    return called


def _holds_objects(result: Any) -> bool:
    parts = result if isinstance(result, tuple | list) else (result,)
    return any(isinstance(one, np.ndarray) and one.dtype == object for one in parts)


def _keeps_and_calls(call: FunctionType, forward: str) -> bool:
    """Whether a method calls `self.forward`, and beside that stores in `self` or calls what self holds."""
    tree = source_tree(call)
    if tree is None:
        return False
    mine = [node for node in ast.walk(tree) if _is_of_self(node)]
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    called = [node for node in calls if isinstance(node, ast.Attribute)]
    direct = {node.attr for node in called if node in mine}
    stores = any(isinstance(node.ctx, ast.Store) for node in mine if isinstance(node, ast.Attribute))
    stores |= any(
        isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) for node in ast.walk(tree)
    )
    return forward in direct and (stores or any(node.value in mine for node in called))


def _is_of_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
