"""One time step of a long short-term memory.

Source: Hochreiter and Schmidhuber (1997), "Long short-term memory", with the forget gate of Gers,
Schmidhuber and Cummins (2000). The four blocks of the pre-activation are i, f, o, g in this order.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    x: Array  # (N, D)
    h_prev: Array  # (N, H)
    c_prev: Array  # (N, H)
    Wx: Array  # (D, 4H)
    Wh: Array  # (H, 4H)
    i: Array  # (N, H), input gate
    f: Array  # (N, H), forget gate
    o: Array  # (N, H), output gate
    g: Array  # (N, H), candidate
    tanh_c: Array  # (N, H), tanh of the next cell state


def lstm_step_forward(
    x: Array, h_prev: Array, c_prev: Array, Wx: Array, Wh: Array, b: Array
) -> tuple[tuple[Array, Array], Cache]:
    """Make the next hidden state h and cell state c.

    Shapes: x (N, D); h_prev and c_prev (N, H); Wx (D, 4H); Wh (H, 4H); b (4H,); the outputs h and c (N, H).
    """
    a = x @ Wx + h_prev @ Wh + b
    a_i, a_f, a_o, a_g = np.split(a, 4, axis=1)
    i = 0.5 * (1 + np.tanh(0.5 * a_i))  # the sigmoid, without overflow
    f = 0.5 * (1 + np.tanh(0.5 * a_f))
    o = 0.5 * (1 + np.tanh(0.5 * a_o))
    g = np.tanh(a_g)
    c = f * c_prev + i * g
    tanh_c = np.tanh(c)
    h = o * tanh_c
    return (h, c), Cache(x, h_prev, c_prev, Wx, Wh, i, f, o, g, tanh_c)


def lstm_step_backward(
    dout: tuple[Array, Array], cache: Cache
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Vector-Jacobian product: pull the cotangents (dh, dc), each (N, H), back to the six inputs.

    c reaches the loss on two paths: as an output, and through h.
    """
    dh, dc_out = dout
    x, h_prev, c_prev, Wx, Wh, i, f, o, g, tanh_c = cache
    do = dh * tanh_c
    dtanh_c = dh * o
    dc = dc_out + dtanh_c * (1 - tanh_c**2)
    df = dc * c_prev
    dc_prev = dc * f
    di = dc * g
    dg = dc * i
    da_i = di * (i * (1 - i))
    da_f = df * (f * (1 - f))
    da_o = do * (o * (1 - o))
    da_g = dg * (1 - g**2)
    da = np.concatenate((da_i, da_f, da_o, da_g), axis=1)
    dx = da @ Wx.T
    dh_prev = da @ Wh.T
    dWx = x.T @ da
    dWh = h_prev.T @ da
    db = da.sum(axis=0)
    return dx, dh_prev, dc_prev, dWx, dWh, db
