"""Another point than that of the check."""

import numpy as np

from gradcli.arrays import Array

_FACTORS = 1009  # different ones; a prime, so that neighbours along any axis have their own


def elsewhere(array: Array) -> Array:
    """An input at another point: of the same signs, and without new ties."""
    if array.dtype.kind != "f":
        return array.copy()
    factors = 0.75 + 0.1 * np.cos(np.arange(min(array.size, _FACTORS), dtype=np.float64))
    there = np.resize(factors, array.shape)  # one array: memory counts
    there *= array
    return there.astype(array.dtype, copy=False)
