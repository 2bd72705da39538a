"""Costs whose parameters are variables of the file: `return loss, dWxh, dbh` beside `Wxh = …`.

The variables are inputs like any argument: they are put in place for each call, and put back after it.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import Parameter
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.problem import Problem
from gradcli.targets import costs
from gradcli.targets.convention import Checkable
from gradcli.targets.costs import CheckableCost
from gradcli.targets.forward_call import argument_names
from gradcli.targets.inputs import generator
from gradcli.targets.label import Label
from gradcli.targets.python_file import Loaded
from gradcli.targets.results import input_named
from gradcli.targets.returned_names import returned_names


@dataclass(frozen=True, eq=False)
class CostOfVariables(CheckableCost):
    """A cost with the file's variables that it returns gradients of."""

    variables: tuple[str, ...] = ()

    @property
    def lengths(self) -> Sequence[int]:
        space = inspect.unwrap(self.value).__globals__
        return list(dict.fromkeys(n for name in self.variables for n in np.shape(space[name]) if n > 1))

    def problem(self, inputs: Mapping[str, Array], constants: Mapping[str, Any], label: Label) -> Problem:
        space = inspect.unwrap(self.value).__globals__
        drawn = {
            name: _drawn(name, np.shape(space[name]), label.id)
            for name in self.variables
            if name not in inputs
        }
        problem = super().problem({**inputs, **drawn}, constants, label)
        source = problem.source
        if source is None or source.remake is None:
            return problem
        own, around = inspect.unwrap(self.value), source.remake

        def remake(value: Callable[..., Any], gradient: Callable[..., Any]) -> Problem:
            taking = _taking(value, self.variables)
            return around(taking, taking if gradient is value else _taking(gradient, self.variables))

        return replace(problem, source=replace(source, forward=own, backward=own, remake=remake))


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The costs among these names of the file, and the functions with a derivative."""
    return [of_variables(one) if type(one) is CheckableCost else one for one in costs.find(loaded, names)]


def of_variables(cost: CheckableCost) -> CheckableCost:
    """The cost with the variables of its file that it returns gradients of and that are no arguments."""
    if cost.value is not cost.gradient:
        return cost
    space = getattr(inspect.unwrap(cost.value), "__globals__", {})
    takes = argument_names(cost.value)
    arrays = [
        n for n, v in space.items() if isinstance(v, np.ndarray) and v.dtype.kind == "f" and n not in takes
    ]
    found = (input_named(name, arrays) for name in returned_names(cost.value) if not input_named(name, takes))
    names = tuple(dict.fromkeys(name for name in found if name is not None and name not in takes))
    if not names:
        return cost
    around = _taking(cost.value, names)
    return CostOfVariables(cost.name, cost.symbols, around, around, cost.order, names)


def _drawn(name: str, shape: tuple[int, ...], id: str) -> Array:
    """Of a size that saturates nothing; what the file starts from is often zero."""
    return np.asarray(0.3 * generator(0, id, name).standard_normal(shape))


def _taking(function: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """The function with variables of its file as further arguments."""
    space = inspect.unwrap(function).__globals__
    signature = inspect.signature(function)
    more = [Parameter(name, Parameter.KEYWORD_ONLY, default=space[name]) for name in names]

    @functools.wraps(function)
    def called(*args: Any, **keywords: Any) -> Any:
        own = {name: keywords.pop(name) for name in names if name in keywords}
        before = {name: space[name] for name in own}
        space.update(own)
        try:
            return function(*args, **keywords)
        finally:
            space.update(before)

    called.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), *more]
    )
    return called
