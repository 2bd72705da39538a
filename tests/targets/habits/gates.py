"""Cells and activations with parameters, whose shapes nothing but the code says."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gru_forward(x, h, Wz, Uz, bz, Wr, Ur, br, Wh, Uh, bh):
    z = sigmoid(x @ Wz + h @ Uz + bz)
    r = sigmoid(x @ Wr + h @ Ur + br)
    hh = np.tanh(x @ Wh + (r * h) @ Uh + bh)
    out = (1 - z) * h + z * hh
    return out, (x, h, Wz, Uz, Wr, Ur, Wh, Uh, z, r, hh)


def gru_backward(dout, cache):
    x, h, Wz, Uz, Wr, Ur, Wh, Uh, z, r, hh = cache
    dh = dout * (1 - z)
    dz = dout * (hh - h) * z * (1 - z)
    da = dout * z * (1 - hh**2)
    drh = da @ Uh.T
    dr = drh * h * r * (1 - r)
    dh = dh + drh * r + dz @ Uz.T + dr @ Ur.T
    dx = dz @ Wz.T + dr @ Wr.T + da @ Wh.T
    return (
        dx,
        dh,
        x.T @ dz,
        h.T @ dz,
        dz.sum(0),
        x.T @ dr,
        h.T @ dr,
        dr.sum(0),
        x.T @ da,
        (r * h).T @ da,
        da.sum(0),
    )


def slope_forward(x, slope):
    return np.where(x > 0, x, slope * x), (x, slope)


def slope_backward(dout, cache):
    x, slope = cache
    return np.where(x > 0, dout, slope * dout), (dout * x * (x < 0)).sum(axis=0)


def prelu_forward(x, alpha):
    return np.where(x > 0, x, alpha * x), (x, alpha)


def prelu_backward(dout, cache):
    x, alpha = cache
    dalpha = (dout * np.minimum(x, 0)).sum(0)
    return dout * ((x > 0) + alpha * (x <= 0)), dalpha


def cprelu_forward(x, weight):
    w = weight[None, :, None, None]
    return np.maximum(x, 0) + w * np.minimum(x, 0), (x, w)


def cprelu_backward(dout, cache):
    x, w = cache
    return dout * np.where(x > 0, 1, w), (dout * np.minimum(x, 0)).sum(axis=(0, 2, 3))


def swish_forward(x, beta):
    s = 1 / (1 + np.exp(-beta * x))
    return x * s, (x, beta, s)


def swish_backward(dout, cache):
    x, beta, s = cache
    return dout * (s + beta * x * s * (1 - s)), np.sum(dout * x * x * s * (1 - s))
