"""The convention of cost functions: one call returns the cost and its gradient.

`return J, grad`, `return loss, dW, db`, `return grad, loss` and `return loss, {"W": dW}` are all read off the
return statements. Which argument a gradient belongs to follows from its name (`dW`, `grad_b`), else from its
shape; a scalar cost has one number for cotangent.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.errors import BrokenPromise
from gradcli.problem import Problem, Run, Source
from gradcli.subject import copies
from gradcli.targets.convention import ByArguments, Checkable
from gradcli.targets.forward_call import (
    ForwardCall,
    argument_names,
    bind_forward,
)
from gradcli.targets.inputs import require_floating
from gradcli.targets.pair import advise_in_python, source_file
from gradcli.targets.python_file import Loaded
from gradcli.targets.results import as_outputs, input_of
from gradcli.targets.returns import returned_names

_COST = re.compile(
    r"(j|l|f|e|fx|fval|val|value|obj|objective|energy|nll|ll|mse|rss|err|error|penalty)\d?"
    r"|\w*(loss|cost|likelihood|objective)\w*",
    re.IGNORECASE,
)
_GRADIENT = re.compile(r"d_?[a-zA-Z]\w*|g|\w*grad\w*|jac|jacobian|deltas?", re.IGNORECASE)
_NO_COST = re.compile(
    r"(train|fit|run|main|test|update|step|epoch|optimi[sz]e|minimi[sz]e|check)", re.IGNORECASE
)
# What a cost may return beside itself that is no gradient.
_OTHER = re.compile(
    r"\w*cache\w*|acc\w*|(y_?)?pred\w*|y_?hat|prob\w*|out\w*|scores?|logits|hist\w*|info|state|\w*loss\w*|\w*cost\w*",
    re.IGNORECASE,
)
# An argument that a gradient without a name of its own is usually for.
_USUAL = re.compile(r"(nn_?)?(theta|w|weights?|params?|parameters|beta|coef\w*|x)\d?", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class CostFunction(ByArguments):
    """A function that returns its value and its gradient."""

    name: str
    function: Callable[..., Any]
    cost_at: int  # where among the returned values the cost is
    gradient_names: tuple[str, ...]  # what the return statement calls the others
    convention: str = "cost and gradient"

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def called(self) -> Callable[..., Any]:
        return self.function

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        return (self.function,)

    def problem(
        self,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Any],
        *,
        id: str,
        target: str,
        where: str,
        rerun: str | None,
    ) -> Problem:
        call = bind_forward(
            where,
            self.function,
            list(inputs),
            constants,
            by_position=False,
            advise=advise_in_python,
        )
        ordered = {name: inputs[name] for name in call.order}
        require_floating(where, ordered)
        evaluation = Evaluation(self, call, dict(constants), _owners(self, call, ordered, constants))
        floating = [name for name, array in ordered.items() if array.dtype.kind == "f"]
        return Problem(
            id=id,
            target=target,
            forward=evaluation.forward,
            backward=evaluation.backward,
            inputs=ordered,
            constants=dict(constants),
            output_names=("cost",),
            source=Source(self.function, self.function, source_file(self.function)),
            rerun=rerun,
            nograd=frozenset(floating) - set(evaluation.owners.values()),
        )

    def gradients(self, returned: Any) -> list[tuple[str, Any]]:
        """The gradients among what was returned, each with what it is called."""
        found: list[tuple[str, Any]] = []
        others = [value for place, value in enumerate(returned) if place != self.cost_at % len(returned)]
        for name, value in zip(self.gradient_names, others, strict=False):
            found += list(value.items()) if isinstance(value, Mapping) else [(name, value)]
        return found


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Forward and backward of a cost function: one call gives both."""

    cost: CostFunction
    call: ForwardCall
    constants: Mapping[str, Any]
    owners: Mapping[str, str]  # what a gradient is called -> the input it belongs to

    def forward(self, arrays: Mapping[str, Array]) -> Run:
        returned = self.call(self.cost.function, {**self.constants, **arrays})
        value, gradients = _split(self.cost, returned)
        is_complex = any(array.dtype.kind == "c" for array in arrays.values())
        outputs = as_outputs((value,), complex_allowed=is_complex)
        if outputs[0].size != 1:
            raise BrokenPromise("GC108", f"the cost has shape {outputs[0].shape}; expected a number")
        return Run(outputs, {self.owners[name]: value for name, value in gradients if name in self.owners})

    def backward(self, cotangents: tuple[Array, ...], saved: Mapping[str, Any]) -> Mapping[str, Any]:
        weight = np.asarray(cotangents[0]).reshape(())
        return {name: None if value is None else np.asarray(value) * weight for name, value in saved.items()}


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The functions among these names whose return statements pair a cost with gradients."""
    found: list[Checkable] = []
    for name in loaded.functions(names):
        function = loaded.namespace[name]
        if _NO_COST.match(name) or not argument_names(function):
            continue
        for returned in returned_names(function):
            place = _cost_place(name, returned)
            if place is not None:
                gradients = tuple(n for at, n in enumerate(returned) if at != place)
                found.append(CostFunction(name, function, place, gradients))
                break
    return found


def _cost_place(name: str, returned: tuple[str, ...]) -> int | None:
    """Where the cost is in a tuple of a cost and gradients; None if it is no such tuple."""
    if len(returned) < 2:
        return None
    for place in (0, len(returned) - 1):
        others = [n for at, n in enumerate(returned) if at != place]
        is_cost = _COST.fullmatch(returned[place]) or (place == 0 and _COST.fullmatch(name))
        if is_cost and all(_GRADIENT.fullmatch(n) for n in others):
            return place
    if _COST.fullmatch(name) and len(name) > 2 and not any(_OTHER.fullmatch(n) for n in returned[1:]):
        return 0
    return None


def _split(cost: CostFunction, returned: Any) -> tuple[Any, list[tuple[str, Any]]]:
    if not isinstance(returned, tuple | list) or len(returned) < 2:
        raise BrokenPromise("GC108", f"{cost.name} returned no cost with a gradient beside it")
    return returned[cost.cost_at], cost.gradients(returned)


def _owners(
    cost: CostFunction, call: ForwardCall, inputs: Mapping[str, Array], constants: Mapping[str, Any]
) -> dict[str, str]:
    """Which input each gradient belongs to: by its name, else by its shape.

    Cost: one call; where it raises, shapes say nothing, and the check itself will meet what was raised.
    """
    floating = {name: array.dtype.kind == "f" for name, array in inputs.items()}
    try:
        returned = call(cost.function, {**constants, **copies(inputs)})
        gradients = _split(cost, returned)[1]
    except Exception:
        gradients = [(name, None) for name in cost.gradient_names]
    owners: dict[str, str] = {}
    for name, value in gradients:
        is_key = name not in cost.gradient_names
        named = input_of(name, floating, {}) if is_key or name not in floating else None
        owner = named or _by_shape(value, inputs, floating, set(owners.values()))
        if owner is not None and floating[owner]:
            owners[name] = owner
    return owners


def _by_shape(
    value: Any, inputs: Mapping[str, Array], floating: Mapping[str, bool], taken: set[str]
) -> str | None:
    """The input of a gradient's shape; of several, one that usually has a gradient, else the first."""
    free = [name for name in inputs if floating[name] and name not in taken]
    fitting = [name for name in free if value is not None and inputs[name].shape == np.shape(value)]
    candidates = fitting or free
    return next((name for name in candidates if _USUAL.fullmatch(name)), next(iter(candidates), None))
