"""Rectified linear unit.

Source: Nair and Hinton (2010), "Rectified linear units improve restricted Boltzmann machines". At zero
the gradient is taken as zero, one of the valid subgradients.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    x: Array  # (N, D)


def relu_forward(x: Array) -> tuple[Array, Cache]:
    """Replace what is negative by zero.

    Shapes: x (N, D), or any; the output, that of x.
    """
    out = np.where(x > 0, x, 0)
    return out, Cache(x)


def relu_backward(dout: Array, cache: Cache) -> tuple[Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, D) back to x."""
    (x,) = cache
    dx = np.where(x > 0, dout, 0)
    return (dx,)
