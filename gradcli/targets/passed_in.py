"""What a constructor takes and no flag can give: activations, as objects or functions, with derivatives."""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.targets.forward_call import parameters_of, required_arguments
from gradcli.targets.source_tree import source_tree

_ACT = r"act(ivation)?(_?(func(tion)?|fn|layer))?|non_?linearity|transfer(_?func(tion)?)?"
_OF_A_SLOPE = r"prime|deriv(ative)?|grad(ient)?|backward|der|diff"
_ACTIVATION = re.compile(_ACT, re.IGNORECASE)
_SLOPE = re.compile(rf"(d_?|grad_)({_ACT})|({_ACT})_?({_OF_A_SLOPE})", re.IGNORECASE)
# Smooth ones show more; the others in the order of the file.
_SMOOTH = re.compile(r"tanh|sigmoid|logistic|softplus", re.IGNORECASE)
_CALLED_SO = re.compile(
    r"\w*(tanh|sigmoid|logistic|soft_?plus|relu|elu|swish|gelu|linear|identity|sin)\w*", re.IGNORECASE
)

Passed = Mapping[str, Any]


def tanh(z: Array) -> Array:
    """An activation for code that takes any."""
    return np.asarray(np.tanh(z))


def tanh_prime(z: Array) -> Array:
    """The derivative of `tanh`, as a function of its input."""
    return np.asarray(1.0 - np.tanh(z) ** 2)


def tanh_prime_of_output(a: Array) -> Array:
    """The derivative of `tanh`, as a function of its output."""
    return np.asarray(1.0 - a**2)


def activations_for(cls: type) -> Iterator[tuple[Passed, str]]:
    """What may be passed to the constructor of a class, by argument, and in words.

    They are classes that need no arguments, and functions of one, of the file that defines the class; where
    the derivative is passed beside the activation, a tanh will do.
    """
    names = [parameter.name for parameter in parameters_of(cls) or ()]
    argument = next((name for name in names if _ACTIVATION.fullmatch(name)), None)
    slope = next((name for name in names if is_slope(name)), None)
    module = inspect.getmodule(cls)
    if argument is None or module is None:
        return
    if slope is not None:
        yield from _with_slopes(cls, argument, slope, vars(module))
        return
    own = [(name, value) for name, value in vars(module).items() if _is_own(value, cls.__module__)]
    for name, value in sorted(own, key=lambda one: _SMOOTH.search(one[0]) is None):
        if _CALLED_SO.fullmatch(name) is None or value is cls:
            continue
        if isinstance(value, type) and not required_arguments(value):
            try:
                yield {argument: value()}, f"{argument} of the constructor is {name}()"
            except Exception:  # it is not what it is for
                continue
        elif isinstance(value, FunctionType) and len(required_arguments(value)) == 1:
            yield {argument: value}, f"{argument} of the constructor is {name}"


def _with_slopes(cls: type, argument: str, slope: str, space: Passed) -> Iterator[tuple[Passed, str]]:
    """Activations with their derivatives, those of the file first."""
    functions = {name: value for name, value in space.items() if isinstance(value, FunctionType)}
    own = {
        name: function
        for name, function in functions.items()
        if function.__module__ == cls.__module__ and len(required_arguments(function)) == 1
    }
    for name in sorted(filter(_CALLED_SO.fullmatch, own), key=lambda one: _SMOOTH.search(one) is None):
        of = re.compile(rf"(d_?|grad_){name}|{name}_?({_OF_A_SLOPE})", re.IGNORECASE)
        derivative = next(filter(of.fullmatch, own), None)
        if derivative is not None:
            told = f"{argument} and {slope} of the constructor are {name} and {derivative}"
            yield {argument: own[name], slope: own[derivative]}, told
    of_output = _is_of_output(cls, argument, slope)
    told = f"{argument} and {slope} of the constructor are a tanh and its derivative"
    told += ", as a function of the output" if of_output else ""
    yield {argument: tanh, slope: tanh_prime_of_output if of_output else tanh_prime}, told


def _is_of_output(cls: type, argument: str, slope: str) -> bool:
    """Whether the derivative is asked for at what the activation gave: `prime(a)` of `a = act(z)`."""
    methods = [value for value in vars(cls).values() if isinstance(value, FunctionType)]
    nodes = [node for m in methods if (tree := source_tree(m)) is not None for node in ast.walk(tree)]
    given = {
        ast.unparse(target)
        for node in nodes
        if isinstance(node, ast.Assign) and _calls(node.value, argument)
        for target in node.targets
    }
    asked = [
        node.args[0] for node in nodes if _calls(node, slope) and isinstance(node, ast.Call) and node.args
    ]
    return any(_calls(one, argument) or ast.unparse(one) in given for one in asked)


def _calls(node: ast.AST, name: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    return name in (getattr(node.func, "attr", ""), getattr(node.func, "id", ""))


def is_slope(name: str) -> bool:
    """Whether an argument is called like the derivative of an activation."""
    return _SLOPE.fullmatch(name) is not None and _ACTIVATION.fullmatch(name) is None


def _is_own(value: Any, module: str) -> bool:
    return isinstance(value, type | FunctionType) and value.__module__ == module
