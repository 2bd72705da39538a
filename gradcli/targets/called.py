"""Layers whose `__call__` keeps what backward needs and then calls forward, which keeps nothing.

Their forward half is the call; blame still gets the user's own forward.
"""

import ast
import functools
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

from gradcli.targets.forward_call import is_open_ended
from gradcli.targets.halves import Behind, Halves
from gradcli.targets.source_tree import source_tree

Method = Callable[..., Any]


def through_call(cls: type, halves: Halves) -> Halves:
    """The halves with the call in place of its forward, where the call keeps something of its own."""
    call = inspect.getattr_static(cls, "__call__", None)
    if halves.behind is not None or not isinstance(call, FunctionType) or halves.forward is call:
        return halves
    return _around(call, halves) if _keeps_and_calls(call, halves.forward.__name__) else halves


def _around(call: Method, halves: Halves) -> Halves:
    own = halves.forward

    def around(forward: Method, backward: Method) -> Halves:
        def called(self: Any, *args: Any, **keywords: Any) -> Any:
            if forward is own:
                return call(self, *args, **keywords)
            setattr(self, own.__name__, functools.partial(forward, self))
            try:
                return call(self, *args, **keywords)
            finally:
                delattr(self, own.__name__)

        # A call of `*args` hands them on: forward says what they are.
        return halves._replace(
            forward=functools.wraps(own if is_open_ended(call) else call)(called), backward=backward
        )

    return around(own, halves.backward)._replace(behind=Behind(own, halves.backward, around, None))


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
