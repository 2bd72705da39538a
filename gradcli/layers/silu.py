"""Sigmoid linear unit, also called swish.

Source: Elfwing, Uchibe and Doya (2017), arXiv:1702.03118; Ramachandran et al. (2017), arXiv:1710.05941.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    x: Array  # (N, D)
    gate: Array  # (N, D), sigmoid(x)


def silu_forward(x: Array) -> tuple[Array, Cache]:
    """Weigh x by its sigmoid.

    Shapes: x (N, D), or any; the output, that of x.
    """
    positive = x > 0
    z = np.exp(np.where(positive, -x, x))  # the exponent is never positive, so it cannot overflow
    gate = np.where(positive, 1, z) / (1 + z)
    out = x * gate
    return out, Cache(x, gate)


def silu_backward(dout: Array, cache: Cache) -> tuple[Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, D) back to x.

    x reaches the loss on two paths, as the factor in front and through the gate.
    """
    x, gate = cache
    dgate = dout * x
    dx = dout * gate + dgate * (gate * (1 - gate))
    return (dx,)
