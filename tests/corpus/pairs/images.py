"""Convolution and pooling, by loops, by windows and by reshapes."""
# ruff: noqa
# fmt: off

import numpy as np


def conv1d_forward(x, w, b):
    # x (N, C, L), w (F, C, K): valid correlation
    N, C, L = x.shape
    F, _, K = w.shape
    out = np.zeros((N, F, L - K + 1), dtype=x.dtype)
    for t in range(L - K + 1):
        out[:, :, t] = np.tensordot(x[:, :, t:t + K], w, axes=([1, 2], [1, 2])) + b
    return out, (x, w)


def conv1d_backward(dout, cache):
    x, w = cache
    K = w.shape[2]
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    for t in range(dout.shape[2]):
        dx[:, :, t:t + K] += np.tensordot(dout[:, :, t], w, axes=(1, 0))
        dw += np.tensordot(dout[:, :, t], x[:, :, t:t + K], axes=(0, 0))
    db = dout.sum(axis=(0, 2))
    return dx, dw, db


# --- the course's naive convolution

def conv2d_forward(x, w, b, stride, pad):
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    Ho = 1 + (H + 2 * pad - HH) // stride
    Wo = 1 + (W + 2 * pad - WW) // stride
    out = np.zeros((N, F, Ho, Wo), dtype=x.dtype)
    for n in range(N):
        for f in range(F):
            for i in range(Ho):
                for j in range(Wo):
                    window = x_pad[n, :, i * stride:i * stride + HH, j * stride:j * stride + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out, (x, w, b, stride, pad)


def conv2d_backward(dout, cache):
    x, w, b, stride, pad = cache
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    _, _, Ho, Wo = dout.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    db = dout.sum(axis=(0, 2, 3))
    for n in range(N):
        for f in range(F):
            for i in range(Ho):
                for j in range(Wo):
                    si, sj = i * stride, j * stride
                    dw[f] += dout[n, f, i, j] * x_pad[n, :, si:si + HH, sj:sj + WW]
                    dx_pad[n, :, si:si + HH, sj:sj + WW] += dout[n, f, i, j] * w[f]
    dx = dx_pad[:, :, pad:pad + H, pad:pad + W]
    return dx, dw, db


# --- windows by fancy indices, scattered back with np.add.at

def conv_im2col_forward(x, w):
    N, H, W = x.shape
    kh, kw = w.shape
    i = np.arange(H - kh + 1)[:, None, None, None] + np.arange(kh)[:, None]
    j = np.arange(W - kw + 1)[:, None, None] + np.arange(kw)
    cols = x[:, i, j]
    return np.einsum("nabij,ij->nab", cols, w), (cols, w, i, j, x.shape)


def conv_im2col_backward(dout, cache):
    cols, w, i, j, shape = cache
    dw = np.einsum("nab,nabij->ij", dout, cols)
    dcols = dout[..., None, None] * w
    dx = np.zeros(shape, dtype=dout.dtype)
    np.add.at(dx, (slice(None), i, j), dcols)
    return dx, dw


# --- one filter per channel, circular boundary by np.roll

def depthwise_circular_forward(x, w):
    K = w.shape[1]
    y = sum(np.roll(x, -k, axis=2) * w[:, k, None] for k in range(K))
    return y, (x, w)


def depthwise_circular_backward(dy, cache):
    x, w = cache
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    for k in range(w.shape[1]):
        dx += np.roll(dy * w[:, k, None], k, axis=2)
        dw[:, k] = (dy * np.roll(x, -k, axis=2)).sum(axis=(0, 2))
    return dx, dw


def maxpool_forward(x, size):
    N, C, H, W = x.shape
    Ho, Wo = H // size, W // size
    out = np.zeros((N, C, Ho, Wo), dtype=x.dtype)
    arg = np.zeros((N, C, Ho, Wo), dtype=int)
    for i in range(Ho):
        for j in range(Wo):
            win = x[:, :, i * size:(i + 1) * size, j * size:(j + 1) * size].reshape(N, C, -1)
            arg[:, :, i, j] = win.argmax(-1)
            out[:, :, i, j] = win.max(-1)
    return out, (x.shape, arg, size)


def maxpool_backward(dout, cache):
    shape, arg, size = cache
    dx = np.zeros(shape, dtype=dout.dtype)
    N, C, Ho, Wo = dout.shape
    for n in range(N):
        for c in range(C):
            for i in range(Ho):
                for j in range(Wo):
                    a, b = divmod(arg[n, c, i, j], size)
                    dx[n, c, i * size + a, j * size + b] += dout[n, c, i, j]
    return dx


# --- by a reshape; ties share the gradient

def maxpool_reshape_forward(x):
    N, H, W = x.shape
    blocks = x.reshape(N, H // 2, 2, W // 2, 2)
    out = blocks.max(axis=4).max(axis=2)
    mask = blocks == out[:, :, None, :, None]
    return out, mask


def maxpool_reshape_backward(dout, mask):
    share = mask / mask.sum(axis=(2, 4), keepdims=True)
    d = share * dout[:, :, None, :, None]
    N, h, _, w, _ = d.shape
    return d.reshape(N, h * 2, w * 2)


def avgpool_forward(x, k):
    N, C, H, W = x.shape
    return x.reshape(N, C, H // k, k, W // k, k).mean(axis=(3, 5)), (x.shape, k)


def avgpool_backward(dout, cache):
    shape, k = cache
    dx = np.repeat(np.repeat(dout, k, axis=2), k, axis=3) / (k * k)
    return dx


# --- max over the last axis and its neighbour: overlapping windows, stride 1

def sliding_max_forward(x, width):
    windows = np.lib.stride_tricks.sliding_window_view(x, width, axis=1)
    pick = windows.argmax(axis=2)
    return windows.max(axis=2), (x.shape, pick)


def sliding_max_backward(dout, cache):
    shape, pick = cache
    dx = np.zeros(shape, dout.dtype)
    rows = np.arange(shape[0])[:, None]
    np.add.at(dx, (rows, pick + np.arange(pick.shape[1])), dout)
    return dx
