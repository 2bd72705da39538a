"""Functions with a backward beside them that takes inputs, outputs and cotangents in an order of its own."""

import numpy as np


def linear(x, W, b):
    return x @ W.T + b


def linear_backward(x, W, gy):
    return gy @ W, gy.T @ x, gy.sum(axis=0)


def gated(a, b):
    return np.tanh(a) * b


def gated_backward(a, b, gh):
    t = np.tanh(a)
    return gh * b * (1 - t**2), gh * t


def attention(q, k, v, causal=False):
    s = q @ k.T / np.sqrt(q.shape[-1])
    if causal:
        s = np.where(np.tril(np.ones(s.shape, dtype=bool)), s, -np.inf)
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True) @ v


def attention_backward(q, k, v, go, causal=False):
    s = q @ k.T / np.sqrt(q.shape[-1])
    if causal:
        s = np.where(np.tril(np.ones(s.shape, dtype=bool)), s, -np.inf)
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    gp = go @ v.T
    gs = p * (gp - (gp * p).sum(axis=-1, keepdims=True)) / np.sqrt(q.shape[-1])
    return gs @ k, gs.T @ q, p.T @ go


def softmax_forward(a):
    e = np.exp(a - a.max())
    return e / e.sum()


def softmax_backward(b, gb):
    return b * (gb - (gb * b).sum())


def rescale_forward(x, gamma):
    rms = np.sqrt((x**2).mean(axis=1, keepdims=True) + 1e-5)
    xhat = x / rms
    return xhat * gamma, xhat, rms


def rescale_backward(dy, xhat, rms, gamma):
    g = dy * gamma
    dx = (g - xhat * (g * xhat).mean(axis=1, keepdims=True)) / rms
    return dx, (dy * xhat).sum(axis=0)


def tangent(x):
    return np.tanh(x)


def tangent_backward(A):
    return 1 - A**2


def residual_forward(x, W1, b1, W2, b2):
    h = np.tanh(x @ W1 + b1)
    return x + h @ W2 + b2, (x, h, W1, W2)


def residual_backward(dout, cache):
    x, h, W1, W2 = cache
    da = (dout @ W2.T) * (1 - h**2)
    return dout + da @ W1.T, x.T @ da, da.sum(0), h.T @ dout, dout.sum(0)
