"""Taps: calls placed around the expressions of a function, through which its values can be read and moved.

A tap without a hook gives its value back as it is, the very same object; so a tapped function computes the
same bits as the original, which is checked before anything is believed.
"""

import ast
import copy
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from gradcli.blame import tensors
from gradcli.blame.site import Site
from gradcli.blame.source import FunctionNode, NotReadable, Written, plain, read, rebuild
from gradcli.blame.tapping import METHOD, TAP, Rewriter, is_near

_MOST_FUNCTIONS = 12
_NUMBERS = (np.ndarray, np.floating, float)


Hook = Callable[[int, Any], Any]


class Taps:
    """The sites of one function and of the helpers it calls, and the hook that all of them go through."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self.functions: list[Written] = []
        self.calls: dict[int, set[FunctionType]] = {}  # the helpers that a call (by id) has led to
        self.hook: Hook | None = None
        self.only: int | None = None  # the one site that the hook is about
        self._nodes: list[ast.Call] = []
        self._made: dict[Any, Callable[..., Any]] = {}

    def __call__(self, number: int, value: Any) -> Any:
        hook = self.hook
        if hook is None or (self.only is not None and number != self.only):
            return value
        if isinstance(value, _NUMBERS):
            return hook(number, value)
        array = tensors.read(value)
        if array is None:
            return value
        changed = hook(number, array)
        return value if changed is array else tensors.write(changed, value)

    def method(self, owner: Any, name: str, place: int) -> Any:
        """An attribute that is called: a tapped function in the place of one that is written in Python."""
        found = getattr(owner, name)
        function = found.__func__ if isinstance(found, MethodType) else found
        if not isinstance(function, FunctionType) or not self._is_near(function):
            return found
        self.note_call(self._nodes[place], function)
        made = self.helper(function)
        return MethodType(made, found.__self__) if isinstance(found, MethodType) else made

    def helper(self, function: FunctionType) -> Callable[..., Any]:
        """A helper with taps in it; as it is where it cannot be rewritten."""
        if function not in self._made:
            self._made[function] = function
            if len(self.functions) < _MOST_FUNCTIONS:
                with suppress(NotReadable):
                    self._made[function] = _tap(read(function), self)
        return self._made[function]

    def begin(self, function: FunctionType, stand_in: Callable[..., Any]) -> None:
        """A function is being rewritten; until it is made, what calls it gets a stand-in."""
        self._made[function] = stand_in

    def note_call(self, call: ast.Call, function: FunctionType) -> None:
        self.calls.setdefault(id(call), set()).add(function)

    def call(self, node: ast.Call) -> int:
        """A number for a call of which it is seen later what it leads to."""
        self._nodes.append(node)
        return len(self._nodes) - 1

    def _is_near(self, function: FunctionType) -> bool:
        return is_near(function, self.functions[0].file)

    def add(self, role: str, name: str | None, node: ast.AST, statement: ast.stmt | None, of: Written) -> int:
        site = Site(len(self.sites), role, name, node, statement, of.node_name, of.file)
        self.sites.append(site)
        return site.number


@dataclass(eq=False)
class Tapped:
    """A function with taps, its helpers included."""

    taps: Taps
    function: FunctionType
    main: Written
    trees: dict[str, FunctionNode] = field(default_factory=dict)


def tap(function: Callable[..., Any]) -> Tapped:
    """Rewrite a function in memory; raises NotReadable."""
    taps = Taps()
    main = read(plain(function))
    made = _tap(main, taps)
    return Tapped(taps, made, main)


def _tap(written: Written, taps: Taps) -> FunctionType:
    taps.functions.append(written)
    helpers: dict[str, FunctionType] = {}
    tree = copy.deepcopy(written.node)
    rewriter = Rewriter(written, taps, helpers)
    rewriter.rewrite(tree, written.node)
    late = _Late()
    taps.begin(written.function, late)
    cells: dict[str, Any] = {TAP: taps, METHOD: taps.method}
    cells |= {name: taps.helper(helper) for name, helper in helpers.items()}
    made = rebuild(written, tree, cells)
    late.function = made
    taps.begin(written.function, made)
    return made


class _Late:
    """Stands for a function that calls itself until it is made."""

    function: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)
