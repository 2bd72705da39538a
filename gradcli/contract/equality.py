"""When two results count as the same."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcli.arrays import Array, as_array, blocks
from gradcli.problem import Problem


def comparable(problem: Problem, raw: Mapping[str, Any], *, copy: bool = True) -> dict[str, Array]:
    """The gradients of the right shape, as floating arrays.

    Without a `copy` they may be the code's own memory: use them before its next call.
    """
    found: dict[str, Array] = {}
    for name in problem.differentiable:
        array = as_array(raw.get(name))
        if array is None:
            continue
        if array.shape == problem.inputs[name].shape and array.dtype.kind in "fiub":
            dtype = array.dtype if array.dtype.kind == "f" else np.result_type(array.dtype, np.float16)
            found[name] = array.astype(dtype, copy=copy)
    return found


def same(first: tuple[Array, ...], second: tuple[Array, ...]) -> bool:
    """Equal up to the rounding that threads and memory alignment may cause."""
    return len(first) == len(second) and all(_same_numbers(a, b) for a, b in zip(first, second, strict=True))


def equal_gradients(gradients: Mapping[str, Array], raw: Mapping[str, Any]) -> bool:
    for name, gradient in gradients.items():
        array = as_array(raw.get(name))
        if array is None or not _same_numbers(gradient, array):
            return False
    return True


def _same_numbers(a: Array, b: Array) -> bool:
    if a.shape != np.shape(b):
        return False
    if all(_equal(a[block], np.asarray(b)[block]) for block in blocks(a.shape)):
        return True
    with np.errstate(invalid="ignore", over="ignore"):
        slack = 64 * float(np.finfo(a.dtype).eps) * float(np.max(np.abs(a), initial=0.0))
        return bool(np.all(np.abs(np.asarray(a, dtype=np.float64) - b) <= slack))


def _equal(a: Array, b: Array) -> bool:
    equal = np.asarray(a == b)
    if np.count_nonzero(equal) == equal.size:
        return True
    equal |= (a != a) & (b != b)  # NaN on both sides
    return bool(equal.all())


def same_bits(a: Array, b: Array) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return all(a[block].tobytes() == b[block].tobytes() for block in blocks(a.shape))


def changed_names(before: Mapping[str, Array], after: Mapping[str, Array]) -> list[str]:
    return [name for name, array in before.items() if not same_bits(array, after[name])]
