"""Mean squared error.

Source: Bishop (2006), Pattern Recognition and Machine Learning, section 1.1; here averaged over all
elements, without the factor one half.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    error: Array  # (N, D), prediction - target


def mse_forward(prediction: Array, target: Array) -> tuple[Array, Cache]:
    """Average the squared difference over all elements.

    Shapes: prediction and target (N, D), or any equal ones; the loss is a 0-d array.
    """
    error = prediction - target
    loss = (error**2).mean()
    return np.asarray(loss), Cache(error)


def mse_backward(dout: Array, cache: Cache) -> tuple[Array, Array]:
    """Vector-Jacobian product: pull the cotangent dout (0-d) back to prediction and target."""
    (error,) = cache
    derror = 2 * error / error.size * dout
    dprediction = derror
    dtarget = -derror
    return dprediction, dtarget
