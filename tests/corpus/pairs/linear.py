"""Products: layers that are linear in each of their inputs."""
# ruff: noqa
# fmt: off

import numpy as np


# --- the textbook's staged layer; the batch may have any number of trailing axes

def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


# --- weights stored (out, in), as kernels have them, over a time axis, by einsum

def dense_einsum_forward(x, W, b):
    y = np.einsum("btd,ed->bte", x, W) + b
    return y, {"x": x, "W": W}


def dense_einsum_backward(g, saved):
    x, W = saved["x"], saved["W"]
    return {
        "x": np.einsum("bte,ed->btd", g, W),
        "W": np.einsum("bte,btd->ed", g, x),
        "b": g.sum((0, 1)),
    }


# --- a loop over rows, as one writes it before one trusts broadcasting

def rowwise_linear_forward(x, W):
    out = np.zeros((len(x), W.shape[1]), x.dtype)
    for i, row in enumerate(x):
        out[i] = row @ W
    return out, (x, W)


def rowwise_linear_backward(dout, cache):
    x, W = cache
    dx = np.zeros_like(x)
    dW = np.zeros_like(W)
    for i in range(len(x)):
        dx[i] = W @ dout[i]
        dW += np.outer(x[i], dout[i])
    return dx, dW


# --- u[n] A_k v[n]

def bilinear_forward(u, A, v):
    return np.einsum("ni,kij,nj->nk", u, A, v), (u, A, v)


def bilinear_backward(dout, cache):
    u, A, v = cache
    du = np.einsum("nk,kij,nj->ni", dout, A, v)
    dA = np.einsum("nk,ni,nj->kij", dout, u, v)
    dv = np.einsum("nk,kij,ni->nj", dout, A, u)
    return du, dA, dv


# --- x^T A x for one vector, A not symmetric

def quadratic_form_forward(x, A):
    return x @ A @ x, (x, A)


def quadratic_form_backward(dout, cache):
    x, A = cache
    dx = dout * (A @ x + A.T @ x)
    dA = dout * np.outer(x, x)
    return dx, dA


# --- x A x^T for every row, sum of squares of a residual

def least_squares_forward(w, X, y):
    r = X @ w - y
    return 0.5 * (r * r).sum() / len(y), (w, X, r)


def least_squares_backward(dL, cache):
    w, X, r = cache
    n = len(r)
    dr = dL * r / n
    dw = X.T @ dr
    dX = np.outer(dr, w)
    dy = -dr
    return dw, dX, dy


def outer_forward(a, b):
    return a[:, None] * b[None, :], (a, b)


def outer_backward(dout, cache):
    a, b = cache
    da = (dout * b).sum(axis=1)
    db = (dout * a[:, None]).sum(axis=0)
    return da, db


# --- an autoencoder with tied weights: W is used twice

def tied_autoencoder_forward(x, W):
    h = x @ W
    r = h @ W.T
    return r, (x, W, h)


def tied_autoencoder_backward(dr, cache):
    x, W, h = cache
    dh = dr @ W
    dW = dr.T @ h
    dW = dW + x.T @ dh
    dx = dh @ W.T
    return {"x": dx, "W": dW}


# --- W = base + scale * U V, the low-rank update

def low_rank_forward(x, W, U, V, scale):
    z = x @ U
    return x @ W + scale * (z @ V), (x, W, U, V, z, scale)


def low_rank_backward(dout, cache):
    x, W, U, V, z, s = cache
    dz = s * dout @ V.T
    dx = dout @ W.T + dz @ U.T
    dW = x.T @ dout
    dU = x.T @ dz
    dV = s * z.T @ dout
    return dx, dW, dU, dV


# --- broadcasting in every direction: x (n, d) * scale (d,) + row (n, 1) + a scalar

def scale_shift_forward(x, scale, row, offset):
    return x * scale + row + offset, (x, scale)


def scale_shift_backward(dout, cache):
    x, scale = cache
    dx = dout * scale
    dscale = (dout * x).sum(0)
    drow = dout.sum(1, keepdims=True)
    doffset = dout.sum()
    return dx, dscale, drow, doffset
