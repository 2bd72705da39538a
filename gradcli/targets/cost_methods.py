"""The halves of a class whose cost and gradients are methods, in the parameters that the object holds.

One method that returns both (`loss(X, y, reg) -> loss, grads`), or one for each (`calculate_loss(X, y)` and
`backprop(X, y) -> dW1, db1`). Both become a forward and a backward without a cotangent.
"""

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from gradcli.errors import BrokenPromise
from gradcli.targets.class_methods import is_target
from gradcli.targets.cost_names import find_derivatives, is_cost, is_cost_name, is_gradient, is_value
from gradcli.targets.forward_call import argument_names, required_arguments
from gradcli.targets.halves import BACKWARDS, Behind, Halves, is_left_open
from gradcli.targets.parameters import entry_of
from gradcli.targets.places import Attribute, entries
from gradcli.targets.results import input_named
from gradcli.targets.returned_names import returned_names

Method = Callable[..., Any]

BACKWARD = re.compile(
    r"_?((compute|comp|calc(ulate)?|get|eval(uate)?|find|analytic(al)?|full|batch|loss|cost|objective|total|nll"
    r"|neg|log|ll|likelihood|logistic|regression|func(tion)?|mse|cross|entropy|param(eter)?s?|weights?)_)*"
    r"(grads?|gradients?|deriv(ative)?|diff|back_?prop\w*)(_\w+)?|d_?(loss|cost)",
    re.IGNORECASE,
)

_LEARNED = re.compile(
    r"_?(w\w?|weights?_?|theta|params?|parameters|coefs?_?|b|bias(es)?|beta|kernels?)", re.IGNORECASE
)


def cost_halves_of(cls: type) -> Halves | None:
    """Cost and gradients of a class as its two halves; None if it has no such methods."""
    methods = dict(_methods(cls))
    for name, method in methods.items():
        returned = returned_names(method)
        if len(returned) == 2 and (is_cost(name, returned) or _is_called_for_both(name, returned)):
            place = 1 if is_value(returned[1]) and not is_value(returned[0]) else 0
            return _made_of(method, method, returned, place)
    for name, cost in methods.items():
        for other, method in methods.items() if is_cost_name(name) else ():
            aligned = _aligned(cost, method) if other != name else None
            if aligned is not None and _is_gradient_of(cost, other, aligned):
                return _made_of(cost, aligned, returned_names(method), None)
    return None


def _aligned(cost: Method, method: Method) -> Method:
    """A method that takes what a cost does under other names, `(x, y_true)` beside `(X, y)`, under those."""
    wanted, own = argument_names(cost), argument_names(method)
    needs = required_arguments(method)
    alike = len(own) == len(wanted) == len(needs) > 2 and all(
        _plain(a) == _plain(b) or (is_target(a) and is_target(b)) for a, b in zip(wanted, own, strict=True)
    )
    if not alike or wanted == own:
        return method

    @functools.wraps(method)
    def called(*args: Any, **keywords: Any) -> Any:
        return method(*args, **{n: keywords[w] for w, n in zip(wanted, own, strict=True) if w in keywords})

    renamed = dict(zip(own, wanted, strict=True))
    signature = inspect.signature(method)
    called.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[p.replace(name=renamed[p.name]) for p in signature.parameters.values()]
    )
    return called


def _plain(name: str) -> str:
    """`x` of `X` and of `X_batch`."""
    return re.sub(r"_?(batch|train|data)$", "", name.lower()) or name.lower()


def spelled_cost_halves(value: Method, gradient: Method) -> Halves:
    """A cost and its gradients as the two halves of its class; twice the same method if it returns both."""
    returned = returned_names(gradient)
    if value is not gradient:
        return _made_of(value, gradient, returned, None)
    is_second = len(returned) == 2 and is_value(returned[1]) and not is_value(returned[0])
    return _made_of(value, gradient, returned, 1 if is_second else 0)


def _is_called_for_both(name: str, returned: Sequence[str]) -> bool:
    """Whether `__call__` returns a cost and its gradient: its name says nothing, so both of theirs must."""
    return name == "__call__" and is_value(returned[0]) and is_gradient(returned[1])


def _made_of(value: Method, gradient: Method, names: tuple[str, ...], place: int | None) -> Halves:
    """The halves of a cost; `place`: that of the value in what the one method returns that is both."""

    def around(value: Method, gradient: Method) -> Halves:
        beside = None if place is None else 1 - place
        return Halves(_value(value, place), _gradient(gradient, names, beside))

    return around(value, gradient)._replace(behind=Behind(value, gradient, around, place))


def _methods(cls: type) -> Iterator[tuple[str, FunctionType]]:
    """Public methods and `__call__` in the order of their definition, those of base classes last."""
    seen: set[str] = set()
    for kind in cls.__mro__:
        for name, value in vars(kind).items():
            if isinstance(value, FunctionType) and name not in seen and not is_left_open(cls, value):
                seen.add(name)
                if not name.startswith("_") or name == "__call__":
                    yield name, value


def _is_gradient_of(cost: Method, name: str, method: Method) -> bool:
    """Whether a method is called like the backward of a cost, and needs no more than it is given."""
    called_so = name in BACKWARDS or BACKWARD.fullmatch(name) is not None or _is_of_parameters(cost, method)
    needs = set(required_arguments(method)[1:])
    return called_so and bool(needs) and needs <= set(argument_names(cost))


def _is_of_parameters(cost: Method, method: Method) -> bool:
    """Whether it is called the derivative of a cost and returns several gradients, none of an argument:
    `return dJdW1, dJdW2` of `costFunctionPrime(X, y)`."""
    returned, takes = returned_names(method), argument_names(method)[1:]
    is_derivative = find_derivatives([cost.__name__, method.__name__]) == [(cost.__name__, method.__name__)]
    own = [name for name in returned if is_gradient(name) and input_named(name, takes) is None]
    return is_derivative and len(own) == len(returned) > 1


def _value(method: Method, place: int | None) -> Method:
    """The cost alone. A target that may be left out must be there: without one many return their scores."""

    @functools.wraps(method)
    def value(self: Any, *args: Any, **keywords: Any) -> Any:
        result = method(self, *args, **keywords)
        return _part(result, place)

    value.__signature__ = _with_target(method)  # type: ignore[attr-defined]
    return value


def with_target(function: Method) -> Method:
    """A function whose target must be given, where it may be left out: without one it returns no cost."""

    @functools.wraps(function)
    def called(*args: Any, **keywords: Any) -> Any:
        return function(*args, **keywords)

    called.__signature__ = _with_target(function)  # type: ignore[attr-defined]
    return called


def _with_target(method: Method) -> inspect.Signature:
    signature = inspect.signature(method)
    needed = [
        parameter.replace(default=inspect.Parameter.empty)
        if parameter.default is None and is_target(parameter.name)
        else parameter
        for parameter in signature.parameters.values()
    ]
    return signature.replace(parameters=needed)


def _gradient(method: Method, names: tuple[str, ...], place: int | None) -> Method:
    """The gradients alone, by the names that the code gives them."""

    @functools.wraps(method)
    def gradient(self: Any, *args: Any, **keywords: Any) -> Any:
        result = _part(method(self, *args, **keywords), place)
        if isinstance(result, Mapping):
            return result
        if isinstance(result, tuple | list) and len(result) == len(names) and all(map(is_gradient, names)):
            return dict(zip(names, result, strict=True))
        name = names[place] if place is not None and place < len(names) else ""
        parameter = _parameter_like(self, result, name, [*args, *keywords.values()])
        return result if parameter is None else {parameter: result}

    return gradient


def _part(result: Any, place: int | None) -> Any:
    if place is None:
        return result
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise BrokenPromise(
            "GC108", f"the cost returned {type(result).__name__}; expected the cost and its gradients"
        )
    return result[place]


def _parameter_like(holder: Any, gradient: Any, name: str, arguments: Sequence[Any]) -> str | None:
    """The only array of floats that an object holds in the shape of a gradient of this name.

    Where an argument of floats has that shape too, `loss_and_gradient(X)` is about the argument, and what is
    held are data, unless it is called like what is learned or like the gradient.
    """
    found = [
        step.name
        for step, value in entries(holder)
        if isinstance(step, Attribute) and _is_like(value, gradient)
    ]
    if len(found) != 1:
        return None
    is_meant = _LEARNED.fullmatch(found[0]) is not None or entry_of(found[0], {name: True}) is not None
    return found[0] if is_meant or not any(_is_like(value, gradient) for value in arguments) else None


def _is_like(value: Any, gradient: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.shape == np.shape(gradient)
