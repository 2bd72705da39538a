"""Costs whose docstrings state the shapes of several arguments at once, or of another one."""

import numpy as np


def vae_loss(mu, logvar, eps, W, x):
    """mu, logvar, eps (N, K); W (K, D); x (N, D)"""
    std = np.exp(0.5 * logvar)
    z = mu + std * eps
    r = z @ W - x
    loss = 0.5 * np.sum(r**2) - 0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))
    dz = r @ W.T
    dlogvar = dz * eps * std + 0.5 * (np.exp(logvar) - 1)  # planted: the half of std
    return loss, {"mu": dz + mu, "logvar": dlogvar, "W": z.T @ r}


def mixture_nll(mu, log_sigma, logits, X):
    """mu (K, D), log_sigma (K,), logits (K,), X (N, D)"""
    w = np.exp(logits) / np.sum(np.exp(logits))
    sq = np.sum((X[:, None] - mu) ** 2, axis=2) * np.exp(-2 * log_sigma)
    p = w * np.exp(-0.5 * sq - X.shape[1] * log_sigma)
    R = p / p.sum(axis=1, keepdims=True)
    dmu = np.sum(R[:, :, None] * (mu - X[:, None]), axis=0) * np.exp(-2 * log_sigma)[:, None]
    dlog_sigma = np.sum(R * (X.shape[1] - sq), axis=0)
    dlogits = len(X) * w - R.sum(axis=0)
    return -np.sum(np.log(p.sum(axis=1))), (dmu, dlog_sigma, dlogits)


def cross_entropy_loss(scores, y_onehot):
    """scores: (N, C), y_onehot: (N, C)"""
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    probs = e / e.sum(axis=1, keepdims=True)
    loss = -np.sum(y_onehot * np.log(probs)) / len(scores)
    dscores = (probs - y_onehot) / len(scores)
    return loss, dscores


def kernel_cost(theta, X):
    """theta: log of length and of scale. X (N, D)"""
    length, scale = np.exp(theta[0]), np.exp(theta[1])
    d2 = np.sum((X[:, None] - X) ** 2, axis=2)
    K = scale * np.exp(-d2 / length)
    return np.sum(K), np.array([np.sum(K * d2) / length, np.sum(K)])
