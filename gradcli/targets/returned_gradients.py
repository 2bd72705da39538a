"""Gradients that a backward returns one after the other, by the names that it returns them under.

`return dWx, dWh, db` of a network whose data have no gradient is no series in the order of what forward
takes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.arrays import Array, shape_of
from gradcli.targets.parameters import Parameter, entry_of
from gradcli.targets.places import Attribute, at, entries
from gradcli.targets.returned_names import returned_names


def by_owner(method: Callable[..., Any], result: Any, holder: Any, inputs: Mapping[str, Array]) -> Any:
    """The gradients by the names of what the object holds, where all are of that and none of forward's
    arguments; else the result as it is. Each must have the shape of what it is the gradient of.
    """
    if not isinstance(result, tuple | list) or not inputs:
        return result
    names = returned_names(method)
    if len(names) != len(result):
        return result
    held = {step.name: value for step, value in entries(holder) if isinstance(step, Attribute)}
    floats = {n: v for n, v in held.items() if isinstance(v, np.ndarray) and v.dtype.kind == "f"}
    owners = [_owner(name, {**inputs, **floats}) for name in names]
    shapes = {array.shape for array in inputs.values()}
    is_theirs = all(
        owner is not None and owner not in inputs and shape_of(gradient) == floats[owner].shape
        for owner, gradient in zip(owners, result, strict=True)
    )
    if not is_theirs or len(set(owners)) < len(owners) or shape_of(result[0]) in shapes:
        return result
    return dict(zip(owners, result, strict=True))


def _owner(gradient: str, held: Mapping[str, Any]) -> str | None:
    return next((name for name in held if entry_of(name, {gradient: True}) is not None), None)


def in_one_row(result: Any, holder: Any) -> Any:
    """`(dx, dW, db)` for the `(dx, [dW, db])` of a backward; dx alone where the object keeps the rest."""
    is_nested = isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], list | tuple)
    if not is_nested or not isinstance(result[0], np.ndarray) or not result[1]:
        return result
    rest = [one for one in result[1] if isinstance(one, np.ndarray)]
    if len(rest) < len(result[1]):
        return result
    held = {id(value) for _, value in entries(holder)}
    return result[0] if held >= {id(one) for one in rest} else (result[0], *rest)


def without_kept(result: Any, holder: Any, parameters: Sequence[Parameter], expected: int) -> Any:
    """`(dx,)` for the `(dx, self.dW)` of a backward that also returns what the object keeps for a parameter.

    expected: how many gradients are looked for in what it returned; only what is too many is left out, the
    last first. The first one only where those that the object keeps come first: that of the x in `x + b` may
    be the same array as that of b.
    """
    if not isinstance(result, tuple | list) or len(result) <= expected:
        return result
    kept = [at(holder, parameter.gradient) for parameter in parameters if parameter.gradient is not None]
    known = [any(_is_same(one, other) for other in kept) for one in result]
    left = dict(enumerate(result))
    for place in reversed(range(len(result))):
        is_spare = known[place] and (place > 0 or not known[-1])
        if is_spare and len(left) > expected:
            del left[place]
    return result if len(left) == len(result) else tuple(left.values())


def _is_same(one: Any, other: Any) -> bool:
    return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and np.array_equal(one, other)
