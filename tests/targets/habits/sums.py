"""Sums by einsum, volumes, gates by channel, masked rows."""

import numpy as np


def maxout_forward(x, W, b):
    z = np.einsum("nd,kdh->nkh", x, W) + b
    idx = z.argmax(axis=1)
    out = np.take_along_axis(z, idx[:, None], axis=1)[:, 0]
    return out, (x, W, idx)


def maxout_backward(dout, cache):
    x, W, idx = cache
    k = W.shape[0]
    onehot = (np.arange(k)[None, :, None] == idx[:, None]).astype(float)
    dz = onehot * dout[:, None]
    return np.einsum("nkh,kdh->nd", dz, W), np.einsum("nd,nkh->kdh", x, dz), dz.sum(0)


def bilinear_forward(x1, x2, W, b):
    return np.einsum("bi,oij,bj->bo", x1, W, x2) + b, (x1, x2, W)


def bilinear_backward(dout, cache):
    x1, x2, W = cache
    return (
        np.einsum("bo,oij,bj->bi", dout, W, x2),
        np.einsum("bo,oij,bi->bj", dout, W, x1),
        np.einsum("bo,bi,bj->oij", dout, x1, x2),
        dout.sum(0),
    )


def tt_layer_forward(x, G1, G2):
    y = np.einsum("nab,apr,rbq->npq", x, G1, G2)
    return y, (x, G1, G2)


def tt_layer_backward(dy, cache):
    x, G1, G2 = cache
    return (
        np.einsum("npq,apr,rbq->nab", dy, G1, G2),
        np.einsum("npq,nab,rbq->apr", dy, x, G2),
        np.einsum("npq,nab,apr->rbq", dy, x, G1),
    )


def conv3d_forward(x, w, b, stride=1):
    N, C, D, H, W = x.shape
    F, _, kd, kh, kw = w.shape
    od, oh, ow = (D - kd) // stride + 1, (H - kh) // stride + 1, (W - kw) // stride + 1
    out = np.zeros((N, F, od, oh, ow))
    for i in range(od):
        for j in range(oh):
            for k in range(ow):
                p = x[
                    :,
                    :,
                    i * stride : i * stride + kd,
                    j * stride : j * stride + kh,
                    k * stride : k * stride + kw,
                ]
                out[:, :, i, j, k] = np.tensordot(p, w, axes=([1, 2, 3, 4], [1, 2, 3, 4])) + b
    return out, (x, w, stride)


def conv3d_backward(dout, cache):
    x, w, stride = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    _, _, kd, kh, kw = w.shape
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            for k in range(dout.shape[4]):
                s = (
                    slice(None),
                    slice(None),
                    slice(i * stride, i * stride + kd),
                    slice(j * stride, j * stride + kh),
                    slice(k * stride, k * stride + kw),
                )
                g = dout[:, :, i, j, k]
                dx[s] += np.tensordot(g, w, axes=([1], [0]))
                dw += np.tensordot(g, x[s], axes=([0], [0]))
    return dx, dw, dout.sum(axis=(0, 2, 3, 4))


def squeeze_excite_forward(x, W1, W2):
    s = x.mean(axis=(2, 3))
    h = np.maximum(s @ W1, 0)
    g = 1 / (1 + np.exp(-(h @ W2)))
    return x * g[:, :, None, None], (x, s, h, g, W1, W2)


def squeeze_excite_backward(dout, cache):
    x, s, h, g, W1, W2 = cache
    dg = (dout * x).sum(axis=(2, 3)) * g * (1 - g)
    dW2 = h.T @ dg
    dh = dg @ W2.T * (h > 0)
    dW1 = s.T @ dh
    ds = dh @ W1.T
    dx = dout * g[:, :, None, None] + ds[:, :, None, None] / (x.shape[2] * x.shape[3])
    return dx, dW1, dW2


def attention_pool_forward(x, mask, w):
    s = x @ w
    s = np.where(mask, s, -1e9)
    e = np.exp(s - s.max(1, keepdims=True))
    a = e / e.sum(1, keepdims=True)
    return (a[..., None] * x).sum(1), (x, a, w)


def attention_pool_backward(dout, cache):
    x, a, w = cache
    da = (x * dout[:, None]).sum(-1)
    ds = a * (da - (a * da).sum(1, keepdims=True))
    dx = a[..., None] * dout[:, None] + ds[..., None] * w
    return dx, None, np.einsum("nt,ntd->d", ds, x)
