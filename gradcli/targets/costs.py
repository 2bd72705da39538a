"""The conventions of costs: one call that returns value and gradient, or a function beside its derivative."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from gradcli.arrays import Array
from gradcli.problem import Problem
from gradcli.targets.convention import ByArguments, Checkable
from gradcli.targets.cost_methods import with_target
from gradcli.targets.cost_names import (
    find_derivatives,
    find_products,
    is_bare_gradient,
    is_cost,
    is_derivative_of,
    is_second_order,
    is_value,
)
from gradcli.targets.cost_problem import make_cost_problem, output_beside
from gradcli.targets.factories import made_by
from gradcli.targets.forward_call import argument_names, required_arguments
from gradcli.targets.label import Label
from gradcli.targets.naming import Pair, find_pairs
from gradcli.targets.pairs import CheckablePair
from gradcli.targets.parameter_dict import ParameterDict, find_parameter_dict
from gradcli.targets.python_file import Loaded
from gradcli.targets.returned_names import returned_names
from gradcli.targets.slots import is_cache
from gradcli.targets.source_tree import source_tree

__all__ = ["CheckableCost", "find"]

_DATA = re.compile(r"x|inputs?|data|features|w|weights?|theta", re.IGNORECASE)
_PLAIN = ("forward", "f", "fun", "func", "function", "cost", "loss", "objective", "evaluate", "value")


@dataclass(frozen=True, eq=False)
class CheckableCost(ByArguments):
    """A value and its gradient: two functions, or one that returns both."""

    name: str
    symbols: tuple[str, ...]
    value: Callable[..., Any]
    gradient: Callable[..., Any]
    order: int = 1  # 2: a gradient and its Hessian

    @property
    def called(self) -> Callable[..., Any]:
        return self._adapted(self.value)

    @cached_property
    def _dictionary(self) -> ParameterDict | None:
        return find_parameter_dict(self.value)

    def _adapted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with the entries of a dictionary of parameters as its arguments."""
        return function if self._dictionary is None else self._dictionary.unfold(with_target(function))

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        return (self.value, self.gradient)

    def problem(
        self,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Any],
        label: Label,
    ) -> Problem:
        if self._dictionary is None:
            return make_cost_problem(self.value, self.gradient, inputs, constants, label)
        value = self._adapted(self.value)
        gradient = value if self.gradient is self.value else self._adapted(self.gradient)
        problem = make_cost_problem(value, gradient, inputs, constants, label)
        source = problem.source
        if source is None or source.remake is None:
            return problem
        around = source.remake

        def remake(value: Callable[..., Any], gradient: Callable[..., Any]) -> Problem:
            return around(self._adapted(value), self._adapted(gradient))

        return replace(
            problem, source=replace(source, forward=self.value, backward=self.gradient, remake=remake)
        )


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The costs among these names of the file, and the functions with a derivative."""
    space = loaded.namespace
    functions = [name for name in loaded.functions(names) if not _is_made_of_another(space[name], space)]
    costs = [name for name in functions if argument_names(space[name]) and _is_cost(name, space[name])]
    costs = [name for name in costs if not _is_of_another(name, functions, space)]
    found: list[Checkable] = [CheckableCost(name, (name,), space[name], space[name]) for name in costs]
    left = [name for name in functions if name not in costs]
    for pair in find_pairs(left)[0]:  # a loss beside a backward without a cotangent
        forward, backward = space[pair.forward], space[pair.backward]
        found.append(CheckableCost(pair.name, (pair.forward, pair.backward), forward, backward))
        left = [name for name in left if name not in (pair.forward, pair.backward)]
    for name, product in find_products(left):  # takes the vector too, so it is the backward of the gradient
        if len(argument_names(space[product])) > len(argument_names(space[name])) > 0:
            found.append(CheckablePair(Pair(product, name, product), space[name], space[product], order=2))
    products = {one.name for one in found if one.order == 2}
    left = [name for name in left if name not in products]
    derivatives = find_derivatives(left)
    for name, derivative in (*derivatives, *_of_the_only_one(left, derivatives, space)):
        found += _beside(name, derivative, space[name], space[derivative])
    claimed = {symbol for one in found for symbol in one.symbols}
    left = [name for name in left if name not in claimed]
    for name, derivative in _in_other_words(left, space):
        found += _beside(name, derivative, space[name], space[derivative])
    return found


def _of_the_only_one(
    names: Sequence[str], known: Sequence[tuple[str, str]], space: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """A gradient that is called no more than that is of the only function that takes the same arguments."""
    taken = {derivative for _, derivative in known}
    for gradient in (name for name in names if is_bare_gradient(name) and name not in taken):
        takes = argument_names(space[gradient])
        alike = [n for n in names if n != gradient and takes == argument_names(space[n])]
        plain = [n for n in alike if n not in taken and not is_second_order(gradient, n)]
        plain = [n for n in plain if n in _PLAIN] or plain
        if len(plain) == 1 and takes:
            yield plain[0], gradient


def _in_other_words(names: Sequence[str], space: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Functions of the same arguments of which one is called like the derivative of the other; each once."""
    taken: set[str] = set()
    for name in names:
        for other in names:
            same = argument_names(space[name]) == argument_names(space[other])
            if same and not taken & {name, other} and is_derivative_of(name, other):
                taken |= {name, other}
                yield name, other


def _is_made_of_another(function: Any, space: Mapping[str, Any]) -> bool:
    """Whether a function is another one of the file after a framework's hands: `grad_f = jax.grad(f)`."""
    return any(getattr(function, "__wrapped__", None) is one for one in space.values() if callable(one))


def _is_of_another(name: str, names: Sequence[str], space: Mapping[str, Any]) -> bool:
    """Whether it is called like the gradient of one of the same arguments: `nmf_grad` beside `nmf_loss`."""
    if returned_names(space[name])[0]:
        return False
    takes = argument_names(space[name])
    alike = [other for other in names if other != name and argument_names(space[other]) == takes]
    return any(derivative == name for _, derivative in find_derivatives([*alike, name]))


def _is_cost(name: str, function: Callable[..., Any]) -> bool:
    returned, takes = returned_names(function), argument_names(function)
    # `return nll, gh, gJ` of arguments h and J.
    named = [re.fullmatch(r"(?:d|g|grad)_?(\w+)", one) for one in returned[1:]]
    gradients = [match[0] for match in named if match is not None and match[1] in takes]
    plain = [f"d_{one}" if one in gradients else one for one in returned]
    is_named = len(returned) > 1 and len(gradients) == len(returned) - 1 and not {*gradients} & {*takes}
    is_both = is_named and (is_value(returned[0]) or returned[0] == "C") and not name.startswith("_")
    return (is_both or is_cost(name, plain)) and not made_by(function)


def _is_a_difference(name: str, gradient: Callable[..., Any]) -> bool:
    """Whether a derivative only takes differences of the function: `(f(x + h) - f(x)) / h`."""
    tree = source_tree(gradient)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree is not None else []
    own = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == name]
    moved = [arg for call in own for arg in call.args if isinstance(arg, ast.BinOp)]
    at = {ast.unparse(call) for call in own}
    return len(at) > 1 and any(isinstance(arg.op, ast.Add | ast.Sub) for arg in moved)


def _beside(
    name: str, derivative: str, value: Callable[..., Any], gradient: Callable[..., Any]
) -> list[Checkable]:
    """A derivative that takes more than the function and its output takes the cotangent: it is a backward."""
    takes = argument_names(value)
    if not takes or _is_a_difference(name, gradient):
        return []
    if len(required_arguments(gradient)) > len(takes) and output_beside(value, gradient) is None:
        more = [argument for argument in required_arguments(gradient) if argument not in takes]
        if len(more) < len(required_arguments(gradient)) and any(map(_DATA.fullmatch, more)):
            return []  # the gradient of something else, of which this is but the end: `x * (a - y)`
        return [CheckablePair(Pair(name, name, derivative), value, gradient)]
    asks = required_arguments(gradient)
    if len(asks) > 1 and any(is_cache(argument) for argument in asks if argument not in takes):
        return [CheckablePair(Pair(name, name, derivative), value, gradient)]  # it takes what the value keeps
    order = 2 if is_second_order(name, derivative) else 1
    return [CheckableCost(name, (name, derivative), value, gradient, order)]
