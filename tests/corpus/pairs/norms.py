"""Normalisations, staged and closed, with and without the calls that know no complex numbers."""
# ruff: noqa
# fmt: off

from types import SimpleNamespace

import numpy as np


# --- node by node

def batchnorm_staged_forward(x, gamma, beta, eps):
    N, D = x.shape
    mu = 1.0 / N * np.sum(x, axis=0)
    xmu = x - mu
    sq = xmu ** 2
    var = 1.0 / N * np.sum(sq, axis=0)
    sqrtvar = np.sqrt(var + eps)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    gammax = gamma * xhat
    out = gammax + beta
    cache = (xhat, gamma, xmu, ivar, sqrtvar, var, eps)
    return out, cache


def batchnorm_staged_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgammax = dout
    dgamma = np.sum(dgammax * xhat, axis=0)
    dxhat = dgammax * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar ** 2) * divar
    dvar = 0.5 * 1.0 / np.sqrt(var + eps) * dsqrtvar
    dsq = 1.0 / N * np.ones((N, D)) * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
    dx2 = 1.0 / N * np.ones((N, D)) * dmu
    dx = dx1 + dx2
    return dx, dgamma, dbeta


# --- the closed form, np.var, cache as a dict

def batchnorm_compact_forward(x, gamma, beta, eps=1e-5):
    mean = x.mean(0)
    std = np.sqrt(np.var(x, axis=0) + eps)
    xn = (x - mean) / std
    return gamma * xn + beta, dict(xn=xn, std=std, gamma=gamma)


def batchnorm_compact_backward(dout, cache):
    xn, std, gamma = cache["xn"], cache["std"], cache["gamma"]
    N = dout.shape[0]
    db = dout.sum(0)
    dg = (dout * xn).sum(0)
    dx = gamma / (N * std) * (N * dout - db - xn * dg)
    return {"x": dx, "gamma": dg, "beta": db}


# --- in the order of the paper: dx_hat, dvar, dmu, dx

def batchnorm_paper_forward(x, gamma, beta, eps):
    mu = np.mean(x, axis=0)
    var = np.mean((x - mu) ** 2, axis=0)
    x_hat = (x - mu) / np.sqrt(var + eps)
    y = gamma * x_hat + beta
    return y, (x, gamma, mu, var, x_hat, eps)


def batchnorm_paper_backward(dy, cache):
    x, gamma, mu, var, x_hat, eps = cache
    m = x.shape[0]
    dx_hat = dy * gamma
    dvar = np.sum(dx_hat * (x - mu) * -0.5 * (var + eps) ** -1.5, axis=0)
    dmu = np.sum(-dx_hat / np.sqrt(var + eps), axis=0) + dvar * np.sum(-2.0 * (x - mu), axis=0) / m
    dx = dx_hat / np.sqrt(var + eps) + dvar * 2.0 * (x - mu) / m + dmu / m
    dgamma = np.sum(dy * x_hat, axis=0)
    dbeta = np.sum(dy, axis=0)
    return dx, dgamma, dbeta


# --- images: statistics over batch and space

def batchnorm2d_forward(x, gamma, beta, eps):
    axes = (0, 2, 3)
    mu = x.mean(axis=axes, keepdims=True)
    var = ((x - mu) ** 2).mean(axis=axes, keepdims=True)
    istd = (var + eps) ** -0.5
    xhat = (x - mu) * istd
    return gamma[:, None, None] * xhat + beta[:, None, None], SimpleNamespace(xhat=xhat, istd=istd, gamma=gamma)


def batchnorm2d_backward(dout, c):
    axes = (0, 2, 3)
    dbeta = dout.sum(axis=axes)
    dgamma = (dout * c.xhat).sum(axis=axes)
    g = dout * c.gamma[:, None, None]
    dx = c.istd * (g - g.mean(axes, keepdims=True) - c.xhat * (g * c.xhat).mean(axes, keepdims=True))
    return dx, dgamma, dbeta


# --- a bias in front of a batch-norm: its gradient is exactly zero

def bias_batchnorm_forward(x, b, eps):
    z = x + b
    zc = z - z.mean(axis=0)
    inv = 1 / np.sqrt((zc * zc).mean(axis=0) + eps)
    return zc * inv, (zc, inv)


def bias_batchnorm_backward(dout, cache):
    zc, inv = cache
    zhat = zc * inv
    dz = inv * (dout - dout.mean(axis=0) - zhat * (dout * zhat).mean(axis=0))
    db = dz.sum(axis=0)
    return dz, db


# --- np.std and an object for a cache

def layernorm_forward(x, g, b, eps):
    m = x.mean(axis=-1, keepdims=True)
    s = np.sqrt(np.std(x, axis=-1, keepdims=True) ** 2 + eps)
    xh = (x - m) / s
    return xh * g + b, SimpleNamespace(xh=xh, s=s, g=g)


def layernorm_backward(dout, c):
    lead = tuple(range(dout.ndim - 1))
    db = dout.sum(axis=lead)
    dg = (dout * c.xh).sum(axis=lead)
    dxh = dout * c.g
    dx = (dxh - dxh.mean(-1, keepdims=True) - c.xh * (dxh * c.xh).mean(-1, keepdims=True)) / c.s
    return dx, dg, db


# --- layer norm, staged, statistics as two separate reductions

def layernorm_staged_forward(x, w, bias, eps):
    d = x.shape[-1]
    total = x.sum(-1, keepdims=True)
    mean = total / d
    centred = x - mean
    power = (centred * centred).sum(-1, keepdims=True)
    variance = power / d
    rstd = 1.0 / np.sqrt(variance + eps)
    xhat = centred * rstd
    return xhat * w + bias, (centred, rstd, xhat, w)


def layernorm_staged_backward(dy, cache):
    centred, rstd, xhat, w = cache
    d = dy.shape[-1]
    dbias = dy.reshape(-1, d).sum(0)
    dw = (dy * xhat).reshape(-1, d).sum(0)
    dxhat = dy * w
    drstd = (dxhat * centred).sum(-1, keepdims=True)
    dvariance = -0.5 * rstd ** 3 * drstd
    dpower = dvariance / d
    dcentred = dxhat * rstd + 2 * centred * dpower
    dmean = -dcentred.sum(-1, keepdims=True)
    dtotal = dmean / d
    dx = dcentred + dtotal
    return dx, dw, dbias


def rmsnorm_forward(x, g, eps):
    ms = np.mean(x ** 2, axis=-1, keepdims=True)
    r = 1 / np.sqrt(ms + eps)
    return x * r * g, (x, r, g)


def rmsnorm_backward(dy, cache):
    x, r, g = cache
    D = x.shape[-1]
    dg = np.sum(dy * x * r, axis=0)
    u = dy * g
    dx = r * u - x * r ** 3 * np.sum(u * x, axis=-1, keepdims=True) / D
    return dx, dg


def groupnorm_forward(x, gamma, beta, G, eps):
    N, C, H, W = x.shape
    xg = x.reshape(N, G, -1)
    mu = xg.mean(axis=2, keepdims=True)
    var = xg.var(axis=2, keepdims=True)
    xh = ((xg - mu) / np.sqrt(var + eps)).reshape(x.shape)
    out = xh * gamma.reshape(1, C, 1, 1) + beta.reshape(1, C, 1, 1)
    return out, (xh, var, gamma, G, eps)


def groupnorm_backward(dout, cache):
    xh, var, gamma, G, eps = cache
    N, C, H, W = dout.shape
    dbeta = dout.sum(axis=(0, 2, 3))
    dgamma = (dout * xh).sum(axis=(0, 2, 3))
    dxh = (dout * gamma.reshape(1, C, 1, 1)).reshape(N, G, -1)
    xg = xh.reshape(N, G, -1)
    M = dxh.shape[2]
    dx = (dxh - dxh.sum(2, keepdims=True) / M - xg * (dxh * xg).sum(2, keepdims=True) / M) / np.sqrt(var + eps)
    return dx.reshape(dout.shape), dgamma, dbeta


# --- loops over samples and channels, written into slices

def instancenorm_forward(x, eps=1e-5):
    out = np.empty_like(x)
    sigmas = np.empty(x.shape[:2], dtype=x.dtype)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            v = x[n, c]
            sigmas[n, c] = np.sqrt(np.var(v) + eps)
            out[n, c] = (v - v.mean()) / sigmas[n, c]
    return out, (out.copy(), sigmas)


def instancenorm_backward(dout, cache):
    y, sigmas = cache
    dx = np.empty_like(dout)
    for n in range(dout.shape[0]):
        for c in range(dout.shape[1]):
            g = dout[n, c]
            dx[n, c] = (g - g.mean() - y[n, c] * (g * y[n, c]).mean()) / sigmas[n, c]
    return dx


# --- np.linalg.norm

def l2_normalize_forward(x):
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / length, (x, length)


def l2_normalize_backward(dout, cache):
    x, length = cache
    along = (dout * x).sum(axis=1, keepdims=True)
    return dout / length - x * along / length ** 3


# --- w = g v / |v|, then a product

def weight_norm_forward(x, v, g):
    n = np.sqrt((v * v).sum(0))
    u = v / n
    return x @ (u * g), (x, u, n, g)


def weight_norm_backward(dy, cache):
    x, u, n, g = cache
    dw = x.T @ dy
    dg = (dw * u).sum(0)
    dv = g / n * (dw - u * dg)
    dx = dy @ (u * g).T
    return dx, dv, dg


def cosine_similarity_forward(a, b):
    na = np.sqrt(np.sum(a * a, axis=1))
    nb = np.sqrt(np.sum(b * b, axis=1))
    cos = np.sum(a * b, axis=1) / (na * nb)
    return cos, (a, b, na, nb, cos)


def cosine_similarity_backward(dout, cache):
    a, b, na, nb, cos = cache
    k = (dout / (na * nb))[:, None]
    da = k * b - (dout * cos / na ** 2)[:, None] * a
    db = k * a - (dout * cos / nb ** 2)[:, None] * b
    return da, db


# --- two outputs: the mean and the standard deviation of each column

def moments_forward(x, eps):
    n = x.shape[0]
    mean = x.sum(axis=0) / n
    std = np.sqrt(((x - mean) ** 2).sum(axis=0) / n + eps)
    return (mean, std), (x - mean, std)


def moments_backward(dout, cache):
    dmean, dstd = dout
    xc, std = cache
    n = xc.shape[0]
    return dmean / n + xc * dstd / (n * std)
