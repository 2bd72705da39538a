"""Two-dimensional average pooling.

Source: LeCun et al. (1998), "Gradient-based learning applied to document recognition", section II.B, for
subsampling by local averages.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    x: Array  # (N, C, H, W)
    kernel: int
    stride: int


def avgpool2d_forward(x: Array, kernel: int = 2, stride: int = 2) -> tuple[Array, Cache]:
    """Average each kernel x kernel window.

    Shapes: x (N, C, H, W); the output (N, C, OH, OW) with OH = (H - kernel) // stride + 1, and OW
    likewise. Rows and columns that no window reaches are ignored.
    """
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))
    out = windows[:, :, ::stride, ::stride].mean(axis=(4, 5))
    return out, Cache(x, kernel, stride)


def avgpool2d_backward(dout: Array, cache: Cache) -> tuple[Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, C, OH, OW) back to x.

    Each window hands every element an equal share; windows overlap if stride < kernel.
    """
    x, kernel, stride = cache
    OH, OW = dout.shape[2:]
    share = dout / kernel**2
    dx = np.zeros_like(x)
    for i in range(kernel):
        for j in range(kernel):
            dx[:, :, i : i + stride * OH : stride, j : j + stride * OW : stride] += share
    return (dx,)
