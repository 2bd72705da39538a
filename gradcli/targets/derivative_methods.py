"""The convention of activations and penalties as classes: `__call__(x)` or `fn(x)` beside `grad(x)`.

So are classes that hold activations as methods, `relu` beside `relu_prime`. The methods hold no state: a
function beside its derivative, of an object that is made for what its constructor is given.
"""

import ast
import functools
import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

from gradcli.arrays import Array
from gradcli.errors import UsageError
from gradcli.problem import Problem
from gradcli.targets.classes import CheckableClass
from gradcli.targets.constructor import construct, unguessable
from gradcli.targets.convention import Advise, Checkable
from gradcli.targets.cost_names import find_derivatives, is_second_order
from gradcli.targets.costs import CheckableCost
from gradcli.targets.forward_call import argument_names, required_arguments
from gradcli.targets.halves import Behind, Halves, halves_of, is_left_open, is_slope
from gradcli.targets.label import Label
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.python_file import Loaded
from gradcli.targets.slots import looks_like_cotangent
from gradcli.targets.source_tree import source_tree

_VERB = r"((eval(uate)?|comp(ute)?|calc(ulate)?|get)_?)?"
_VALUE = re.compile(
    rf"__call__|activat(e|ion)|apply|forward|call|eval(uate)?|compute"
    rf"|{_VERB}(fn?|func(tion)?|value|loss|cost|objective|energy)",
    re.IGNORECASE,
)
_DERIVATIVE = re.compile(
    rf"{_VERB}((raw|full)_)?(grad|gradient|deriv|derivative|diff|prime|der|df?|dx|jac(obian)?)(_(fn|at))?",
    re.IGNORECASE,
)
_DATA = re.compile(r"x|z|theta|w|u|v|inputs?", re.IGNORECASE)
_SECOND = re.compile(r"(grad|gradient|deriv|derivative)_?2|second_\w+|hess(ian)?", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class CheckableMethods(CheckableCost):
    """A function and its derivative as methods; those of the object with the constructor's defaults."""

    cls: type = object
    methods: tuple[str, str] = ("", "")

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        return (self.value, self.gradient, self.cls)

    @property
    def arguments(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*super().arguments, *argument_names(self.cls)]))

    def bind(self, where: str, inputs: Sequence[str], constants: Collection[str], advise: Advise) -> None:
        for name in (*inputs, *constants):
            if not self.takes(name):
                near = did_you_mean(name, self.arguments)
                made = f"{self.cls.__name__}({', '.join(argument_names(self.cls))})"
                called = f"{self.methods[0]}({', '.join(argument_names(self.called))})"
                raise UsageError(
                    f"{where}: neither {self.methods[0]} nor the constructor has an argument {name!r}"
                    f"{near or '.'} There is {made}.{called}"
                )
        super().bind(where, inputs, [name for name in constants if name not in self._made_with], advise)

    @property
    def _made_with(self) -> set[str]:
        return {*argument_names(self.cls)} - {*argument_names(self.called)}

    def problem(
        self,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Any],
        label: Label,
    ) -> Problem:
        given = {name: value for name, value in constants.items() if name in self._made_with}
        if not given:
            return super().problem(inputs, constants, label)
        made = construct(label.where, self.cls, given, None)
        value, gradient = (getattr(made, method) for method in self.methods)
        own = CheckableCost(self.name, self.symbols, value, gradient, self.order)
        rest = {name: value for name, value in constants.items() if name not in given}
        problem = own.problem(inputs, rest, label)
        return replace(problem, constants={**problem.constants, **given})


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The classes among these names that have a function and its derivative; the derivative's own as well."""
    found: list[Checkable] = []
    for name in loaded.classes(names):
        cls = loaded.namespace[name]
        if cls.__module__ == loaded.namespace.get("__name__"):
            found += _of_data(name, cls) if unguessable(cls) else _pairs(name, cls)
    return found


def _of_data(name: str, cls: type) -> Iterator[Checkable]:
    """A function and its derivative in the data of the constructor: `Ridge(A, b).f(x)` and `.grad(x)`."""
    for (value, derivative), suffix in _named_pairs(cls):
        function, slope = getattr(cls, value), getattr(cls, derivative)
        alike = argument_names(function) == argument_names(slope)
        if not alike or not isinstance(function, FunctionType) or not isinstance(slope, FunctionType):
            continue
        if _is_without_self(cls, value) and _is_without_self(cls, derivative):
            methods = (value, derivative)
            yield CheckableMethods(f"{name}{suffix}", (name,), function, slope, cls=cls, methods=methods)
            continue
        if not (_reads_self(function) or _reads_self(slope)):  # whatever the object is made with
            bare: Any = object.__new__(cls)
            bound = getattr(bare, value), getattr(bare, derivative)
            yield CheckableMethods(f"{name}{suffix}", (name,), *bound, cls=cls, methods=(value, derivative))
        else:
            own = Behind(function, slope, _halves, None)
            yield CheckableClass(f"{name}{suffix}", cls, _halves(function, slope)._replace(behind=own))


def _is_without_self(cls: type, name: str) -> bool:
    """Whether a method has no use for an object: a static one, or one that takes data alone."""
    method = inspect.getattr_static(cls, name)
    first = argument_names(method)[:1] if isinstance(method, FunctionType) else ()
    return isinstance(method, staticmethod) or any(map(_DATA.fullmatch, first))


def _reads_self(method: FunctionType) -> bool:
    tree = source_tree(method)
    first = argument_names(method)[:1]
    return tree is None or any(isinstance(n, ast.Name) and n.id in first for n in ast.walk(tree))


def _halves(function: Callable[..., Any], slope: Callable[..., Any]) -> Halves:
    """The halves of an object with data: of one argument the slope is that, whatever the data's shapes."""
    takes = argument_names(slope)[1:]

    @functools.wraps(slope)
    def backward(self: Any, *args: Any, **keywords: Any) -> Any:
        gradient = slope(self, *args, **keywords)
        return {takes[0]: gradient} if len(takes) == 1 and not isinstance(gradient, dict) else gradient

    return Halves(function, backward)


def _pairs(name: str, cls: type) -> Iterator[Checkable]:
    found = dict(_named_pairs(cls))
    if not found:
        return
    try:
        made = construct(name, cls, {}, None)
    except UsageError:
        return
    for (value, derivative), suffix in found.items():
        alone = _is_without_self(cls, value) and _is_without_self(cls, derivative)
        function, slope = (getattr(cls if alone else made, one) for one in (value, derivative))
        if _belong(function, slope):
            methods = (value, derivative)
            yield CheckableMethods(f"{name}{suffix}", (name,), function, slope, cls=cls, methods=methods)


def _named_pairs(cls: type) -> Iterator[tuple[tuple[str, str], str]]:
    """(function, derivative) of the names of methods, and what stands after the class's name for each."""
    first, second = _method(cls, _DERIVATIVE), _method(cls, _SECOND)
    value = _method(cls, _VALUE) or _only_other(cls, first)
    halves = halves_of(cls)
    if halves is not None and is_slope(halves):
        yield (halves.forward.__name__, halves.backward.__name__), ""
        return
    if value is not None and first is not None:
        yield (value, first), ""
        if second is not None:
            yield (first, second), f".{first}"
    methods = [name for name, _ in inspect.getmembers(cls, inspect.isroutine) if not name.startswith("_")]
    plain = [name for name in methods if not _is_left_open(cls, inspect.getattr_static(cls, name))]
    for function, derivative in find_derivatives(plain):
        if (function, derivative) != (value, first) and not is_second_order(function, derivative):
            yield (function, derivative), f".{function}"


def _method(cls: type, called: re.Pattern[str]) -> str | None:
    """The first method with such a name, of the class itself before those of its bases."""
    for kind in cls.__mro__[:-1]:
        for name in vars(kind):
            found = inspect.getattr_static(cls, name)
            if called.fullmatch(name) and inspect.isroutine(found) and not _is_left_open(cls, found):
                return name
    return None


def _only_other(cls: type, derivative: str | None) -> str | None:
    """The only other public method that takes what a derivative takes, whatever it is called."""
    if derivative is None:
        return None
    takes = argument_names(getattr(cls, derivative))
    methods = [name for name, found in inspect.getmembers(cls, inspect.isroutine) if not name.startswith("_")]
    alike = [n for n in methods if n != derivative and argument_names(getattr(cls, n)) == takes]
    plain = [n for n in alike if _SECOND.fullmatch(n) is None and not _is_left_open(cls, getattr(cls, n))]
    return plain[0] if len(plain) == 1 and len(takes) > 1 else None


def _is_left_open(cls: type, method: object) -> bool:
    plain = method.__func__ if isinstance(method, staticmethod) else method
    return isinstance(plain, FunctionType) and is_left_open(cls, plain)


def _belong(function: Callable[..., Any], derivative: Callable[..., Any]) -> bool:
    """Whether the derivative needs no more than the function is given, by name or by position."""
    needs = required_arguments(derivative)
    return (set() != set(needs) <= set(argument_names(function))) or (
        len(needs) == len(required_arguments(function)) > 0 and not any(map(looks_like_cotangent, needs))
    )
