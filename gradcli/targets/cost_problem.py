"""A function and its gradient as a Problem: one call that returns both, or two functions of the same point.

The gradient is multiplied by the cotangent here, so that it is asked like any backward. It may be that of a
scalar, an elementwise derivative or a Jacobian: the shapes say which.
"""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.errors import UsageError
from gradcli.problem import Declared, Problem, Run, Source
from gradcli.targets.convention import Advise
from gradcli.targets.cost_names import is_force, is_force_function, is_value
from gradcli.targets.forward_call import (
    ForwardCall,
    argument_names,
    bind_forward,
    parameters_of,
    required_arguments,
)
from gradcli.targets.fresh import fresh
from gradcli.targets.inputs import require_floating
from gradcli.targets.label import Label
from gradcli.targets.labels import is_called_label
from gradcli.targets.output_argument import taken_at_output
from gradcli.targets.pair import advise_in_python, source_file
from gradcli.targets.readings import Reading, agrees, likeliest, parts_of, possible, pulled_back
from gradcli.targets.results import as_numbers, as_outputs
from gradcli.targets.returned_names import names_in_brackets, returned_names
from gradcli.targets.tensors import on_tensors, takes_tensors
from gradcli.targets.unnamed_arguments import nothing_known, taken_apart

Values = Mapping[str, Any]

_OUTPUT = re.compile(r"activat(ion|ed)s?|act|outputs?|out|y|a|s|fx|f_x|value|result|h", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class CostCall:
    """How a value and its gradient are computed; worked out once, used on every call."""

    value: Callable[..., Any]
    gradient: Callable[..., Any]  # the same function where one call returns both
    value_call: ForwardCall
    gradient_call: ForwardCall
    place: int | None  # of the value among what is returned; None: it is all
    names: tuple[str, ...]  # of what gradient returns
    at_output: str | None = None  # the argument in whose place gradient takes the output
    has_tensors: bool = False  # torch's, in the place of arrays
    cached: str | None = None  # the argument in whose place gradient takes what value returned beside
    beside: str | None = None  # the argument of gradient that takes the output, after the input

    def value_at(self, values: Values) -> Any:
        """The value."""
        result = self.value_call(self.on_arrays(self.value), values)
        place = 0 if self.cached is not None else self.place
        return result if place is None else result[place]

    def gradients_at(self, values: Values, output: Any) -> Any:
        """What gradient returns, the value among it where one call returns both."""
        if self.at_output is not None:
            values = {**values, self.at_output: output}
        if self.beside is not None:
            values = {**values, self.beside: output}
        if self.cached is not None:
            values = {**values, self.cached: self.value_call(self.on_arrays(self.value), values)[1]}
        return self.gradient_call(self.on_arrays(self.gradient), values)

    def on_arrays(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return on_tensors(function) if self.has_tensors else function


def make_cost_problem(
    value: Callable[..., Any],
    gradient: Callable[..., Any],
    inputs: Mapping[str, Array],
    constants: Mapping[str, Any],
    label: Label,
) -> Problem:
    """The Problem of a value and its gradient; the same function twice where one call returns both.

    Of the arrays of floats, those without a gradient become constants. Runs the functions a few times, to see
    what they return. Raises UsageError for arguments that they do not take.
    """
    value_call = bind(label.where, value, list(inputs), constants, advise_in_python)
    ordered = {name: inputs[name] for name in value_call.order}
    require_floating(label.where, ordered)
    both = value is gradient
    names = returned_names(gradient)
    beside = None if both else output_beside(value, gradient)
    known = constants if beside is None else {**constants, beside: None}
    gradient_call = value_call if both else _bind_gradient(label.where, gradient, value_call, ordered, known)
    place = _place_of_value(names) if both else None
    has_tensors = takes_tensors(value, gradient)
    call = CostCall(
        value, gradient, value_call, gradient_call, place, names, has_tensors=has_tensors, beside=beside
    )
    with np.errstate(all="ignore"), warnings.catch_warnings():  # the check reports what is wrong here
        warnings.simplefilter("ignore")
        call, readings, remark = _read(call, ordered, constants)
    wanted = [reading.argument for reading in readings]
    forces = _forces(call, readings)
    told = [remark] if remark else []
    told += [f"forces: the negative of the derivative by {name}" for name in forces]
    kept = {n: array for n, array in ordered.items() if n in wanted or array.dtype.kind != "f"}
    others = {**constants, **{name: array for name, array in ordered.items() if name not in kept}}

    def remake(value: Callable[..., Any], gradient: Callable[..., Any]) -> Problem:
        return around(replace(call, value=value, gradient=gradient))

    def around(call: CostCall) -> Problem:
        return Problem(
            id=label.id,
            target=label.target,
            forward=_forward_adapter(call, others),
            backward=_backward_adapter(call, readings, others),
            inputs=kept,
            constants=others,
            source=Source(
                call.value,
                call.gradient,
                source_file(call.value),
                remake,
                lone=True,
                value_at=call.place if both else None,
            ),
            rerun=label.rerun,
            declared=Declared(factors=dict.fromkeys(forces, -1.0)),
            remarks=tuple(told),
        )

    return around(call)


def bind(
    where: str, function: Callable[..., Any], inputs: Sequence[str], constants: Values, advise: Advise
) -> ForwardCall:
    """How a value is called on these."""
    return bind_forward(where, function, inputs, list(constants), by_position=False, advise=advise)


def output_beside(value: Callable[..., Any], gradient: Callable[..., Any]) -> str | None:
    """The argument in which a derivative takes the output too: `tanh_prime(z, activations)` of `tanh(z)`."""
    takes, wants = argument_names(value), required_arguments(gradient)
    more = [name for name in wants if name not in takes]
    is_one = len(more) == 1 == len(wants) - len(required_arguments(value))
    return more[0] if is_one and _OUTPUT.fullmatch(more[0]) else None


def _bind_gradient(
    where: str, gradient: Callable[..., Any], value_call: ForwardCall, inputs: Values, constants: Values
) -> ForwardCall:
    """By name where gradient's arguments have the value's names, else in the value's order."""
    known = {**value_call.defaults, **constants, **inputs}
    takes = argument_names(gradient)
    if parameters_of(gradient) is not None and set(required_arguments(gradient)) <= set(known):
        own = [name for name in inputs if name in takes]
        return bind(where, gradient, own, {n: None for n in constants if n in takes}, advise_in_python)
    unnamed = taken_apart(gradient)
    if unnamed:
        raise UsageError(f"{where}: {nothing_known(getattr(gradient, '__name__', 'gradient'), unnamed)}")
    order = [name for name in (*inputs, *constants) if name in known]
    count = len(takes) if parameters_of(gradient) is not None else 1
    return ForwardCall(tuple(inputs), tuple(order[:count]), (), {}, {})


def _forces(call: CostCall, readings: Sequence[Reading]) -> list[str]:
    """The arguments whose gradients are forces by the names of what is returned, or of the function that
    returns them: negative by convention."""
    if call.gradient is not call.value and is_force_function(getattr(call.gradient, "__name__", "")):
        return [reading.argument for reading in readings]
    places = {place for place, name in enumerate(call.names) if is_force(name)}
    return [reading.argument for reading in readings if reading.place in places]


def _place_of_value(names: Sequence[str]) -> int | None:
    """Where the cost stands among what is returned, by its name; the first place if names say nothing."""
    return next((place for place, name in enumerate(names) if is_value(name)), 0)


def _read(
    call: CostCall, inputs: Mapping[str, Array], constants: Values
) -> tuple[CostCall, tuple[Reading, ...], str]:
    """Look at what the functions return here: which value it is, and which argument each gradient is of."""
    floats = {name: array for name, array in inputs.items() if array.dtype.kind == "f"}
    try:
        if call.place is not None:
            call = replace(call, place=_scalar_place(call, _values(inputs, constants)))
        elif _has_cache(call, _values(inputs, constants)):
            call = replace(call, cached=call.value_call.order[0])
        out = np.asarray(call.value_at(_values(inputs, constants)))
        returned = call.gradients_at(_values(inputs, constants), out)
    except (Exception, SystemExit):  # the check says so, with the place: here it is only looked at
        return call, (_by_name_alone(call, floats),), ""
    parts = parts_of(returned, call.names, without=call.place, within=names_in_brackets(call.gradient))
    choices = _of_no_label(possible(parts, floats, out)) or [(_by_name_alone(call, floats),)]

    def value(arrays: Mapping[str, Array]) -> Array:
        return np.asarray(call.value_at(_values({**inputs, **arrays}, constants)))

    def right(readings: tuple[Reading, ...], returned: Any) -> bool:
        forces = _forces(call, readings)
        return all(
            agrees(value, floats, r.argument, r.of(returned), sign=-1 if r.argument in forces else 1)
            for r in readings
        )

    agreeing = [readings for readings in choices if right(readings, returned)] if len(choices) > 1 else []
    readings = agreeing[0] if len(agreeing) == 1 else choices[0]
    argument = _output_in_place_of(call, readings, floats, out)
    if argument is None:
        return call, readings, ""
    at_output = replace(call, at_output=argument)
    try:
        there = right(readings, at_output.gradients_at(_values(inputs, constants), out))
    except (Exception, SystemExit):
        return call, readings, ""
    here = right(readings, returned)
    if not taken_at_output(call.gradient, here, there):
        return call, readings, ""
    name, of = (getattr(f, "__name__", "f") for f in (call.gradient, call.value))
    return at_output, readings, f"{name} is taken as a function of the output of {of}"


def _of_no_label(choices: list[tuple[Reading, ...]]) -> list[tuple[Reading, ...]]:
    """Without those that are about what is called a label beyond doubt, if there are others: a `mse_prime`
    of the wrong sign is right as the derivative by `y_true`, and nobody means that."""
    meant = [readings for readings in choices if not any(is_called_label(r.argument) for r in readings)]
    return meant or choices


def _output_in_place_of(
    call: CostCall, readings: tuple[Reading, ...], floats: Mapping[str, Array], out: Array
) -> str | None:
    """The argument in whose place an elementwise derivative may take the output; None if it may not."""
    if call.place is not None or len(readings) != 1:
        return None
    name = readings[0].argument
    takes = {*call.gradient_call.positional, *(source for _, source in call.gradient_call.keywords)}
    return name if out.shape == floats[name].shape and name in takes else None


def _scalar_place(call: CostCall, values: Values) -> int:
    """Where the cost is: the place that its name says, if there is a scalar, else the first scalar."""
    result = call.value_call(call.on_arrays(call.value), values)
    sizes = [np.size(item) if not isinstance(item, Mapping | tuple | list) else 0 for item in result]
    assert call.place is not None
    if call.place < len(sizes) and sizes[call.place] == 1:
        return call.place
    return sizes.index(1) if 1 in sizes else call.place


def _has_cache(call: CostCall, values: Values) -> bool:
    """Whether value returns something beside, all that gradient takes: `return A, Z` and `d_tanh(cache)`."""
    if call.value is call.gradient or len(required_arguments(call.gradient)) != 1:
        return False
    result = call.value_call(call.on_arrays(call.value), values)
    return (
        isinstance(result, tuple)
        and len(result) == 2
        and isinstance(result[0], np.ndarray | np.floating | float)
    )


def _by_name_alone(call: CostCall, floats: Mapping[str, Array]) -> Reading:
    """The likeliest argument, where there is nothing to look at."""
    return Reading(likeliest(floats), None if call.place is None else int(call.place == 0))


def _values(inputs: Values, constants: Values) -> dict[str, Any]:
    return {**fresh(constants), **fresh(inputs)}


def _forward_adapter(call: CostCall, constants: Values) -> Callable[[Mapping[str, Array]], Run]:
    def run(arrays: Mapping[str, Array]) -> Run:
        point = {name: array.copy() for name, array in arrays.items()}
        value = call.value_at({**fresh(constants), **arrays})
        outputs = as_outputs((as_numbers(value),), arrays)
        return Run(outputs, (point, value))

    return run


def _backward_adapter(
    call: CostCall, readings: tuple[Reading, ...], constants: Values
) -> Callable[[tuple[Array, ...], Any], Mapping[str, Any]]:
    def run(cotangents: tuple[Array, ...], saved: Any) -> Mapping[str, Any]:
        point, output = saved
        returned = call.gradients_at({**fresh(constants), **fresh(point)}, output)
        return {
            reading.argument: pulled_back(cotangents[0], reading.of(returned), point[reading.argument])
            for reading in readings
        }

    return run
