"""Layer normalisation over the features of each row.

Source: Ba, Kiros and Hinton (2016), arXiv:1607.06450, equation 4, with eps inside the square root as
every implementation has it. `layernorm_backward` walks the graph back, one local partial at a time.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    x: Array  # (N, D)
    gamma: Array  # (D,)
    mu: Array  # (N, 1)
    var: Array  # (N, 1)
    x_hat: Array  # (N, D), x with zero mean and unit variance in each row
    eps: float


def layernorm_forward(x: Array, gamma: Array, beta: Array, eps: float = 1e-5) -> tuple[Array, Cache]:
    """Normalise each row of x over its features, then scale and shift each feature.

    Shapes: x (N, D); gamma and beta (D,); the output (N, D).
    """
    mu = x.mean(axis=1, keepdims=True)
    var = ((x - mu) ** 2).mean(axis=1, keepdims=True)
    x_hat = (x - mu) / np.sqrt(var + eps)
    out = gamma * x_hat + beta
    return out, Cache(x, gamma, mu, var, x_hat, eps)


def layernorm_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, D) back to x, gamma and beta.

    x reaches the loss on three paths, directly and through mu and var, so dx has three terms. The
    statistics are per row, the parameters per column: the sums run over different axes.
    """
    x, gamma, mu, var, x_hat, eps = cache
    D = x.shape[1]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_hat).sum(axis=0)
    dx_hat = dout * gamma
    # (var + eps)^(-3/2) in two divisions: on its own the power overflows in float16.
    dvar = (dx_hat * -0.5 * (x - mu) / (var + eps) / np.sqrt(var + eps)).sum(axis=1, keepdims=True)
    # d var / d mu = -2 sum(x - mu) / D is zero but for rounding, so mu is reached through x_hat only.
    dmu = -(dx_hat / np.sqrt(var + eps)).sum(axis=1, keepdims=True)
    dx = dx_hat / np.sqrt(var + eps) + dvar * (2.0 * (x - mu) / D) + dmu / D
    return dx, dgamma, dbeta
