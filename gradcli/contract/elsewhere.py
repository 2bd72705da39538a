"""Another point than that of the check."""

import numpy as np

from gradcli.arrays import Array


def elsewhere(array: Array) -> Array:
    """An input at another point: of the same signs, and without new ties."""
    if array.dtype.kind != "f":
        return array.copy()
    factors = 0.75 + 0.1 * np.cos(np.arange(array.size)).reshape(array.shape)
    return np.asarray(array * factors).astype(array.dtype)
