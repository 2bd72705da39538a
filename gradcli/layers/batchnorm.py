"""Batch normalisation over the batch axis, in training mode.

Source: Ioffe and Szegedy (2015), arXiv:1502.03167. `batchnorm_forward` is Algorithm 1 with the biased
variance; `batchnorm_backward` walks its graph back, one local partial at a time.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    x: Array  # (N, D)
    gamma: Array  # (D,)
    mu: Array  # (D,)
    var: Array  # (D,)
    x_hat: Array  # (N, D), x with zero mean and unit variance in each column
    eps: float


def batchnorm_forward(x: Array, gamma: Array, beta: Array, eps: float = 1e-5) -> tuple[Array, Cache]:
    """Normalise each column of x over the batch, then scale and shift it.

    Shapes: x (N, D); gamma and beta (D,); the output (N, D).
    """
    mu = x.mean(axis=0)
    var = ((x - mu) ** 2).mean(axis=0)
    x_hat = (x - mu) / np.sqrt(var + eps)
    y = gamma * x_hat + beta
    return y, Cache(x, gamma, mu, var, x_hat, eps)


def batchnorm_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, D) back to x, gamma and beta.

    x reaches the loss on three paths, directly and through mu and var, so dx has three terms.
    """
    x, gamma, mu, var, x_hat, eps = cache
    m = x.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_hat).sum(axis=0)
    dx_hat = dout * gamma
    # (var + eps)^(-3/2) in two divisions: on its own the power overflows in float16.
    dvar = (dx_hat * -0.5 * (x - mu) / (var + eps) / np.sqrt(var + eps)).sum(axis=0)
    # d var / d mu = -2 sum(x - mu) / m is zero but for rounding; it stands here as in the derivation.
    dmu = (dx_hat * -1.0 / np.sqrt(var + eps)).sum(axis=0) + dvar * (-2.0 * (x - mu).sum(axis=0) / m)
    dx = dx_hat / np.sqrt(var + eps) + dvar * (2.0 * (x - mu) / m) + dmu / m
    return dx, dgamma, dbeta
