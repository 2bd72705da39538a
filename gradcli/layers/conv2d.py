"""Two-dimensional convolution (cross-correlation, as in every deep-learning library), as one matrix product.

Source: Dumoulin and Visin (2016), arXiv:1603.07285, for the arithmetic; Chellapilla, Puri and Simard
(2006), "High performance convolutional neural networks for document processing", for the matrix product.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    x: Array  # (N, C, H, W)
    W: Array  # (F, C, KH, KW)
    columns: Array  # (N * OH * OW, C * KH * KW), one row per window
    stride: int
    padding: int


def conv2d_forward(x: Array, W: Array, b: Array, stride: int = 1, padding: int = 1) -> tuple[Array, Cache]:
    """Slide each filter over the zero-padded images.

    Shapes: x (N, C, H, W); W (F, C, KH, KW); b (F,); the output (N, F, OH, OW) with
    OH = (H + 2 padding - KH) // stride + 1, and OW likewise.
    """
    F, _, KH, KW = W.shape
    sides = (padding, padding)
    x_padded = np.pad(x, ((0, 0), (0, 0), sides, sides))
    windows = np.lib.stride_tricks.sliding_window_view(x_padded, (KH, KW), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]
    N, C, OH, OW = windows.shape[:4]
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(N * OH * OW, C * KH * KW)
    out = (columns @ W.reshape(F, -1).T + b).reshape(N, OH, OW, F).transpose(0, 3, 1, 2)
    return out, Cache(x, W, columns, stride, padding)


def conv2d_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, F, OH, OW) back to x, W and b.

    Windows overlap, so a pixel collects the gradients of every window that saw it; what falls on the
    padding is cut off.
    """
    x, W, columns, stride, padding = cache
    N, C, height, width = x.shape
    F, _, KH, KW = W.shape
    OH, OW = dout.shape[2:]
    drows = dout.transpose(0, 2, 3, 1).reshape(N * OH * OW, F)
    db = drows.sum(axis=0)
    dW = (drows.T @ columns).reshape(W.shape)
    dcolumns = drows @ W.reshape(F, -1)
    dwindows = dcolumns.reshape(N, OH, OW, C, KH, KW).transpose(0, 3, 1, 2, 4, 5)
    dx_padded = np.zeros((N, C, height + 2 * padding, width + 2 * padding), dtype=dcolumns.dtype)
    for i in range(KH):
        for j in range(KW):
            dx_padded[:, :, i : i + stride * OH : stride, j : j + stride * OW : stride] += dwindows[..., i, j]
    dx = dx_padded[:, :, padding : padding + height, padding : padding + width]
    return dx, dW, db
