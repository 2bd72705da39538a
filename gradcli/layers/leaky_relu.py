"""Leaky rectified linear unit.

Source: Maas, Hannun and Ng (2013), "Rectifier nonlinearities improve neural network acoustic models".
At zero the gradient is taken as the slope of the negative side.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    x: Array  # (N, D)
    slope: float


def leaky_relu_forward(x: Array, slope: float = 0.01) -> tuple[Array, Cache]:
    """Multiply what is negative by slope.

    Shapes: x (N, D), or any; the output, that of x.
    """
    out = np.where(x > 0, x, slope * x)
    return out, Cache(x, slope)


def leaky_relu_backward(dout: Array, cache: Cache) -> tuple[Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, D) back to x."""
    x, slope = cache
    dx = np.where(x > 0, dout, slope * dout)
    return (dx,)
