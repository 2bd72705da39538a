"""Logistic sigmoid, without overflow and without loss of digits in either tail.

Source: Bishop (2006), Pattern Recognition and Machine Learning, equation 4.59; derivative, 4.88.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    z: Array  # (N, D), exp(-|x|), in (0, 1]


def sigmoid_forward(x: Array) -> tuple[Array, Cache]:
    """Squash x into (0, 1): 1 / (1 + exp(-x)).

    Shapes: x (N, D), or any; the output, that of x.
    """
    positive = x > 0
    z = np.exp(np.where(positive, -x, x))  # the exponent is never positive, so it cannot overflow
    out = np.where(positive, 1, z) / (1 + z)
    return out, Cache(z)


def sigmoid_backward(dout: Array, cache: Cache) -> tuple[Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, D) back to x.

    The derivative out * (1 - out) is z / (1 + z)^2 for either sign of x. Written like this it keeps its
    digits where out rounds to one.
    """
    (z,) = cache
    dx = dout * (z / (1 + z) ** 2)
    return (dx,)
