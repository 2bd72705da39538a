"""Another point than that of the check."""

import numpy as np

from gradcli.arrays import Array


def elsewhere(array: Array) -> Array:
    """An input at another point: of the same signs, and without new ties."""
    if array.dtype.kind != "f":
        return array.copy()
    there = np.arange(array.size, dtype=np.float64).reshape(array.shape)  # one array: memory counts
    np.cos(there, out=there)
    there *= 0.1
    there += 0.75
    there *= array
    return there.astype(array.dtype, copy=False)
