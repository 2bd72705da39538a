"""Root-mean-square normalisation over the features of each row.

Source: Zhang and Sennrich (2019), arXiv:1910.07467, equation 4, with eps inside the square root.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    x: Array  # (N, D)
    gamma: Array  # (D,)
    mean_square: Array  # (N, 1)
    x_hat: Array  # (N, D), x with unit mean square in each row
    eps: float


def rmsnorm_forward(x: Array, gamma: Array, eps: float = 1e-5) -> tuple[Array, Cache]:
    """Divide each row of x by its root mean square, then scale each feature.

    Shapes: x (N, D); gamma (D,); the output (N, D).
    """
    mean_square = (x**2).mean(axis=1, keepdims=True)
    x_hat = x / np.sqrt(mean_square + eps)
    out = gamma * x_hat
    return out, Cache(x, gamma, mean_square, x_hat, eps)


def rmsnorm_backward(dout: Array, cache: Cache) -> tuple[Array, Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, D) back to x and gamma.

    x reaches the loss on two paths, directly and through its mean square.
    """
    x, gamma, mean_square, x_hat, eps = cache
    D = x.shape[1]
    rms = np.sqrt(mean_square + eps)
    dgamma = (dout * x_hat).sum(axis=0)
    dx_hat = dout * gamma
    # (mean_square + eps)^(-3/2) in two divisions: on its own the power overflows in float16.
    dmean_square = (dx_hat * -0.5 * x / (mean_square + eps) / rms).sum(axis=1, keepdims=True)
    dx = dx_hat / rms + dmean_square * (2.0 * x / D)
    return dx, dgamma
