"""Arrays of frameworks, read and made as NumPy's: what goes through a tap need not be NumPy's own.

Nothing is imported here that the code under test has not imported.
"""

import sys
from typing import Any

import numpy as np

from gradcli.arrays import Array


def read(value: Any) -> Array | None:
    """The numbers of a tensor; None for what has none, such as JAX's stand-ins while it traces."""
    kind = type(value).__module__.partition(".")[0]
    if kind == "torch" and isinstance(value, sys.modules["torch"].Tensor):
        plain = value.detach()
        strided = plain.layout is sys.modules["torch"].strided
        return np.asarray(plain.cpu().numpy()) if strided and plain.dtype.is_floating_point else None
    if kind in ("jax", "jaxlib") and isinstance(value, sys.modules["jax"].Array):
        traced = isinstance(value, sys.modules["jax"].core.Tracer)
        return None if traced else np.asarray(value)
    return None


def write(array: Array, like: Any) -> Any:
    """Numbers as a tensor like another one. Raises TypeError for complex numbers where it holds real ones."""
    if array.dtype.kind == "c":
        raise TypeError("a complex step through a framework is not tried")
    if type(like).__module__.partition(".")[0] == "torch":
        return sys.modules["torch"].from_numpy(np.array(array)).to(like.dtype)
    return sys.modules["jax"].numpy.asarray(array, dtype=like.dtype)
