"""The convention of two callables: a function and its derivative, as scipy.optimize takes them.

`f(x, *args)` with `grad(x, *args)`, `rosen` with `rosen_der` (and that with `rosen_hess`), `loss` with
`dloss`, `sigmoid` with `sigmoid_prime`. What the derivative returns says what it is: the gradient of a
number, a Jacobian (or a Hessian) with the axes of the output first, or the slope of an elementwise function,
in terms of its input or of its output, whichever agrees.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.errors import BrokenPromise
from gradcli.problem import Problem, Run, Source
from gradcli.subject import copies
from gradcli.targets.backward_call import looks_like_cotangent
from gradcli.targets.convention import ByArguments, Checkable
from gradcli.targets.forward_call import (
    ForwardCall,
    argument_names,
    bind_forward,
    required_arguments,
)
from gradcli.targets.inputs import require_floating
from gradcli.targets.naming import Pair
from gradcli.targets.pair import advise_in_python, source_file
from gradcli.targets.pairs import CheckablePair
from gradcli.targets.python_file import Loaded
from gradcli.targets.results import as_outputs, describe

_ENDS = re.compile(
    r"(?P<stem>\w+?)_?(grad|gradient|prime|derivative|deriv|der|jac|jacobian|backprop|Grad|Gradient|Prime"
    r"|Derivative|Deriv|Jacobian|_d)"
)
_STARTS = re.compile(r"(grad|gradient|deriv|derivative|jac|jacobian|prime|d)_?(of_)?(?P<stem>\w+)")
_SECOND = re.compile(r"(?P<stem>\w+?)_?(hess|hessian|Hess|Hessian)")
_FIRST = ("grad", "gradient", "der", "jac", "prime", "derivative")
# A derivative without a stem belongs to the one function of such a name.
_PLAIN = re.compile(r"grad|gradient|fprime|jac|jacobian|df|g|dcost|compute_gradient|gradient_function")
_PLAIN_FUNCTIONS = ("f", "fun", "func", "function", "objective", "loss", "cost", "compute_cost", "energy")
_OF_OUTPUT = re.compile(r"y|out(put)?s?|a|activations?|s|sig|activated\w*", re.IGNORECASE)
_GENERAL, _INPUT, _OUTPUT = "general", "input", "output"


@dataclass(frozen=True, eq=False)
class FunctionAndDerivative(ByArguments):
    """Two callables of the same arguments."""

    name: str
    function: Callable[..., Any]
    derivative: Callable[..., Any]
    derivative_name: str
    convention: str = "function and derivative"

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.name, self.derivative_name)

    @property
    def called(self) -> Callable[..., Any]:
        return self.function

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        return (self.function, self.derivative)

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
        evaluation = Evaluation(self, call, dict(constants), _GENERAL, "")
        evaluation = _adapted(evaluation, ordered)
        remark = f"{self.derivative_name} is taken as a function of the output"
        floating = {name for name, array in ordered.items() if array.dtype.kind == "f"}
        return Problem(
            id=id,
            target=target,
            forward=evaluation.forward,
            backward=evaluation.backward,
            inputs=ordered,
            constants=dict(constants),
            source=Source(self.function, self.derivative, source_file(self.function)),
            rerun=rerun,
            nograd=frozenset(floating - {evaluation.moving}),
            remarks=(remark,) if evaluation.kind == _OUTPUT else (),
        )


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Forward is the function, backward the derivative with the cotangent multiplied in."""

    pair: FunctionAndDerivative
    call: ForwardCall
    constants: Mapping[str, Any]
    kind: str  # elementwise in terms of the input or the output; or what its shape says
    moving: str  # the input that the derivative is for

    def forward(self, arrays: Mapping[str, Array]) -> Run:
        is_complex = any(array.dtype.kind == "c" for array in arrays.values())
        returned = self.call(self.pair.function, {**self.constants, **arrays})
        outputs = as_outputs((returned,), complex_allowed=is_complex)
        return Run(outputs, (dict(arrays), outputs[0]))

    def backward(self, cotangents: tuple[Array, ...], saved: Any) -> Mapping[str, Any]:
        arrays, output = saved
        slope = self.slope(arrays, output)
        return {self.moving: _pulled(cotangents[0], slope, output, arrays[self.moving])}

    def slope(self, arrays: Mapping[str, Array], output: Array) -> Any:
        """What the derivative returns at this point."""
        values = {**self.constants, **arrays}
        if self.kind == _OUTPUT:
            values[self.moving] = output
        names = argument_names(self.pair.derivative)
        if set(names) <= set(values) | set(self.call.defaults):
            known = {**self.call.defaults, **values}
            return self.pair.derivative(**{name: known[name] for name in names if name in values})
        order = [values[name] for name in self.pair.arguments if name in values]
        return self.pair.derivative(*order[: len(names) or len(order)])


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The functions among these names that have a derivative among them."""
    functions = loaded.functions(names)
    found: list[Checkable] = []
    used: set[str] = set()
    for derivative in functions:
        for name in _functions_of(derivative, functions):
            if derivative in used or name == derivative:
                continue
            one = _made(loaded, name, derivative)
            if one is not None:
                found.append(one)
                used.add(derivative)
    return found


def _functions_of(derivative: str, functions: Sequence[str]) -> Iterator[str]:
    """The functions whose derivative may have this name."""
    second = _SECOND.fullmatch(derivative)
    if second:
        stem = second["stem"]
        firsts = (*(f"{stem}_{end}" for end in _FIRST), *(f"{end}_{stem}" for end in _FIRST), f"d{stem}")
        yield from (name for name in firsts if name in functions)
        return
    for pattern in (_ENDS, _STARTS):
        match = pattern.fullmatch(derivative)
        if match:
            stem = match["stem"].strip("_")
            yield from (
                name for name in functions if name.lower() in (stem.lower(), f"{stem.lower()}_function")
            )
    if _PLAIN.fullmatch(derivative):
        yield from [name for name in functions if name in _PLAIN_FUNCTIONS][:1]


def _made(loaded: Loaded, name: str, derivative: str) -> Checkable | None:
    """The two as what they are: a pair if the derivative takes a cotangent, None if they do not fit."""
    function, slope = loaded.namespace[name], loaded.namespace[derivative]
    own, other = required_arguments(function), required_arguments(slope)
    if not argument_names(function) or not argument_names(slope):
        return None
    if any(looks_like_cotangent(argument) for argument in other if argument not in own):
        return CheckablePair(Pair(name, name, derivative), function, slope)
    if len(other) > max(len(own), len(argument_names(function))):
        return None
    return FunctionAndDerivative(name, function, slope, derivative)


def _adapted(evaluation: Evaluation, inputs: Mapping[str, Array]) -> Evaluation:
    """The evaluation with its kind and its moving input, as far as one call of each function tells."""
    floating = [name for name, array in inputs.items() if array.dtype.kind == "f"]

    def of(kind: str, moving: str) -> Evaluation:
        return Evaluation(evaluation.pair, evaluation.call, evaluation.constants, kind, moving)

    first = of(_GENERAL, floating[0])
    try:
        output = first.forward(copies(inputs)).outputs[0]
        slope = np.asarray(first.slope(copies(inputs), output))
    except Exception:
        return first  # the check itself meets what was raised
    if output.ndim and slope.shape == output.shape == inputs[floating[0]].shape:
        return of(_elementwise_kind(of, floating[0], inputs, output), floating[0])
    wanted = slope.shape[output.ndim :] if slope.shape[: output.ndim] == output.shape else slope.shape
    fitting = [name for name in floating if inputs[name].shape == wanted]
    return of(_GENERAL, next(iter(fitting), floating[0]))


def _elementwise_kind(
    of: Callable[[str, str], Evaluation], name: str, inputs: Mapping[str, Array], output: Array
) -> str:
    """Whether a slope is in terms of the input or the output: the one that is closer to a difference.

    Where that leaves no winner, the name of the derivative's argument decides.
    """
    step = 1e-6
    forward = of(_INPUT, name).forward
    ahead, back = (
        forward({**copies(inputs), name: inputs[name] + sign * step}).outputs[0] for sign in (1.0, -1.0)
    )
    measured = (ahead - back) / (2 * step)
    distance = {kind: _distance(of(kind, name), inputs, output, measured) for kind in (_INPUT, _OUTPUT)}
    if distance[_OUTPUT] < 1e-3 < distance[_INPUT] or distance[_OUTPUT] < 0.1 * distance[_INPUT]:
        return _OUTPUT
    if distance[_INPUT] < 1e-3 or distance[_INPUT] < 0.1 * distance[_OUTPUT]:
        return _INPUT
    arguments = argument_names(of(_INPUT, name).pair.derivative)
    named = arguments[0] if arguments else ""
    return _OUTPUT if named != name and _OF_OUTPUT.fullmatch(named) else _INPUT


def _distance(
    evaluation: Evaluation, inputs: Mapping[str, Array], output: Array, measured: FloatArray
) -> float:
    """The typical relative distance of a slope from the measured one."""
    try:
        slope = np.asarray(evaluation.slope(copies(inputs), output.copy()))
    except Exception:
        return np.inf
    size = np.maximum(np.abs(measured), 1e-3 * float(np.max(np.abs(measured), initial=0.0)))
    with np.errstate(all="ignore"):
        return float(np.median(np.abs(slope - measured) / size))


def _pulled(cotangent: Array, slope: Any, output: Array, moving: Array) -> Any:
    """The cotangent times a gradient, a Jacobian or an elementwise slope."""
    if slope is None:
        return None
    array = np.asarray(slope)
    if array.dtype.kind not in "fiub":
        raise BrokenPromise("GC108", f"the derivative returned {describe(slope)}; expected numbers")
    if output.size == 1:
        return array * cotangent.reshape(())
    if array.shape == output.shape + moving.shape:
        return np.tensordot(cotangent, array, axes=output.ndim)
    if array.shape == output.shape:
        return array * cotangent
    raise BrokenPromise(
        "GC103",
        f"the derivative has shape {array.shape}; expected a Jacobian of shape {output.shape + moving.shape}",
    )
