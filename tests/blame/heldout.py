"""Layers that no part of the search was tuned on: other names, other layouts, and the constructs of everyday code."""
# ruff: noqa
# fmt: off

import functools
from collections import namedtuple
from dataclasses import dataclass

import numpy as np


# --- one statement per node

def groupnorm_forward(inp, scale, shift, groups=2, tiny=1e-5):
    B, C, L = inp.shape
    grouped = inp.reshape(B, groups, C // groups * L)
    mean = grouped.mean(axis=2, keepdims=True)
    centred = grouped - mean
    variance = (centred ** 2).mean(axis=2, keepdims=True)
    std = np.sqrt(variance + tiny)
    normed = centred / std
    flat = normed.reshape(B, C, L)
    result = flat * scale[None, :, None] + shift[None, :, None]
    return result, (flat, centred, std, scale, groups)


def groupnorm_backward(gout, saved):
    flat, centred, std, scale, groups = saved
    B, C, L = gout.shape
    M = C // groups * L
    gshift = gout.sum(axis=(0, 2))
    gscale = (gout * flat).sum(axis=(0, 2))
    gflat = gout * scale[None, :, None]
    gnormed = gflat.reshape(B, groups, M)
    gcentred = gnormed / std
    gstd = -(gnormed * centred / std ** 2).sum(axis=2, keepdims=True)
    gvariance = gstd / (2 * std)
    gcentred = gcentred + gvariance * 2 * centred / M
    gmean = -gcentred.sum(axis=2, keepdims=True)
    ggrouped = gcentred + gmean / M
    ginp = ggrouped.reshape(B, C, L)
    return ginp, gscale, gshift


def unit_forward(vec):
    square = vec * vec
    total = square.sum(axis=1, keepdims=True)
    length = np.sqrt(total + 1e-8)
    direction = vec / length
    return direction, (vec, length)


def unit_backward(grad_direction, ctx):
    vec, length = ctx
    grad_vec = grad_direction / length
    grad_length = -(grad_direction * vec).sum(axis=1, keepdims=True) / length ** 2
    grad_total = 0.5 / length * grad_length
    grad_square = np.broadcast_to(grad_total, vec.shape)
    grad_vec = grad_vec + 2.0 * vec * grad_square
    return grad_vec


def gauss_forward(mean, log_var, target):
    diff = target - mean
    precision = np.exp(-log_var)
    quad = precision * diff ** 2
    each = 0.5 * (log_var + quad)
    loss = each.sum() / mean.shape[0]
    return loss, (diff, precision, quad)


def gauss_backward(upstream, stash):
    diff, precision, quad = stash
    batch = diff.shape[0]
    each_bar = upstream / batch * np.ones_like(diff)
    quad_bar = 0.5 * each_bar
    log_var_bar = 0.5 * each_bar
    precision_bar = quad_bar * diff ** 2
    log_var_bar = log_var_bar - precision_bar * precision
    diff_bar = quad_bar * precision * 2 * diff
    mean_bar = -diff_bar
    target_bar = diff_bar
    return mean_bar, log_var_bar, target_bar


def wnorm_forward(feats, direction, gain):
    norm = np.sqrt((direction ** 2).sum(axis=1))
    ratio = gain / norm
    weight = direction * ratio[:, None]
    scores = feats @ weight.T
    return scores, (feats, direction, gain, norm, ratio, weight)


def wnorm_backward(d_scores, cache):
    feats, direction, gain, norm, ratio, weight = cache
    d_feats = d_scores @ weight
    d_weight = d_scores.T @ feats
    d_direction_1 = d_weight * ratio[:, None]
    d_ratio = (d_weight * direction).sum(axis=1)
    d_gain = d_ratio / norm
    d_norm = -d_ratio * gain / norm ** 2
    d_direction_2 = d_norm[:, None] * direction / norm[:, None]
    d_direction = d_direction_1 + d_direction_2
    return d_feats, d_direction, d_gain


def vae_forward(mu, logvar, noise):
    sigma = np.exp(0.5 * logvar)
    z = mu + sigma * noise
    kl = 0.5 * (mu ** 2 + np.exp(logvar) - 1 - logvar).sum(axis=1)
    return (z, kl), (mu, logvar, noise, sigma)


def vae_backward(douts, cache):
    dz, dkl = douts
    mu, logvar, noise, sigma = cache
    dmu = dz + dkl[:, None] * mu
    dsigma = dz * noise
    dnoise = dz * sigma
    dlogvar = dsigma * 0.5 * sigma
    dlogvar = dlogvar + dkl[:, None] * 0.5 * (np.exp(logvar) - 1)
    return dmu, dlogvar, dnoise


def triplet_forward(anchor, pos, neg, margin=5.0):
    ap = anchor - pos
    an = anchor - neg
    d_pos = (ap ** 2).sum(axis=1)
    d_neg = (an ** 2).sum(axis=1)
    slack = d_pos - d_neg + margin
    active = slack > 0
    loss = np.where(active, slack, 0.0).mean()
    return loss, (ap, an, active)


def triplet_backward(dloss, cache):
    ap, an, active = cache
    dslack = dloss * active / len(active)
    dd_pos = dslack
    dd_neg = -dslack
    dap = 2 * ap * dd_pos[:, None]
    dan = 2 * an * dd_neg[:, None]
    danchor = dap + dan
    dpos = -dap
    dneg = -dan
    return danchor, dpos, dneg


# --- compact one-liners

def bilin_forward(left, core, right):
    return np.einsum("ni,oij,nj->no", left, core, right), (left, core, right)


def bilin_backward(g, saved):
    left, core, right = saved
    return (np.einsum("no,oij,nj->ni", g, core, right),
            np.einsum("no,ni,nj->oij", g, left, right),
            np.einsum("no,ni,oij->nj", g, left, core))


def heads_forward(Q, K, V):
    S = np.einsum("hid,hjd->hij", Q, K) / np.sqrt(Q.shape[-1])
    E = np.exp(S - S.max(-1, keepdims=True))
    P = E / E.sum(-1, keepdims=True)
    return np.einsum("hij,hjd->hid", P, V), (Q, K, V, P)


def heads_backward(dO, saved):
    Q, K, V, P = saved
    dP = np.einsum("hid,hjd->hij", dO, V)
    dS = P * (dP - (P * dP).sum(-1, keepdims=True)) / np.sqrt(Q.shape[-1])
    return np.einsum("hij,hjd->hid", dS, K), np.einsum("hij,hid->hjd", dS, Q), np.einsum("hij,hid->hjd", P, dO)


def prelu_forward(u, slope):
    return np.where(u > 0, u, slope * u), (u, slope)


def prelu_backward(g, c):
    u, slope = c
    return g * np.where(u > 0, 1.0, slope), np.where(u > 0, 0.0, g * u).sum(axis=0)


def drop_forward(a, keep_mask, keep=0.8):
    return a * keep_mask / keep, (keep_mask, keep)


def drop_backward(g, c):
    keep_mask, keep = c
    return g * keep_mask / keep


def cosine_forward(p, q):
    np_, nq = np.linalg.norm(p, axis=1), np.linalg.norm(q, axis=1)
    sim = (p * q).sum(1) / (np_ * nq)
    return sim, (p, q, np_, nq, sim)


def cosine_backward(g, c):
    p, q, np_, nq, sim = c
    gp = g[:, None] * (q / (np_ * nq)[:, None] - sim[:, None] * p / (np_ ** 2)[:, None])
    gq = g[:, None] * (p / (np_ * nq)[:, None] - sim[:, None] * q / (nq ** 2)[:, None])
    return gp, gq


def xent_forward(logits, labels):
    shifted = logits - logits.max(1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return -logp[np.arange(len(labels)), labels].mean(), (logp, labels)


def xent_backward(g, c):
    logp, labels = c
    d = np.exp(logp)
    d[np.arange(len(labels)), labels] -= 1
    return g * d / len(labels)


def gelu_forward(h):
    inner = np.sqrt(2 / np.pi) * (h + 0.044715 * h ** 3)
    return 0.5 * h * (1 + np.tanh(inner)), (h, np.tanh(inner))


def gelu_backward(g, c):
    h, th = c
    return g * (0.5 * (1 + th) + 0.5 * h * (1 - th ** 2) * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * h ** 2))


def lse_forward(scores, temp):
    top = scores.max(axis=-1, keepdims=True)
    w = np.exp((scores - top) / temp)
    return temp * np.log(w.sum(-1)) + top[..., 0], (scores, temp, w / w.sum(-1, keepdims=True), top, w.sum(-1))


def lse_backward(g, c):
    scores, temp, p, top, total = c
    dtemp = g * (np.log(total) - (p * (scores - top)).sum(-1) / temp)
    return g[..., None] * p, dtemp.sum()


# --- loops that write in place

def conv2d_forward(image, kernel, bias, stride=2, pad=1):
    n, c, hh, ww = image.shape
    f, _, kh, kw = kernel.shape
    padded = np.pad(image, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    oh, ow = (hh + 2 * pad - kh) // stride + 1, (ww + 2 * pad - kw) // stride + 1
    out = np.zeros((n, f, oh, ow))
    for b in range(n):
        for k in range(f):
            for i in range(oh):
                for j in range(ow):
                    patch = padded[b, :, i * stride:i * stride + kh, j * stride:j * stride + kw]
                    out[b, k, i, j] = (patch * kernel[k]).sum() + bias[k]
    return out, (padded, kernel, stride, pad)


def conv2d_backward(grad, cache):
    padded, kernel, stride, pad = cache
    n, f, oh, ow = grad.shape
    _, _, kh, kw = kernel.shape
    grad_padded = np.zeros_like(padded)
    grad_kernel = np.zeros_like(kernel)
    grad_bias = np.zeros(f)
    for b in range(n):
        for k in range(f):
            for i in range(oh):
                for j in range(ow):
                    top, left = i * stride, j * stride
                    patch = padded[b, :, top:top + kh, left:left + kw]
                    grad_kernel[k] += patch * grad[b, k, i, j]
                    grad_padded[b, :, top:top + kh, left:left + kw] += kernel[k] * grad[b, k, i, j]
                    grad_bias[k] += grad[b, k, i, j]
    grad_image = grad_padded[:, :, pad:-pad, pad:-pad]
    return grad_image, grad_kernel, grad_bias


def maxpool_forward(maps):
    n, c, h, w = maps.shape
    out = np.empty((n, c, h // 2, w // 2))
    for i in range(h // 2):
        for j in range(w // 2):
            out[:, :, i, j] = maps[:, :, 2 * i:2 * i + 2, 2 * j:2 * j + 2].max(axis=(2, 3))
    return out, (maps, out)


def maxpool_backward(dpooled, cache):
    maps, out = cache
    dmaps = np.zeros_like(maps)
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            window = maps[:, :, 2 * i:2 * i + 2, 2 * j:2 * j + 2]
            mask = window == out[:, :, i, j][:, :, None, None]
            dmaps[:, :, 2 * i:2 * i + 2, 2 * j:2 * j + 2] = mask * dpooled[:, :, i, j][:, :, None, None]
    return dmaps


def avgpool_forward(seq, width=3):
    steps = seq.shape[1] - width + 1
    out = np.zeros((seq.shape[0], steps))
    for s in range(steps):
        out[:, s] = seq[:, s:s + width].sum(axis=1) / width
    return out, (seq.shape, width)


def avgpool_backward(dout, cache):
    shape, width = cache
    dseq = np.zeros(shape)
    for s in range(dout.shape[1]):
        dseq[:, s:s + width] += dout[:, s, None] / width
    return dseq


def rnn_forward(xs, start, U, R, c):
    states = [start]
    for x in xs:
        states.append(np.tanh(x @ U + states[-1] @ R + c))
    return np.stack(states[1:]), (xs, states, U, R)


def rnn_backward(dstates, cache):
    xs, states, U, R = cache
    dxs, dU, dR, dc = np.zeros_like(xs), np.zeros_like(U), np.zeros_like(R), np.zeros(U.shape[1])
    carry = np.zeros_like(states[0])
    for t in range(len(xs) - 1, -1, -1):
        total = dstates[t] + carry
        dpre = total * (1 - states[t + 1] ** 2)
        dxs[t] = dpre @ U.T
        dU += xs[t].T @ dpre
        dR += states[t].T @ dpre
        dc += dpre.sum(axis=0)
        carry = dpre @ R.T
    return dxs, carry, dU, dR, dc


def gru_forward(seq, h0, Wz, Wr, Wn, Uz, Ur, Un):
    T = seq.shape[0]
    hs = np.zeros((T + 1, *h0.shape))
    hs[0] = h0
    zs, rs, ns = [], [], []
    for t in range(T):
        z = 1 / (1 + np.exp(-(seq[t] @ Wz + hs[t] @ Uz)))
        r = 1 / (1 + np.exp(-(seq[t] @ Wr + hs[t] @ Ur)))
        n = np.tanh(seq[t] @ Wn + (r * hs[t]) @ Un)
        hs[t + 1] = (1 - z) * n + z * hs[t]
        zs.append(z)
        rs.append(r)
        ns.append(n)
    return hs[1:], (seq, hs, zs, rs, ns, Wz, Wr, Wn, Uz, Ur, Un)


def gru_backward(dhs, cache):
    seq, hs, zs, rs, ns, Wz, Wr, Wn, Uz, Ur, Un = cache
    dseq = np.zeros_like(seq)
    dWz, dWr, dWn = np.zeros_like(Wz), np.zeros_like(Wr), np.zeros_like(Wn)
    dUz, dUr, dUn = np.zeros_like(Uz), np.zeros_like(Ur), np.zeros_like(Un)
    dh = np.zeros_like(hs[0])
    for t in reversed(range(len(seq))):
        dh = dh + dhs[t]
        z, r, n, h = zs[t], rs[t], ns[t], hs[t]
        dn = dh * (1 - z)
        dz = dh * (h - n)
        dprev = dh * z
        dan = dn * (1 - n ** 2)
        drh = dan @ Un.T
        dr = drh * h
        dprev = dprev + drh * r
        dar = dr * r * (1 - r)
        daz = dz * z * (1 - z)
        dprev = dprev + dar @ Ur.T + daz @ Uz.T
        dseq[t] = dan @ Wn.T + dar @ Wr.T + daz @ Wz.T
        dWz += seq[t].T @ daz
        dWr += seq[t].T @ dar
        dWn += seq[t].T @ dan
        dUz += h.T @ daz
        dUr += h.T @ dar
        dUn += (r * h).T @ dan
        dh = dprev
    return dseq, dh, dWz, dWr, dWn, dUz, dUr, dUn


def bag_forward(table, ids, weights):
    out = np.zeros((ids.shape[0], table.shape[1]))
    for row in range(ids.shape[0]):
        for pos in range(ids.shape[1]):
            out[row] += weights[row, pos] * table[ids[row, pos]]
    return out, (table, ids, weights)


def bag_backward(dout, cache):
    table, ids, weights = cache
    dtable = np.zeros_like(table)
    dweights = np.zeros_like(weights)
    for row in range(ids.shape[0]):
        for pos in range(ids.shape[1]):
            dtable[ids[row, pos]] += weights[row, pos] * dout[row]
            dweights[row, pos] = dout[row] @ table[ids[row, pos]]
    return dtable, dweights


def ema_forward(series, decay):
    level = np.zeros_like(series)
    level[0] = series[0]
    for t in range(1, len(series)):
        level[t] = decay * level[t - 1] + (1 - decay) * series[t]
    return level, (series, decay, level)


def ema_backward(dlevel, cache):
    series, decay, level = cache
    dlevel = dlevel.copy()
    dseries = np.zeros_like(series)
    ddecay = np.zeros_like(decay)
    for t in range(len(series) - 1, 0, -1):
        dseries[t] = dlevel[t] * (1 - decay)
        ddecay += dlevel[t] * (level[t - 1] - series[t])
        dlevel[t - 1] += dlevel[t] * decay
    dseries[0] = dlevel[0]
    return dseries, ddecay


def causal_forward(query, key, value):
    n, d = query.shape
    out = np.zeros_like(value)
    weights = np.zeros((n, n))
    for i in range(n):
        s = key[:i + 1] @ query[i] / d ** 0.5
        e = np.exp(s - s.max())
        weights[i, :i + 1] = e / e.sum()
        out[i] = weights[i, :i + 1] @ value[:i + 1]
    return out, (query, key, value, weights)


def causal_backward(dout, cache):
    query, key, value, weights = cache
    n, d = query.shape
    dquery, dkey, dvalue = np.zeros_like(query), np.zeros_like(key), np.zeros_like(value)
    for i in range(n):
        w = weights[i, :i + 1]
        dvalue[:i + 1] += np.outer(w, dout[i])
        dw = value[:i + 1] @ dout[i]
        ds = w * (dw - dw @ w)
        dquery[i] = ds @ key[:i + 1] / d ** 0.5
        dkey[:i + 1] += np.outer(ds, query[i]) / d ** 0.5
    return dquery, dkey, dvalue


# --- classes

class LayerNormal:
    def forward(self, acts, alpha, offset):
        self.m = acts.mean(axis=-1, keepdims=True)
        self.v = acts.var(axis=-1, keepdims=True)
        self.s = np.sqrt(self.v + 1e-5)
        self.z = (acts - self.m) / self.s
        self.alpha = alpha
        return alpha * self.z + offset

    def backward(self, d_y):
        k = d_y.shape[-1]
        self.d_alpha = np.sum(d_y * self.z, axis=0)
        self.d_offset = np.sum(d_y, axis=0)
        d_z = d_y * self.alpha
        d_sum = d_z.sum(axis=-1, keepdims=True)
        d_dot = (d_z * self.z).sum(axis=-1, keepdims=True)
        d_acts = (d_z - d_sum / k - self.z * d_dot / k) / self.s
        return d_acts, self.d_alpha, self.d_offset


class Perceptron:
    def forward(self, x, W1, b1, W2, b2):
        self.cache = {"x": x, "W1": W1, "W2": W2}
        self.cache["pre"] = x @ W1 + b1
        self.cache["hid"] = np.maximum(self.cache["pre"], 0)
        return self.cache["hid"] @ W2 + b2

    def backward(self, dout):
        grads = {}
        grads["W2"] = self.cache["hid"].T @ dout
        grads["b2"] = dout.sum(axis=0)
        dhid = dout @ self.cache["W2"].T
        dpre = dhid * (self.cache["pre"] > 0)
        grads["W1"] = self.cache["x"].T @ dpre
        grads["b1"] = dpre.sum(axis=0)
        grads["x"] = dpre @ self.cache["W1"].T
        return grads


class Highway:
    def forward(self, x, Wt, Wh):
        self.x, self.Wt, self.Wh = x, Wt, Wh
        self.t = self.squash(x @ Wt)
        self.h = np.tanh(x @ Wh)
        return self.t * self.h + (1 - self.t) * x

    @staticmethod
    def squash(a):
        return 1 / (1 + np.exp(-a))

    def backward(self, g):
        dt = g * (self.h - self.x)
        dh = g * self.t
        dat = dt * self.t * (1 - self.t)
        dah = dh * (1 - self.h ** 2)
        dx = g * (1 - self.t)
        dx += dat @ self.Wt.T
        dx += dah @ self.Wh.T
        return dx, self.x.T @ dat, self.x.T @ dah


class Film:
    def forward(self, feats, cond, A, B):
        self.feats, self.cond, self.A, self.B = feats, cond, A, B
        self.scale = cond @ A
        self.shift = cond @ B
        return feats * (1 + self.scale[:, :, None]) + self.shift[:, :, None]

    def backward(self, grad):
        self.dscale = (grad * self.feats).sum(axis=2)
        self.dshift = grad.sum(axis=2)
        self.dfeats = grad * (1 + self.scale[:, :, None])
        self.dA = self.cond.T @ self.dscale
        self.dB = self.cond.T @ self.dshift
        self.dcond = self.dscale @ self.A.T + self.dshift @ self.B.T
        return self.dfeats, self.dcond, self.dA, self.dB


class Recurrent:
    def forward(self, xs, W, U):
        self.xs, self.W, self.U = xs, W, U
        self.hs = {-1: np.zeros((xs.shape[1], U.shape[0]))}
        for t in range(len(xs)):
            self.hs[t] = np.tanh(xs[t] @ W + self.hs[t - 1] @ U)
        return self.hs[len(xs) - 1]

    def backward(self, dh):
        dxs = np.zeros_like(self.xs)
        self.dW = np.zeros_like(self.W)
        self.dU = np.zeros_like(self.U)
        for t in range(len(self.xs))[::-1]:
            da = dh * (1 - self.hs[t] ** 2)
            self.dW += self.xs[t].T @ da
            self.dU += self.hs[t - 1].T @ da
            dxs[t] = da @ self.W.T
            dh = da @ self.U.T
        return dxs, self.dW, self.dU


# --- constructs: helpers, decorators, closures, walrus, branches, early returns, caches of many kinds

Kept = namedtuple("Kept", "x w pre act")


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def softplus(a):
    return np.log1p(np.exp(a))


def softplus_slope(a):
    return 1 / (1 + np.exp(-a))


def dense_grads(g, x, w):
    return {"x": g @ w.T, "w": x.T @ g, "b": g.sum(axis=0)}


@logged
def splus_forward(x, w, b):
    pre = x @ w + b
    return softplus(pre), Kept(x=x, w=w, pre=pre, act="softplus")


@logged
def splus_backward(g, kept):
    gpre = g * softplus_slope(kept.pre)
    return dense_grads(gpre, kept.x, kept.w)


def huber_forward(pred, truth, delta=0.7):
    err = pred - truth
    if (small := np.abs(err) <= delta).all():
        return 0.5 * (err ** 2).sum(), {"err": err, "small": None, "delta": delta}
    parts = np.where(small, 0.5 * err ** 2, delta * (np.abs(err) - 0.5 * delta))
    return parts.sum(), dict(err=err, small=small, delta=delta)


def huber_backward(g, cache):
    err, small, delta = cache["err"], cache["small"], cache["delta"]
    if small is None:
        return g * err, -g * err
    derr = g * np.where(small, err, delta * np.sign(err))
    dpred = derr
    dtruth = -derr
    return dpred, dtruth


@dataclass
class Tape:
    x: np.ndarray = None
    sq: np.ndarray = None
    root: np.ndarray = None


def rms_forward(x, gain, **options):
    tape = Tape(x=x)
    tape.sq = (x ** 2).mean(axis=-1, keepdims=True)
    tape.root = np.sqrt(tape.sq + options.get("eps", 1e-6))
    return x / tape.root * gain, (tape, gain, options)


def rms_backward(dy, kept):
    tape, gain, options = kept
    dgain = (dy * tape.x / tape.root).sum(axis=0)
    dnorm = dy * gain
    droot = -(dnorm * tape.x).sum(axis=-1, keepdims=True) / tape.root ** 2
    dsq = droot / (2 * tape.root)
    dx = dnorm / tape.root
    dx += 2 * tape.x * dsq / tape.x.shape[-1]
    return dx, dgain


def residual_forward(x, w1, w2):
    def block(h, w):
        a = h @ w
        return np.sin(a), a
    h1, a1 = block(x, w1)
    h1 += x
    h2, a2 = block(h1, w2)
    return h2 + h1, (x, w1, w2, a1, h1, a2)


def residual_backward(dout, cache):
    x, w1, w2, a1, h1, a2 = cache

    def pull(dh, a, h, w):
        da = dh * np.cos(a)
        return da @ w.T, h.T @ da

    dh1, dw2 = pull(dout, a2, h1, w2)
    dh1 += dout
    dx, dw1 = pull(dh1, a1, x, w1)
    dx += dh1
    return dx, dw1, dw2


# --- a second helping, written when the first had been looked at

def focal_forward(margin, focus=2.0):
    prob = 1.0 / (1.0 + np.exp(-margin))
    rest = 1.0 - prob
    weight = rest ** focus
    logp = np.log(prob)
    loss = -(weight * logp).mean()
    return loss, (prob, rest, weight, logp, focus)


def focal_backward(g, saved):
    prob, rest, weight, logp, focus = saved
    dterm = -g * np.ones_like(prob) / prob.size
    dweight = dterm * logp
    dlogp = dterm * weight
    dprob = dlogp / prob
    drest = dweight * focus * rest ** (focus - 1)
    dprob = dprob - drest
    dmargin = dprob * prob * rest
    return dmargin


def mixture_forward(x, centres, logits):
    gap = x[:, None, :] - centres[None, :, :]
    dist = (gap ** 2).sum(axis=2)
    score = logits[None, :] - 0.5 * dist
    top = score.max(axis=1, keepdims=True)
    lse = top[:, 0] + np.log(np.exp(score - top).sum(axis=1))
    return lse, {"gap": gap, "resp": np.exp(score - lse[:, None])}


def mixture_backward(dlse, saved):
    gap, resp = saved["gap"], saved["resp"]
    out = {}
    dscore = dlse[:, None] * resp
    out["logits"] = dscore.sum(axis=0)
    ddist = -0.5 * dscore
    dgap = 2 * gap * ddist[:, :, None]
    out["x"] = dgap.sum(axis=1)
    out["centres"] = -dgap.sum(axis=0)
    return out


def stencil_forward(field, weights):
    rows, cols = field.shape
    out = np.zeros((rows - 2, cols - 2))
    for i in range(1, rows - 1):
        for j in range(1, cols - 1):
            out[i - 1, j - 1] = (weights[0] * field[i, j] + weights[1] * field[i - 1, j]
                                 + weights[2] * field[i + 1, j] + weights[3] * field[i, j - 1])
    return np.sin(out), (field, weights, out)


def stencil_backward(dout, saved):
    field, weights, pre = saved
    rows, cols = field.shape
    dfield, dweights = np.zeros_like(field), np.zeros_like(weights)
    dpre = dout * np.cos(pre)
    for i in range(1, rows - 1):
        for j in range(1, cols - 1):
            d = dpre[i - 1, j - 1]
            dfield[i, j] += weights[0] * d
            dfield[i - 1, j] += weights[1] * d
            dfield[i + 1, j] += weights[2] * d
            dfield[i, j - 1] += weights[3] * d
            dweights[0] += field[i, j] * d
            dweights[1] += field[i - 1, j] * d
            dweights[2] += field[i + 1, j] * d
            dweights[3] += field[i, j - 1] * d
    return dfield, dweights


class Cell:
    def forward(self, x, h, c, W, b):
        self.z = np.concatenate([x, h], axis=1)
        self.W, self.c, self.nx = W, c, x.shape[1]
        i, f, o, g = np.split(self.z @ W + b, 4, axis=1)
        self.i, self.f, self.o = self.sig(i), self.sig(f), self.sig(o)
        self.g = np.tanh(g)
        self.c_new = self.f * c + self.i * self.g
        self.t = np.tanh(self.c_new)
        return self.o * self.t

    def sig(self, v):
        return 1 / (1 + np.exp(-v))

    def backward(self, dh):
        do = dh * self.t
        dc = dh * self.o * (1 - self.t ** 2)
        di = dc * self.g
        df = dc * self.c
        dg = dc * self.i
        pre = [di * self.i * (1 - self.i), df * self.f * (1 - self.f), do * self.o * (1 - self.o), dg * (1 - self.g ** 2)]
        dpre = np.concatenate(pre, axis=1)
        dW = self.z.T @ dpre
        db = dpre.sum(axis=0)
        dz = dpre @ self.W.T
        return dz[:, :self.nx], dz[:, self.nx:], dc * self.f, dW, db


class Whiten:
    def forward(self, data):
        self.n = data.shape[0]
        self.centred = data - data.mean(axis=0)
        self.var = (self.centred ** 2).sum(axis=0) / (self.n - 1)
        self.scale = (self.var + 1e-6) ** -0.5
        return self.centred * self.scale

    def backward(self, upstream):
        d_scale = (upstream * self.centred).sum(axis=0)
        d_var = -0.5 * d_scale * (self.var + 1e-6) ** -1.5
        d_centred = upstream * self.scale
        d_centred += 2 * self.centred * d_var / (self.n - 1)
        return d_centred - d_centred.mean(axis=0)
