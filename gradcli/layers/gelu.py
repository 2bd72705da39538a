"""Gaussian error linear unit, in its tanh form.

Source: Hendrycks and Gimpel (2016), arXiv:1606.08415, section 2.
"""

import math
from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array

SCALE = math.sqrt(2 / math.pi)
CUBIC = 0.044715


class Cache(NamedTuple):
    x: Array  # (N, D)
    t: Array  # (N, D), tanh(u)


def gelu_forward(x: Array) -> tuple[Array, Cache]:
    """Weigh x by an approximation of the normal distribution function at x.

    Shapes: x (N, D), or any; the output, that of x.
    """
    u = SCALE * (x + CUBIC * x * x * x)
    t = np.tanh(u)
    out = 0.5 * x * (1 + t)
    return out, Cache(x, t)


def gelu_backward(dout: Array, cache: Cache) -> tuple[Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, D) back to x.

    x reaches the loss on two paths, as the factor in front and through u.
    """
    x, t = cache
    dt = dout * (0.5 * x)
    du = dt * (1 - t**2)
    dx = dout * (0.5 * (1 + t)) + du * (SCALE * (1 + 3 * CUBIC * x**2))
    return (dx,)
