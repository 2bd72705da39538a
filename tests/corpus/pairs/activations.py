"""Elementwise functions, gates and softmaxes."""
# ruff: noqa
# fmt: off

import math

import numpy as np


def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward(dout, x):
    return dout * (x > 0)


# --- in-place temporaries on copies

def relu_inplace_forward(x):
    out = x.copy()
    out[out < 0] = 0
    mask = x <= 0
    return out, (mask,)


def relu_inplace_backward(dout, cache):
    (mask,) = cache
    dx = np.array(dout)
    dx[mask] = 0
    return (dx,)


def leaky_relu_forward(x, slope):
    return np.where(x > 0, x, slope * x), {"x": x, "slope": slope}


def leaky_relu_backward(dout, cache):
    slope = cache["slope"]
    dx = np.where(cache["x"] > 0, dout, slope * dout)
    return dx


# --- a slope per channel

def prelu_forward(x, a):
    return np.maximum(x, 0) + a * np.minimum(x, 0), (x, a)


def prelu_backward(dout, cache):
    x, a = cache
    dx = dout * np.where(x > 0, 1.0, a)
    da = (dout * np.minimum(x, 0)).sum(axis=0)
    return dx, da


def elu_forward(x, alpha):
    y = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return y, (x, y, alpha)


def elu_backward(dy, cache):
    x, y, alpha = cache
    local = np.where(x > 0, 1.0, y + alpha)
    return dy * local


# --- stable in both tails, through np.abs

def sigmoid_forward(x):
    e = np.exp(-np.abs(x))
    s = np.where(x >= 0, 1 / (1 + e), e / (1 + e))
    return s, s


def sigmoid_backward(ds, s):
    return ds * s * (1 - s)


def tanh_forward(x):
    t = np.tanh(x)
    return t, t


def tanh_backward(dt, t):
    return dt * (1 - t ** 2)


def gelu_forward(x):
    c = math.sqrt(2 / math.pi)
    u = c * (x + 0.044715 * x ** 3)
    t = np.tanh(u)
    return 0.5 * x * (1 + t), (x, t)


def gelu_backward(dout, cache):
    x, t = cache
    c = math.sqrt(2 / math.pi)
    du = c * (1 + 3 * 0.044715 * x ** 2)
    dx = dout * (0.5 * (1 + t) + 0.5 * x * (1 - t ** 2) * du)
    return dx


def silu_forward(x):
    s = 1.0 / (1.0 + np.exp(-x))
    return x * s, (x, s)


def silu_backward(dy, cache):
    x, s = cache
    return dy * (s + x * s * (1.0 - s))


def softplus_forward(x, beta):
    z = beta * x
    out = (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))) / beta
    return out, z


def softplus_backward(dout, z):
    e = np.exp(-np.abs(z))
    sig = np.where(z >= 0, 1.0, e) / (1.0 + e)
    return dout * sig


def hardtanh_forward(x, low, high):
    return np.clip(x, low, high), (x, low, high)


def hardtanh_backward(dout, cache):
    x, low, high = cache
    inside = (x > low) & (x < high)
    return dout * inside


def abs_forward(x):
    return np.abs(x), np.sign(x)


def abs_backward(dout, sign):
    return dout * sign


# --- soft sign: x / (1 + |x|)

def softsign_forward(x):
    d = 1 + np.abs(x)
    return x / d, d


def softsign_backward(dout, d):
    return dout / d ** 2


# --- a value and its gate

def swiglu_forward(a, b):
    s = 1 / (1 + np.exp(-a))
    return a * s * b, (a, b, s)


def swiglu_backward(dout, cache):
    a, b, s = cache
    da = dout * b * s * (1 + a * (1 - s))
    db = dout * a * s
    return da, db


def softmax_forward(x):
    z = x - x.max(axis=-1, keepdims=True)
    e = np.exp(z)
    p = e / e.sum(axis=-1, keepdims=True)
    return p, p


def softmax_backward(dp, p):
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


# --- with the full Jacobian, sample by sample

def softmax_jacobian_forward(x):
    p = np.exp(x - np.max(x, axis=1, keepdims=True))
    p /= np.sum(p, axis=1, keepdims=True)
    return p, p


def softmax_jacobian_backward(dout, p):
    dx = np.zeros(dout.shape)
    for i in range(len(p)):
        J = np.diag(p[i]) - np.outer(p[i], p[i])
        dx[i] = J.dot(dout[i])
    return dx


def log_softmax_forward(x):
    m = x.max(1, keepdims=True)
    lse = m + np.log(np.sum(np.exp(x - m), axis=1, keepdims=True))
    y = x - lse
    return y, y


def log_softmax_backward(dy, y):
    return dy - np.exp(y) * dy.sum(1, keepdims=True)


def logsumexp_forward(x):
    m = np.max(x, axis=1, keepdims=True)
    y = np.squeeze(m, 1) + np.log(np.exp(x - m).sum(axis=1))
    return y, (x, y)


def logsumexp_backward(dy, cache):
    x, y = cache
    return dy[:, None] * np.exp(x - y[:, None])


# --- softmax with a temperature that has a gradient too

def tempered_softmax_forward(x, tau):
    z = x / tau
    e = np.exp(z - z.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    return p, (x, tau, p)


def tempered_softmax_backward(dp, cache):
    x, tau, p = cache
    dz = p * (dp - (dp * p).sum(-1, keepdims=True))
    dx = dz / tau
    dtau = -(dz * x).sum() / tau ** 2
    return dx, dtau


# --- seeded outside: the mask is an input without a gradient

def dropout_forward(x, mask, keep):
    return np.where(mask, x, 0) / keep, (mask, keep)


def dropout_backward(dout, cache):
    mask, keep = cache
    return dout * mask / keep
