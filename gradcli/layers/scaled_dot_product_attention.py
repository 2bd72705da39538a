"""Scaled dot-product attention, with an optional causal mask.

Source: Vaswani et al. (2017), arXiv:1706.03762, equation 1 and section 3.2.3.
"""

import math
from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    q: Array  # (N, H, T, D)
    k: Array  # (N, H, T, D)
    v: Array  # (N, H, T, D)
    scores: Array  # (N, H, T, T), before the mask
    weights: Array  # (N, H, T, T), each row sums to one


def scaled_dot_product_attention_forward(
    q: Array, k: Array, v: Array, causal: bool = False
) -> tuple[Array, Cache]:
    """Average the values v with weights softmax(q kᵀ / sqrt(D)); if causal, over the past and present only.

    Shapes: q, k, v (N, H, T, D) for batch, heads, time and head dimension; the output likewise.
    """
    T, D = q.shape[-2:]
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(D)
    visible = np.where(np.tri(T, dtype=bool), scores, -np.inf) if causal else scores
    # The softmax does not change with a shift; with the largest score at zero, exp cannot overflow.
    exps = np.exp(visible - visible.max(axis=-1, keepdims=True))
    weights = exps / exps.sum(axis=-1, keepdims=True)
    out = weights @ v
    return out, Cache(q, k, v, scores, weights)


def scaled_dot_product_attention_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, H, T, D) back to q, k and v.

    A masked score has weight zero, so its gradient is zero without a second look at the mask.
    """
    q, k, v, _, weights = cache
    D = q.shape[-1]
    dv = weights.swapaxes(-1, -2) @ dout
    dweights = dout @ v.swapaxes(-1, -2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
    dq = dscores @ k / math.sqrt(D)
    dk = dscores.swapaxes(-1, -2) @ q / math.sqrt(D)
    return dq, dk, dv
