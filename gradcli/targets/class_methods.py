"""How the methods of an object are called, and what they hand back."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.targets.backward_call import BackwardCall, Kept, bind_backward
from gradcli.targets.labels import LABEL
from gradcli.targets.parameters import Parameter, entry_of, gradient_of
from gradcli.targets.results import read_gradients
from gradcli.targets.slots import FREE, VALUE, looks_like_cotangent

_OUTPUTS = ("output", "out", "outputs", "Y", "y", "a", "A", "activations", "loss")
_PREDICTION_IN_DISGUISE = ("dvalues", "dA", "grad")
_LOSS = re.compile(r"loss|entropy|criterion|mse|nll|hinge|cost", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class MethodCall:
    """A backward method and how it gets its arguments."""

    method: Callable[..., Any]
    takes: BackwardCall
    lone: bool  # takes no cotangent: it is the gradient for a cotangent of one
    predictions: str | None = None  # the argument that it wants in place of a cotangent
    stored: str | None = None  # the attribute that it wants in place of that: a softmax before the loss

    def __call__(self, born: Any, cotangents: tuple[Any, ...], kept: Kept) -> Any:
        bound = partial(self.method, born)
        if not self.lone:
            return self.takes(bound, cotangents, kept)
        if self.predictions is not None:
            given = kept.values[self.predictions] if self.stored is None else getattr(born, self.stored)
            return self.takes(bound, (given,), kept)
        values = {slot.name: kept.values[slot.name] for slot in self.takes.slots if slot.role == VALUE}
        return bound(**values)


def bind_method(
    cls: type, method: Callable[..., Any], inputs: Sequence[str], known: Mapping[str, Any]
) -> MethodCall:
    """Work out how a backward method is called; `inputs` are forward's arguments, `known` all by name."""
    takes = bind_backward(partial(method, None), known)
    required = [slot for slot in takes.slots if slot.required]
    lone = not takes.open_ended and (
        not takes.slots or (bool(required) and all(slot.role == VALUE for slot in required))
    )
    disguised = _is_disguised(cls, takes, inputs)
    return MethodCall(method, takes, lone or disguised, _prediction(inputs) if disguised else None)


def is_target(name: str) -> bool:
    """Whether an argument is called like what predictions are compared with."""
    return LABEL.fullmatch(name) is not None


def wants_target(forward: Collection[str], backward: Callable[..., Any]) -> str | None:
    """The target that a backward takes and forward knows nothing of: then the loss is within backward, and
    there is no function that both are about."""
    slots = bind_backward(backward, forward).slots
    if any(looks_like_cotangent(slot.name) for slot in slots) or (
        len(slots) == 1 and slots[0].name in ("y", "t")
    ):
        return None
    needed = [slot.name for slot in slots if slot.required and slot.name not in forward]
    return next((name for name in needed if LABEL.fullmatch(name)), None)


def _is_disguised(cls: type, takes: BackwardCall, inputs: Sequence[str]) -> bool:
    """A loss's `backward(dvalues, y_true)` beside `forward(y_pred, y_true)`: the predictions once more."""
    names = [slot.name for slot in takes.slots]
    return (
        len(names) == len(inputs) == 2
        and names[1] == inputs[1]
        and names[0] in _PREDICTION_IN_DISGUISE
        and any(_LOSS.search(kind.__name__) for kind in cls.__mro__)
        and takes.slots[0].role == FREE
    )


def _prediction(inputs: Sequence[str]) -> str:
    return next((name for name in inputs if not LABEL.fullmatch(name)), inputs[0])


def with_gradient(
    shapes: Mapping[str, tuple[int, ...]], result: Any, born: Any, parameters: Sequence[Parameter]
) -> list[str]:
    """Which of forward's arrays of floats this backward is about; shapes: theirs.

    result: what it returned. A lone array is the gradient of the first argument that has its shape and is not
    named like a target. Where backward returns nothing, the object may store it, or it is a network whose
    data need none.
    """
    floats = list(shapes)
    likely = [name for name in floats if not LABEL.fullmatch(name)] or list(floats[:1])
    if result is None:
        stored = [name for name in floats if gradient_of(name, born) is not None]
        stored = [name for name in stored if name in likely] or stored
        return stored[:1] if stored else [] if parameters else likely
    if isinstance(result, tuple | list):
        loose = sum(parameter.gradient is None for parameter in parameters)
        return list(floats) if len(result) in (len(floats), len(floats) + loose) else likely
    if isinstance(result, Mapping):
        found = [name for name in floats if entry_of(name, result) is not None]
        return found if found or parameters else likely
    return [name for name in likely if shapes[name] == getattr(result, "shape", None)][:1] or likely[:1]


def input_gradients(
    result: Any, born: Any, wanted: Sequence[str], loose: Sequence[str], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Any]:
    """The gradients that a backward returned or stored for the inputs, and for parameters that are `loose`.

    shapes: of the inputs. A layer that goes through its input one by one (`X[0] + X[1]`) returns a list.
    Raises BrokenPromise GC102 where they cannot be told apart.
    """
    if not wanted and not isinstance(result, Mapping | tuple | list):
        return {}
    if result is None:
        return {name: gradient_of(name, born) for name in wanted}
    if isinstance(result, tuple | list) and len(result) == 2 and isinstance(result[1], Mapping):
        inner = dict.fromkeys(loose, True)
        return {wanted[0]: result[0], **read_gradients(dict(result[1]), inner, {}, [])}
    if isinstance(result, Mapping):
        return {name: entry_of(name, result) for name in (*wanted, *loose)}
    if len(wanted) == 1 and isinstance(result, list) and _are_parts(result, shapes[wanted[0]]):
        return {wanted[0]: np.stack(result)}
    has_gradient = dict.fromkeys([*wanted, *loose], True)
    if isinstance(result, tuple | list) and len(result) == len(wanted):
        return dict(zip(wanted, result, strict=True))
    if len(wanted) == 1 and not isinstance(result, tuple | list):
        return {wanted[0]: result}
    return read_gradients(result, has_gradient, {}, [])


def _are_parts(values: list[Any], shape: tuple[int, ...]) -> bool:
    """Whether these are the parts of an array of this shape along its first axis."""
    return (
        len(shape) > 1
        and len(values) == shape[0]
        and all(isinstance(value, np.ndarray) and value.shape == shape[1:] for value in values)
    )


def stored_predictions(born: Any, inputs: Array) -> list[str]:
    """The attributes that a loss may keep its predictions in: what forward made of its input."""
    found = [name for name in _OUTPUTS if isinstance(getattr(born, name, None), np.ndarray)]
    return [name for name in found if getattr(born, name).shape == inputs.shape]


def stored_output(born: Any) -> Any:
    """What a forward that returns nothing has left as its output."""
    return next((getattr(born, name) for name in _OUTPUTS if getattr(born, name, None) is not None), None)


def scaled(gradient: Any, cotangent: Any) -> Any:
    """A gradient that was computed for a cotangent of one, for another one."""
    if gradient is None or not isinstance(gradient, np.ndarray | np.generic | float | int):
        return gradient
    return np.asarray(gradient) * cotangent
