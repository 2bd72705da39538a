"""Affine (fully connected) layer.

Source: Stanford CS231n, "Backpropagation, Intuitions". The three gradients are the local partials of
out = x W + b, each summed over the elements it reaches.
"""

from typing import NamedTuple

from gradcli.arrays import Array


class Cache(NamedTuple):
    x: Array  # (N, D)
    W: Array  # (D, M)


def affine_forward(x: Array, W: Array, b: Array) -> tuple[Array, Cache]:
    """Map each row of x to x W + b.

    Shapes: x (N, D); W (D, M); b (M,); the output (N, M).
    """
    out = x @ W + b
    return out, Cache(x, W)


def affine_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, M) back to x, W and b."""
    x, W = cache
    dx = dout @ W.T
    dW = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dW, db
