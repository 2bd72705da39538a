"""The convention of one function for both: `sigmoid(x, derivative=False)` is the derivative if it is told so.

Where it then returns value and derivative (`return_grad=True`), the derivative is what follows the value.
"""

import ast
import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import Parameter
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.errors import UsageError
from gradcli.problem import Problem
from gradcli.targets.constructor import construct, unguessable
from gradcli.targets.convention import Checkable
from gradcli.targets.cost_problem import make_cost_problem
from gradcli.targets.costs import CheckableCost
from gradcli.targets.forward_call import argument_names, parameters_of
from gradcli.targets.label import Label
from gradcli.targets.pair import source_file
from gradcli.targets.python_file import Loaded
from gradcli.targets.source_tree import source_tree

Function = Callable[..., Any]

_FLAG = re.compile(
    r"((is|return|compute|calc|calculate|eval|with|want|get|use|do|as)_?)?"
    r"(d|deriv(ative|ed?)?(_\w)?|der|prime|diff|grad(s|ient|ients)?|jac(obian)?|back(ward|prop)?)",
    re.IGNORECASE,
)
# Without a default these are flags too; a `grad` would be a cotangent.
_BEYOND_DOUBT = re.compile(r"(is_?)?(deriv(ative)?|prime)", re.IGNORECASE)
_CALLED = (
    "__call__",
    "forward",
    "f",
    "fn",
    "function",
    "activate",
    "activation",
    "compute",
    "apply",
    "loss",
    "cost",
)


@dataclass(frozen=True, eq=False)
class CheckableFlag(CheckableCost):
    """A function with a flag that asks for its derivative."""

    flag: str = ""
    both: Function | None = None  # the user's own function

    def problem(self, inputs: Mapping[str, Array], constants: Mapping[str, Any], label: Label) -> Problem:
        assert self.both is not None
        made = make_cost_problem(self.value, self.gradient, inputs, constants, label)
        assert made.source is not None

        def remake(forward: Function, backward: Function) -> Problem:
            value, gradient = _value(forward, self.flag), _gradient(backward, self.flag, self.value)
            return make_cost_problem(value, gradient, inputs, constants, label)

        source = replace(
            made.source, forward=self.both, backward=self.both, file=source_file(self.both), remake=remake
        )
        return replace(made, source=source)


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The functions among these names that have such a flag, and the classes with such a method."""
    space = loaded.namespace
    functions = {space[name]: name for name in reversed(loaded.functions(names)) if _is_plain(space[name])}
    found = [
        one
        for function, name in reversed(functions.items())
        if (one := _flagged(name, (name,), function)) is not None
    ]
    for name in loaded.classes(names):
        found += _methods(name, space[name]) if space[name].__module__ == space.get("__name__") else ()
    return list(found)


def _is_plain(function: Any) -> bool:
    return inspect.isfunction(function)


def _methods(name: str, cls: type) -> Iterator[CheckableFlag]:
    called = next((m for m in _CALLED if callable(getattr(cls, m, None)) and _flag_of(getattr(cls, m))), None)
    # Else it is a box of activations: `Activation.sigmoid(x, derivative=False)`.
    names = [
        n for n, method in vars(cls).items() if isinstance(method, staticmethod) and _flag_of(method.__func__)
    ]
    if not (called or names) or unguessable(cls):
        return
    try:
        made = construct(name, cls, {}, None)
    except UsageError:
        return
    for method in [called] if called else names:
        one = _flagged(name if called else f"{name}.{method}", (name,), getattr(made, method))
        if one is not None:
            yield one


def _flagged(name: str, symbols: tuple[str, ...], function: Function) -> CheckableFlag | None:
    flag = _flag_of(function)
    if flag is None or len(argument_names(function)) < 2:
        return None
    value = _value(function, flag)
    return CheckableFlag(name, symbols, value, _gradient(function, flag, value), flag=flag, both=function)


def _flag_of(function: Function) -> str | None:
    """The argument that asks for the derivative: it is called so, and a branch depends on it."""
    for parameter in parameters_of(function) or ():
        given = parameter.default is Parameter.empty
        if _BEYOND_DOUBT.fullmatch(parameter.name) if given else _is_off(parameter):
            tree = source_tree(function)
            if tree is not None and parameter.name in _decides(tree):
                return parameter.name
    return None


def _is_off(parameter: Parameter) -> bool:
    return _FLAG.fullmatch(parameter.name) is not None and isinstance(parameter.default, bool)


def _decides(tree: ast.AST) -> Iterator[str]:
    """The names that branches depend on: `if derivative:`, `if deriv == True:`, `a if not d else b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp):
            test = node.test
            if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
                test = test.operand
            if isinstance(test, ast.Compare):
                test = test.left
            if isinstance(test, ast.Name):
                yield test.id


def _value(function: Function, flag: str) -> Function:
    """The function with the flag off."""

    @functools.wraps(function)
    def value(*args: Any, **keywords: Any) -> Any:
        return function(*args, **{**keywords, flag: False})

    return _without(value, function, flag)


def _gradient(function: Function, flag: str, value: Function) -> Function:
    """The function with the flag on, and what it returns beside the value."""

    @functools.wraps(function)
    def gradient(*args: Any, **keywords: Any) -> Any:
        result = function(*args, **{**keywords, flag: True})
        if isinstance(result, tuple) and len(result) > 1 and _same(result[0], value(*args, **keywords)):
            return result[1] if len(result) == 2 else result[1:]
        return result

    return _without(gradient, function, flag)


def _without(wrapper: Function, function: Function, flag: str) -> Function:
    signature = inspect.signature(function)
    left = [parameter for name, parameter in signature.parameters.items() if name != flag]
    wrapper.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
    return wrapper


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(np.array_equal(one, other))
    except (TypeError, ValueError):
        return False
