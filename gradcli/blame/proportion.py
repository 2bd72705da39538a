"""Whether an array is another times a number."""

import numpy as np

from gradcli.arrays import Array


def factor_between(one: Array, other: Array) -> float | None:
    """The number, not 0, by which `one` is `other`, to rounding; None where there is none.

    They may have axes of length one more or less. A lone element says nothing.
    """
    if one.squeeze().shape != other.squeeze().shape or one.size < 2 or not one.any():
        return None
    flat, wanted = one.ravel(), other.ravel()
    factor = float(np.vdot(flat, wanted) / np.vdot(flat, flat))
    return factor if factor and np.allclose(factor * flat, wanted, rtol=1e-9, atol=0.0) else None
