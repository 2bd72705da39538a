"""The array types of gradcli's annotations, and how much an array may hold."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import prod
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
FloatArray: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

BLOCK = 1 << 13  # elements: a few arrays of so many fit the cache
MAX_BYTES = 4 * 2**30  # of what is drawn or read at once; more is refused before anything is allocated


def largest(array: Array) -> float:
    """The largest size among the finite numbers of an array; 0 where there are none."""
    if not array.size:
        return 0.0
    with np.errstate(invalid="ignore"):
        size = max(float(array.max()), -float(array.min()))  # NaN where there is one
    return size if size < np.inf else float(np.max(np.abs(array), initial=0.0, where=np.isfinite(array)))


def as_array(value: Any) -> Array | None:
    """What code returned, as an array; None for nothing, and for a list that is ragged or holds itself."""
    try:
        return None if value is None else np.asarray(value)
    except ValueError:
        return None


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape of an array, a number or nested lists of them; None for what has none."""
    array = as_array(value)
    return None if array is None else array.shape


def coarsest(arrays: Iterable[Array]) -> float:
    """The unit of the lowest precision among arrays: the `eps` of its dtype; 0 if none holds floats."""
    return max((float(np.finfo(array.dtype).eps) for array in arrays if array.dtype.kind == "f"), default=0.0)


@lru_cache(maxsize=64)
def everywhere(shape: tuple[int, ...], *, value: bool) -> BoolArray:
    """A mask that is one value for all elements; read-only, and of no size."""
    return np.broadcast_to(np.bool_(value), shape)


def blocks(shape: tuple[int, ...]) -> Iterator[slice | EllipsisType]:
    """What cuts arrays of a shape into parts along their first axis, in order.

    What is worked out for one part after the other takes little memory on the way and stays in the cache.
    """
    size = prod(shape)
    if size <= BLOCK:
        yield ...
        return
    rows = max(1, BLOCK * shape[0] // size)
    for start in range(0, shape[0], rows):
        yield slice(start, start + rows)
