"""Softmax over the last axis.

Source: Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.4; derivative, 4.106.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    probs: Array  # (N, C)


def softmax_forward(x: Array) -> tuple[Array, Cache]:
    """Turn each row of x into probabilities proportional to exp(x).

    Shapes: x (N, C), or any with the classes last; the output, that of x.
    """
    # The softmax does not change with a shift; with the largest element at zero, exp cannot overflow.
    exps = np.exp(x - x.max(axis=-1, keepdims=True))
    probs = exps / exps.sum(axis=-1, keepdims=True)
    return probs, Cache(probs)


def softmax_backward(dout: Array, cache: Cache) -> tuple[Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, C) back to x.

    The Jacobian of a row is diag(probs) - probs probsᵀ: its product with dout needs no matrix.
    """
    (probs,) = cache
    dx = probs * (dout - (dout * probs).sum(axis=-1, keepdims=True))
    return (dx,)
