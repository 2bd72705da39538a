"""Losses: one number out, so the cotangent is a scalar (or one per sample)."""
# ruff: noqa
# fmt: off

import numpy as np


def softmax_ce_forward(scores, labels):
    n = scores.shape[0]
    shifted = scores - scores.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -logp[np.arange(n), labels].mean()
    return loss, (np.exp(logp), labels)


def softmax_ce_backward(dloss, cache):
    p, labels = cache
    n = p.shape[0]
    d = p.copy()
    d[np.arange(n), labels] -= 1
    return dloss * d / n


# --- with label smoothing and one weight per class

def weighted_ce_forward(logits, weight, labels, smooth):
    n, k = logits.shape
    m = logits.max(1, keepdims=True)
    lse = m + np.log(np.exp(logits - m).sum(1, keepdims=True))
    logp = logits - lse
    t = np.full((n, k), smooth / k)
    t[np.arange(n), labels] += 1 - smooth
    tw = t * weight
    loss = -(tw * logp).sum() / n
    return loss, (logp, t, tw)


def weighted_ce_backward(dloss, cache):
    logp, t, tw = cache
    n = len(logp)
    dlogp = -tw * dloss / n
    dlogits = dlogp - np.exp(logp) * dlogp.sum(1, keepdims=True)
    dweight = (-t * logp).sum(0) * dloss / n
    return dlogits, dweight


def mse_forward(pred, target):
    diff = pred - target
    return np.mean(diff ** 2), diff


def mse_backward(dout, diff):
    g = dout * 2 * diff / diff.size
    return g, -g


def huber_forward(pred, target, delta):
    r = pred - target
    a = np.abs(r)
    out = np.where(a <= delta, 0.5 * r ** 2, delta * (a - 0.5 * delta))
    return out.sum(axis=1), (r, delta)


def huber_backward(dout, cache):
    r, delta = cache
    dr = np.clip(r, -delta, delta) * dout[:, None]
    return dr, -dr


def svm_forward(x, y):
    N = x.shape[0]
    correct = x[np.arange(N), y]
    margins = np.maximum(0, x - correct[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    return np.sum(margins) / N, (margins, y)


def svm_backward(dout, cache):
    margins, y = cache
    N = margins.shape[0]
    num_pos = np.sum(margins > 0, axis=1)
    dx = np.zeros_like(margins)
    dx[margins > 0] = 1
    dx[np.arange(N), y] -= num_pos
    dx = dout * dx / N
    return dx


# --- logistic regression with an L2 term; labels are -1 or +1 from booleans

def ridge_logistic_forward(w, X, y, lam):
    s = np.where(y, 1.0, -1.0)
    m = s * (X @ w)
    loss = np.logaddexp(0, -m).mean() + 0.5 * lam * np.dot(w, w)
    return loss, (w, X, s, m, lam)


def ridge_logistic_backward(g, cache):
    w, X, s, m, lam = cache
    q = -s / (1 + np.exp(m)) / len(s)
    dw = g * (X.T @ q + lam * w)
    dX = g * np.outer(q, w)
    return dw, dX


def bce_logits_forward(z, t):
    loss = np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))
    return loss.mean(), (z, t)


def bce_logits_backward(dloss, cache):
    z, t = cache
    p = 0.5 * (1 + np.tanh(0.5 * z))
    dz = dloss * (p - t) / z.size
    dt = dloss * -z / z.size
    return dz, dt


# --- KL(p || q) with q = softmax(z), p given as positive weights that are normalised here

def kl_forward(p, z):
    p_sum = p.sum(axis=1, keepdims=True)
    P = p / p_sum
    zmax = z.max(axis=1, keepdims=True)
    logq = z - zmax - np.log(np.exp(z - zmax).sum(axis=1, keepdims=True))
    kl = (P * (np.log(P) - logq)).sum(axis=1)
    return kl, (P, logq, p_sum)


def kl_backward(dkl, cache):
    P, logq, p_sum = cache
    d = dkl[:, None]
    dP = d * (np.log(P) - logq + 1)
    dp = (dP - (dP * P).sum(axis=1, keepdims=True)) / p_sum
    dz = d * (np.exp(logq) - P)
    return dp, dz


# --- Gaussian negative log-likelihood, mean and log-variance

def gaussian_nll_forward(mu, logvar, y):
    z = (y - mu) * np.exp(-0.5 * logvar)
    nll = 0.5 * (logvar + z ** 2)
    return nll.sum(), (z, logvar)


def gaussian_nll_backward(dout, cache):
    z, logvar = cache
    dmu = -dout * z * np.exp(-0.5 * logvar)
    dlogvar = 0.5 * dout * (1 - z ** 2)
    dy = -dmu
    return {"mu": dmu, "logvar": dlogvar, "y": dy}


# --- a contrastive triplet with a margin, distances by np.linalg.norm

def triplet_forward(a, p, n, margin):
    dp = np.linalg.norm(a - p, axis=1)
    dn = np.linalg.norm(a - n, axis=1)
    loss = np.maximum(0.0, dp - dn + margin)
    return loss.sum(), (a, p, n, dp, dn, loss)


def triplet_backward(g, cache):
    a, p, n, dp, dn, loss = cache
    on = (g * (loss > 0))[:, None]
    up = on * (a - p) / dp[:, None]
    un = on * (a - n) / dn[:, None]
    return up - un, -up, un


# --- L1 + L2 penalties on a weight matrix

def elastic_net_forward(W, l1, l2):
    return l1 * np.abs(W).sum() + 0.5 * l2 * (W ** 2).sum(), (W, l1, l2)


def elastic_net_backward(dout, cache):
    W, l1, l2 = cache
    return dout * (l1 * np.sign(W) + l2 * W)
