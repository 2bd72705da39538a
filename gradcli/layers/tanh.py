"""Hyperbolic tangent.

Source: Abramowitz and Stegun (1964), section 4.5; the derivative is 4.5.73, sech(x)^2.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    x: Array  # (N, D)


def tanh_forward(x: Array) -> tuple[Array, Cache]:
    """Squash x into (-1, 1).

    Shapes: x (N, D), or any; the output, that of x.
    """
    out = np.tanh(x)
    return out, Cache(x)


def tanh_backward(dout: Array, cache: Cache) -> tuple[Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, D) back to x.

    The derivative 1 - out^2 = sech(x)^2 is 4 z / (1 + z)^2 with z = exp(-2 |x|). Written like this it
    keeps its digits where |out| rounds to one.
    """
    (x,) = cache
    z = np.exp(-2 * np.abs(x))
    dx = dout * (4 * z / (1 + z) ** 2)
    return (dx,)
