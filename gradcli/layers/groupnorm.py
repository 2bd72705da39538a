"""Group normalisation: over the pixels of a group of channels, in each image by itself.

Source: Wu and He (2018), arXiv:1803.08494, section 3.1.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    x: Array  # (N, C, H, W)
    gamma: Array  # (C,)
    mu: Array  # (N, G, 1)
    var: Array  # (N, G, 1)
    x_hat: Array  # (N, C, H, W), x with zero mean and unit variance in each group
    groups: int
    eps: float


def groupnorm_forward(
    x: Array, gamma: Array, beta: Array, groups: int = 2, eps: float = 1e-5
) -> tuple[Array, Cache]:
    """Normalise each group of C / groups channels, then scale and shift each channel.

    Shapes: x (N, C, H, W); gamma and beta (C,); the output (N, C, H, W).
    """
    grouped = x.reshape(x.shape[0], groups, -1)
    mu = grouped.mean(axis=2, keepdims=True)
    var = ((grouped - mu) ** 2).mean(axis=2, keepdims=True)
    x_hat = ((grouped - mu) / np.sqrt(var + eps)).reshape(x.shape)
    out = gamma[:, np.newaxis, np.newaxis] * x_hat + beta[:, np.newaxis, np.newaxis]
    return out, Cache(x, gamma, mu, var, x_hat, groups, eps)


def groupnorm_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, C, H, W) back to x, gamma and beta.

    x reaches the loss on three paths, directly and through mu and var, so dx has three terms.
    """
    x, gamma, mu, var, x_hat, groups, eps = cache
    dbeta = dout.sum(axis=(0, 2, 3))
    dgamma = (dout * x_hat).sum(axis=(0, 2, 3))
    dx_hat = (dout * gamma[:, np.newaxis, np.newaxis]).reshape(x.shape[0], groups, -1)
    centred = x.reshape(dx_hat.shape) - mu
    m = dx_hat.shape[2]
    # (var + eps)^(-3/2) in two divisions: on its own the power overflows in float16.
    dvar = (dx_hat * -0.5 * centred / (var + eps) / np.sqrt(var + eps)).sum(axis=2, keepdims=True)
    # d var / d mu = -2 sum(x - mu) / m is zero but for rounding, so mu is reached through x_hat only.
    dmu = -(dx_hat / np.sqrt(var + eps)).sum(axis=2, keepdims=True)
    dx = (dx_hat / np.sqrt(var + eps) + dvar * (2.0 * centred / m) + dmu / m).reshape(x.shape)
    return dx, dgamma, dbeta
