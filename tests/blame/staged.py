"""Layers in several writing habits, as users write them, and slips on known lines."""
# ruff: noqa
# fmt: off

import numpy as np


# --- one statement per node

def bn_forward(x, gamma, beta, eps=1e-5):
    N, D = x.shape
    mu = np.sum(x, axis=0) / N
    xmu = x - mu
    sq = xmu ** 2
    var = np.sum(sq, axis=0) / N
    sqrtvar = np.sqrt(var + eps)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    gammax = gamma * xhat
    out = gammax + beta
    return out, (xhat, gamma, xmu, ivar, sqrtvar, var, eps)


def bn_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar ** 2) * divar
    dvar = 0.5 / np.sqrt(var + eps) * dsqrtvar
    dsq = np.ones((N, D)) * dvar / N
    dxmu2 = 2 * xmu * dsq
    dxmu = dxmu1 + dxmu2
    dmu = -np.sum(dxmu, axis=0)
    dx = dxmu + np.ones((N, D)) * dmu / N
    return dx, dgamma, dbeta


# --- one statement per node, names of another habit

def mlp_forward(x, w1, b1, w2, b2):
    z1 = x @ w1 + b1
    h1 = np.tanh(z1)
    z2 = h1 @ w2 + b2
    m = z2.max(axis=1, keepdims=True)
    e = np.exp(z2 - m)
    s = e.sum(axis=1, keepdims=True)
    p = e / s
    return p, (x, w1, h1, w2, e, s, p)


def mlp_backward(grad_p, cache):
    x, w1, h1, w2, e, s, p = cache
    e_grad = grad_p / s
    s_grad = -(grad_p * e / s ** 2).sum(axis=1, keepdims=True)
    e_grad = e_grad + s_grad
    z2_grad = e_grad * e
    h1_grad = z2_grad @ w2.T
    w2_grad = h1.T @ z2_grad
    b2_grad = z2_grad.sum(axis=0)
    z1_grad = h1_grad * (1 - h1 ** 2)
    x_grad = z1_grad @ w1.T
    w1_grad = x.T @ z1_grad
    b1_grad = z1_grad.sum(axis=0)
    return x_grad, w1_grad, b1_grad, w2_grad, b2_grad


# --- compact one-liners

def ln_forward(x, g, b, eps=1e-5):
    r = 1 / np.sqrt(x.var(-1, keepdims=True) + eps)
    n = (x - x.mean(-1, keepdims=True)) * r
    return n * g + b, (n, r, g)


def ln_backward(dy, c):
    n, r, g = c
    dn = dy * g
    dx = r * (dn - dn.mean(-1, keepdims=True) - n * (dn * n).mean(-1, keepdims=True))
    return dx, (dy * n).sum(0), dy.sum(0)


def gate_forward(x, W, V):
    a, u = x @ W, x @ V
    s = 1 / (1 + np.exp(-a))
    return a * s * u, (x, W, V, a, u, s)


def gate_backward(dy, c):
    x, W, V, a, u, s = c
    da = dy * u * s * (1 + a * (1 - s))
    du = dy * a * s
    return da @ W.T + du @ V.T, x.T @ da, x.T @ du


def att_forward(q, k, v):
    s = q @ k.T / np.sqrt(q.shape[1])
    e = np.exp(s - s.max(1, keepdims=True))
    a = e / e.sum(1, keepdims=True)
    return a @ v, (q, k, v, a)


def att_backward(dy, c):
    q, k, v, a = c
    da = dy @ v.T
    ds = a * (da - (da * a).sum(1, keepdims=True))
    dq = ds @ k / np.sqrt(q.shape[1])
    dk = ds.T @ q / np.sqrt(q.shape[1])
    return dq, dk, a.T @ dy


# --- loops that write into slices

def conv_forward(x, w, b):
    N, C, L = x.shape
    F, _, K = w.shape
    out = np.zeros((N, F, L - K + 1))
    for n in range(N):
        for f in range(F):
            for i in range(L - K + 1):
                out[n, f, i] = np.sum(x[n, :, i:i + K] * w[f]) + b[f]
    return out, (x, w, b)


def conv_backward(dout, cache):
    x, w, b = cache
    N, C, L = x.shape
    F, _, K = w.shape
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    db = np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            for i in range(L - K + 1):
                dx[n, :, i:i + K] += w[f] * dout[n, f, i]
                dw[f] += x[n, :, i:i + K] * dout[n, f, i]
                db[f] += dout[n, f, i]
    return dx, dw, db


def lstm_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = h0.shape[1]
    h = np.zeros((N, T, H))
    steps = []
    prev_h, prev_c = h0, np.zeros_like(h0)
    for t in range(T):
        a = x[:, t] @ Wx + prev_h @ Wh + b
        i = 1 / (1 + np.exp(-a[:, :H]))
        f = 1 / (1 + np.exp(-a[:, H:2 * H]))
        o = 1 / (1 + np.exp(-a[:, 2 * H:3 * H]))
        g = np.tanh(a[:, 3 * H:])
        next_c = f * prev_c + i * g
        tc = np.tanh(next_c)
        next_h = o * tc
        steps.append((x[:, t], prev_h, prev_c, i, f, o, g, tc))
        prev_h, prev_c = next_h, next_c
        h[:, t] = next_h
    return h, (steps, Wx, Wh)


def lstm_backward(dh, cache):
    steps, Wx, Wh = cache
    N, T, H = dh.shape
    dx = np.zeros((N, T, Wx.shape[0]))
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(4 * H)
    dnext_h, dnext_c = np.zeros((N, H)), np.zeros((N, H))
    for t in reversed(range(T)):
        xt, prev_h, prev_c, i, f, o, g, tc = steps[t]
        dht = dh[:, t] + dnext_h
        dc = dnext_c + dht * o * (1 - tc ** 2)
        da = np.zeros((N, 4 * H))
        da[:, :H] = dc * g * i * (1 - i)
        da[:, H:2 * H] = dc * prev_c * f * (1 - f)
        da[:, 2 * H:3 * H] = dht * tc * o * (1 - o)
        da[:, 3 * H:] = dc * i * (1 - g ** 2)
        dx[:, t] = da @ Wx.T
        dWx += xt.T @ da
        dWh += prev_h.T @ da
        db += da.sum(axis=0)
        dnext_h = da @ Wh.T
        dnext_c = dc * f
    return dx, dnext_h, dWx, dWh, db


# --- classes that keep their state in self

class Dense:
    def forward(self, x, w, b):
        self.x, self.w = x, w
        self.z = x @ w + b
        self.y = np.maximum(0.1 * self.z, self.z)
        return self.y

    def backward(self, dy):
        dz = dy * np.where(self.z > 0, 1.0, 0.1)
        self.dw = self.x.T @ dz
        self.db = dz.sum(axis=0)
        dx = dz @ self.w.T
        return dx, self.dw, self.db


class Norm:
    def forward(self, x, gain, eps=1e-6):
        self.gain = gain
        self.ms = np.mean(x ** 2, axis=-1, keepdims=True)
        self.inv = (self.ms + eps) ** -0.5
        self.x_hat = x * self.inv
        self.x = x
        return self._scaled(self.x_hat)

    def _scaled(self, v):
        return v * self.gain

    def backward(self, dy):
        D = self.x.shape[-1]
        dgain = np.sum(dy * self.x_hat, axis=0)
        dx_hat = dy * self.gain
        dinv = np.sum(dx_hat * self.x, axis=-1, keepdims=True)
        dms = -0.5 * self.inv ** 3 * dinv
        dx = dx_hat * self.inv + 2 * self.x * dms / D
        return dx, dgain
