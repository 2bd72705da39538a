"""One time step of a plain recurrent network.

Source: Elman (1990), "Finding structure in time", Cognitive Science 14.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    x: Array  # (N, D)
    h_prev: Array  # (N, H)
    Wx: Array  # (D, H)
    Wh: Array  # (H, H)
    h: Array  # (N, H)


def rnn_step_forward(x: Array, h_prev: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, Cache]:
    """Make the next hidden state from the input and the previous one: tanh(x Wx + h_prev Wh + b).

    Shapes: x (N, D); h_prev (N, H); Wx (D, H); Wh (H, H); b (H,); the output (N, H).
    """
    a = x @ Wx + h_prev @ Wh + b
    h = np.tanh(a)
    return h, Cache(x, h_prev, Wx, Wh, h)


def rnn_step_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array, Array, Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, H) back to x, h_prev, Wx, Wh and b."""
    x, h_prev, Wx, Wh, h = cache
    da = dout * (1 - h**2)
    dx = da @ Wx.T
    dh_prev = da @ Wh.T
    dWx = x.T @ da
    dWh = h_prev.T @ da
    db = da.sum(axis=0)
    return dx, dh_prev, dWx, dWh, db
