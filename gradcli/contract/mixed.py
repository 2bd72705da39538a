"""Many points in one call must not be mixed up."""

from collections.abc import Mapping, Sequence

import numpy as np

from gradcli.arrays import Array, largest
from gradcli.contract.elsewhere import elsewhere
from gradcli.contract.equality import comparable
from gradcli.errors import BrokenPromise
from gradcli.subject import Subject

_ROUNDING = 2.0**12  # units in the last place: a product of stacked matrices may sum in another order


def mixed(
    subject: Subject,
    outputs: Sequence[Array],
    cotangents: tuple[Array, ...],
    gradients: Mapping[str, Array],
) -> str:
    """Why many points cannot be given in one call; "" if they can.

    The point and another one are evaluated together: what is known of the first must come out again, and it
    stands last, where whatever is kept from point to point would show. Cost: one call.
    """
    inputs = subject.problem.inputs
    there = {name: elsewhere(array) for name, array in inputs.items()}
    try:
        _, (found, pulled) = subject.together([there, inputs], [cotangents, cotangents])
    except BrokenPromise as broken:
        return broken.message
    again = comparable(subject.problem, pulled)
    same = len(found) == len(outputs) and all(map(_close, outputs, found))
    if same and all(name in again and _close(gradient, again[name]) for name, gradient in gradients.items()):
        return ""
    return "a point gives other numbers with another point beside it"


def _close(alone: Array, beside: Array) -> bool:
    """Equal to rounding; what is not finite stays what it is."""
    if alone.shape != beside.shape or alone.dtype != beside.dtype:
        return False
    scale = largest(alone)
    slack = _ROUNDING * float(np.finfo(alone.dtype).eps) * scale
    return bool(np.allclose(alone, beside, rtol=0.0, atol=slack, equal_nan=True))
