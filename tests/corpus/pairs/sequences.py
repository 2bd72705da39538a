"""Attention, embeddings and recurrent cells."""
# ruff: noqa
# fmt: off

import numpy as np


def attention_forward(q, k, v):
    d = q.shape[-1]
    s = q @ np.swapaxes(k, -1, -2) / np.sqrt(d)
    s = s - s.max(axis=-1, keepdims=True)
    a = np.exp(s)
    a = a / a.sum(axis=-1, keepdims=True)
    return a @ v, (q, k, v, a)


def attention_backward(dout, cache):
    q, k, v, a = cache
    scale = 1 / np.sqrt(q.shape[-1])
    dv = np.swapaxes(a, -1, -2) @ dout
    da = dout @ np.swapaxes(v, -1, -2)
    ds = a * (da - (da * a).sum(-1, keepdims=True))
    dq = ds @ k * scale
    dk = np.swapaxes(ds, -1, -2) @ q * scale
    return dq, dk, dv


# --- with projections, a causal mask, one head

def causal_attention_forward(x, Wq, Wk, Wv):
    T = x.shape[1]
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    s = np.einsum("btd,bud->btu", q, k) / np.sqrt(Wq.shape[1])
    future = np.triu(np.ones((T, T), dtype=bool), 1)
    s = np.where(future, -np.inf, s)
    p = np.exp(s - s.max(axis=2, keepdims=True))
    p = p / p.sum(axis=2, keepdims=True)
    return np.einsum("btu,bud->btd", p, v), (x, Wq, Wk, Wv, q, k, v, p)


def causal_attention_backward(dout, cache):
    x, Wq, Wk, Wv, q, k, v, p = cache
    dv = np.einsum("btu,btd->bud", p, dout)
    dp = np.einsum("btd,bud->btu", dout, v)
    ds = p * (dp - (dp * p).sum(axis=2, keepdims=True)) / np.sqrt(Wq.shape[1])
    dq = np.einsum("btu,bud->btd", ds, k)
    dk = np.einsum("btu,btd->bud", ds, q)
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    dWq = np.einsum("btd,bte->de", x, dq)
    dWk = np.einsum("btd,bte->de", x, dk)
    dWv = np.einsum("btd,bte->de", x, dv)
    return dx, dWq, dWk, dWv


def embedding_forward(ids, table):
    return table[ids], (ids, table.shape)


def embedding_backward(dout, cache):
    ids, shape = cache
    dtable = np.zeros(shape, dtype=dout.dtype)
    np.add.at(dtable, ids, dout)
    return dtable


# --- the mean of a bag of words; returns None for the integers, as some do

def bag_of_words_forward(ids, E):
    return E[ids].mean(axis=1), (ids, E)


def bag_of_words_backward(dout, cache):
    ids, E = cache
    dE = np.zeros_like(E)
    for n in range(len(ids)):
        for i in ids[n]:
            dE[i] += dout[n] / ids.shape[1]
    return None, dE


def rnn_step_forward(x, h, Wx, Wh, b):
    h_next = np.tanh(x @ Wx + h @ Wh + b)
    return h_next, (x, h, Wx, Wh, h_next)


def rnn_step_backward(dh_next, cache):
    x, h, Wx, Wh, h_next = cache
    da = dh_next * (1 - h_next ** 2)
    dx = da @ Wx.T
    dh = da @ Wh.T
    dWx = x.T @ da
    dWh = h.T @ da
    db = da.sum(axis=0)
    return dx, dh, dWx, dWh, db


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T, h0.shape[1]), dtype=x.dtype)
    caches = []
    prev = h0
    for t in range(T):
        a = x[:, t] @ Wx + prev @ Wh + b
        caches.append((x[:, t], prev, np.tanh(a)))
        prev = np.tanh(a)
        h[:, t] = prev
    return h, (caches, Wx, Wh)


def rnn_backward(dh, cache):
    caches, Wx, Wh = cache
    N, T, H = dh.shape
    dx = np.zeros((N, T, Wx.shape[0]), dtype=dh.dtype)
    dWx, dWh = np.zeros_like(Wx), np.zeros_like(Wh)
    db = np.zeros(H, dtype=dh.dtype)
    dprev = np.zeros((N, H), dtype=dh.dtype)
    for t in reversed(range(T)):
        xt, prev, ht = caches[t]
        da = (dh[:, t] + dprev) * (1 - ht * ht)
        dx[:, t] = da.dot(Wx.T)
        dprev = da.dot(Wh.T)
        dWx += xt.T.dot(da)
        dWh += prev.T.dot(da)
        db += da.sum(0)
    return dx, dprev, dWx, dWh, db


# --- two outputs

def lstm_step_forward(x, h, c, Wx, Wh, b):
    a = x @ Wx + h @ Wh + b
    H = h.shape[1]
    sig = lambda z: 1 / (1 + np.exp(-z))
    i, f, o = sig(a[:, :H]), sig(a[:, H:2 * H]), sig(a[:, 2 * H:3 * H])
    g = np.tanh(a[:, 3 * H:])
    c_next = f * c + i * g
    tc = np.tanh(c_next)
    h_next = o * tc
    return (h_next, c_next), (x, h, c, Wx, Wh, i, f, o, g, tc)


def lstm_step_backward(dout, cache):
    dh_next, dc_next = dout
    x, h, c, Wx, Wh, i, f, o, g, tc = cache
    dc = dc_next + dh_next * o * (1 - tc ** 2)
    do = dh_next * tc
    di = dc * g
    dg = dc * i
    df = dc * c
    dc_prev = dc * f
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g ** 2)])
    dx = da @ Wx.T
    dh = da @ Wh.T
    dWx = x.T @ da
    dWh = h.T @ da
    db = da.sum(axis=0)
    return dx, dh, dc_prev, dWx, dWh, db


def gru_step_forward(x, h, Wz, Wr, Wn, Uz, Ur, Un):
    z = 1 / (1 + np.exp(-(x @ Wz + h @ Uz)))
    r = 1 / (1 + np.exp(-(x @ Wr + h @ Ur)))
    n = np.tanh(x @ Wn + (r * h) @ Un)
    return (1 - z) * n + z * h, dict(x=x, h=h, z=z, r=r, n=n, Ws=(Wz, Wr, Wn), Us=(Uz, Ur, Un))


def gru_step_backward(dout, s):
    x, h, z, r, n = s["x"], s["h"], s["z"], s["r"], s["n"]
    Wz, Wr, Wn = s["Ws"]
    Uz, Ur, Un = s["Us"]
    dn = dout * (1 - z)
    dz = dout * (h - n)
    dan = dn * (1 - n * n)
    daz = dz * z * (1 - z)
    drh = dan @ Un.T
    dar = drh * h * r * (1 - r)
    dh = dout * z + drh * r + daz @ Uz.T + dar @ Ur.T
    dx = dan @ Wn.T + daz @ Wz.T + dar @ Wr.T
    return {
        "x": dx, "h": dh,
        "Wz": x.T @ daz, "Wr": x.T @ dar, "Wn": x.T @ dan,
        "Uz": h.T @ daz, "Ur": h.T @ dar, "Un": (r * h).T @ dan,
    }


# --- positional rotation of pairs of features (RoPE); angles have a gradient

def rotary_forward(x, theta):
    a, b = x[..., 0::2], x[..., 1::2]
    c, s = np.cos(theta), np.sin(theta)
    out = np.empty_like(x)
    out[..., 0::2] = a * c - b * s
    out[..., 1::2] = a * s + b * c
    return out, (a, b, c, s)


def rotary_backward(dout, cache):
    a, b, c, s = cache
    da, db = dout[..., 0::2], dout[..., 1::2]
    dx = np.empty_like(dout)
    dx[..., 0::2] = da * c + db * s
    dx[..., 1::2] = -da * s + db * c
    dtheta = (da * (-a * s - b * c) + db * (a * c - b * s)).sum(axis=0)
    return dx, dtheta
