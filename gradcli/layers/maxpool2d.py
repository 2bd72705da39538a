"""Two-dimensional max pooling.

Source: Boureau, Ponce and LeCun (2010), "A theoretical analysis of feature pooling in visual
recognition". Of several equal maxima in a window the first, in reading order, receives the gradient.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    x: Array  # (N, C, H, W)
    winner: Array  # (N, C, OH, OW), integers: where in its window the maximum is, row by row
    kernel: int
    stride: int


def maxpool2d_forward(x: Array, kernel: int = 2, stride: int = 2) -> tuple[Array, Cache]:
    """Take the largest element of each kernel x kernel window.

    Shapes: x (N, C, H, W); the output (N, C, OH, OW) with OH = (H - kernel) // stride + 1, and OW
    likewise. Rows and columns that no window reaches are ignored.
    """
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]
    candidates = windows.reshape(*windows.shape[:4], kernel * kernel)
    winner = candidates.argmax(axis=-1)
    out = np.take_along_axis(candidates, winner[..., np.newaxis], axis=-1)[..., 0]
    return out, Cache(x, winner, kernel, stride)


def maxpool2d_backward(dout: Array, cache: Cache) -> tuple[Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, C, OH, OW) back to x.

    Windows overlap if stride < kernel, so an element collects the gradient of every window that it won.
    """
    x, winner, kernel, stride = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros_like(x)
    for i in range(kernel):
        for j in range(kernel):
            won = np.where(winner == i * kernel + j, dout, 0)
            dx[:, :, i : i + stride * OH : stride, j : j + stride * OW : stride] += won
    return (dx,)
