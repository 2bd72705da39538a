"""Sequence models, embeddings, kernels and sampling, as they are written for a paper."""

import numpy as np


def logsumexp(a, axis=None):
    m = a.max(axis=axis, keepdims=True)
    return np.squeeze(m + np.log(np.exp(a - m).sum(axis=axis, keepdims=True)), axis=axis)


def crf_nll(emissions, transitions, tags):
    """Negative log-likelihood of a linear-chain CRF, and its gradients by forward-backward.

    emissions: (T, K); transitions: (K, K) from i to j; tags: (T,) integers.
    """
    T, K = emissions.shape
    alpha = np.zeros((T, K))
    alpha[0] = emissions[0]
    for t in range(1, T):
        alpha[t] = emissions[t] + logsumexp(alpha[t - 1][:, None] + transitions, axis=0)
    log_z = logsumexp(alpha[-1], axis=0)
    beta = np.zeros((T, K))
    for t in range(T - 2, -1, -1):
        beta[t] = logsumexp(transitions + (emissions[t + 1] + beta[t + 1])[None, :], axis=1)
    score = emissions[np.arange(T), tags].sum() + transitions[tags[:-1], tags[1:]].sum()
    d_emissions = np.exp(alpha + beta - log_z)
    d_transitions = np.zeros_like(transitions)
    for t in range(1, T):
        d_transitions += np.exp(
            alpha[t - 1][:, None] + transitions + (emissions[t] + beta[t])[None, :] - log_z
        )
    d_emissions[np.arange(T), tags] -= 1
    np.subtract.at(d_transitions, (tags[:-1], tags[1:]), 1)
    return log_z - score, d_emissions, d_transitions


def hmm_loglik(log_pi, log_A, log_B, obs):
    """log p(obs) with unnormalised log tables; obs (T,) indexes columns of log_B (K, V)."""
    T = len(obs)
    K = log_pi.shape[0]
    a = np.zeros((T, K))
    a[0] = log_pi + log_B[:, obs[0]]
    for t in range(1, T):
        s = a[t - 1][:, None] + log_A
        m = s.max(axis=0)
        a[t] = m + np.log(np.exp(s - m).sum(axis=0)) + log_B[:, obs[t]]
    m = a[-1].max()
    return m + np.log(np.exp(a[-1] - m).sum())


def hmm_loglik_grad(log_pi, log_A, log_B, obs):
    T = len(obs)
    K = log_pi.shape[0]
    a = np.zeros((T, K))
    a[0] = log_pi + log_B[:, obs[0]]
    for t in range(1, T):
        s = a[t - 1][:, None] + log_A
        m = s.max(axis=0)
        a[t] = m + np.log(np.exp(s - m).sum(axis=0)) + log_B[:, obs[t]]
    g = np.exp(a[-1] - a[-1].max())
    g /= g.sum()
    d_pi, d_A, d_B = np.zeros_like(log_pi), np.zeros_like(log_A), np.zeros_like(log_B)
    for t in range(T - 1, 0, -1):
        d_B[:, obs[t]] += g
        s = a[t - 1][:, None] + log_A
        p = np.exp(s - s.max(axis=0))
        p /= p.sum(axis=0)
        d_A += p * g
        g = p @ g
    d_B[:, obs[0]] += g
    d_pi += g
    return d_pi, d_A, d_B


def kl_divergence(Y, P):
    """t-SNE objective: KL(P || Q) and its gradient."""
    n = Y.shape[0]
    sum_Y = np.sum(Y**2, axis=1)
    num = 1.0 / (1.0 + sum_Y[:, None] + sum_Y[None, :] - 2.0 * Y @ Y.T)
    num[range(n), range(n)] = 0.0
    Q = num / num.sum()
    mask = ~np.eye(n, dtype=bool)
    cost = np.sum(P[mask] * np.log(P[mask] / Q[mask]))
    PQ = (P - Q) * num
    grad = np.zeros_like(Y)
    for i in range(n):
        grad[i] = 4 * np.sum(PQ[:, i][:, None] * (Y[i] - Y), axis=0)
    return cost, grad


class MatrixFactorization:
    def __init__(self, n_users, n_items, k=3, reg=0.05):
        self.P = np.random.normal(0, 0.1, (n_users, k))
        self.Q = np.random.normal(0, 0.1, (n_items, k))
        self.reg = reg

    def loss(self, users, items, ratings):
        e = ratings - np.sum(self.P[users] * self.Q[items], axis=1)
        return 0.5 * np.sum(e**2) + 0.5 * self.reg * (np.sum(self.P**2) + np.sum(self.Q**2))

    def gradients(self, users, items, ratings):
        e = ratings - np.sum(self.P[users] * self.Q[items], axis=1)
        dP, dQ = self.reg * self.P, self.reg * self.Q
        np.add.at(dP, users, -e[:, None] * self.Q[items])
        np.add.at(dQ, items, -e[:, None] * self.P[users])
        return {"P": dP, "Q": dQ}


def skipgram(W_in, W_out, centers, contexts):
    """Full-softmax skip-gram: mean over pairs. W_in (V, D), W_out (V, D)."""
    h = W_in[centers]
    s = h @ W_out.T
    s = s - s.max(axis=1, keepdims=True)
    p = np.exp(s)
    p /= p.sum(axis=1, keepdims=True)
    B = len(centers)
    loss = -np.log(p[np.arange(B), contexts]).mean()
    ds = p.copy()
    ds[np.arange(B), contexts] -= 1
    ds /= B
    grads = {"W_out": ds.T @ h}
    dW_in = np.zeros_like(W_in)
    np.add.at(dW_in, centers, ds @ W_out)
    grads["W_in"] = dW_in
    return loss, grads


def bpr_loss(user, pos, neg, reg=0.01):
    """Bayesian personalised ranking; user, pos, neg (N, D)."""
    x = np.sum(user * (pos - neg), axis=1)
    return np.sum(np.log1p(np.exp(-x))) + 0.5 * reg * (np.sum(user**2) + np.sum(pos**2) + np.sum(neg**2))


def bpr_loss_grad(user, pos, neg, reg=0.01):
    x = np.sum(user * (pos - neg), axis=1)
    s = -1.0 / (1.0 + np.exp(x))
    du = s[:, None] * (pos - neg) + reg * user
    dp = s[:, None] * user + reg * pos
    dn = -s[:, None] * user + reg * neg
    return du, dp, dn


def info_nce(z1, z2, temperature=0.5):
    """Contrastive loss with in-batch negatives: z1, z2 (N, D)."""
    n1 = np.linalg.norm(z1, axis=1, keepdims=True)
    n2 = np.linalg.norm(z2, axis=1, keepdims=True)
    u, v = z1 / n1, z2 / n2
    s = u @ v.T / temperature
    p = np.exp(s - s.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    N = len(z1)
    loss = -np.mean(np.log(np.diag(p)))
    ds = (p - np.eye(N)) / N / temperature
    du, dv = ds @ v, ds.T @ u
    dz1 = (du - u * np.sum(du * u, axis=1, keepdims=True)) / n1
    dz2 = (dv - v * np.sum(dv * v, axis=1, keepdims=True)) / n2
    return loss, (dz1, dz2)


class RBFRegression:
    """GP with an RBF kernel; hyper-parameters are logs."""

    def __init__(self, X, y):
        self.X, self.y = X, y

    def _kernel(self, params):
        log_ell, log_sf, log_sn = params
        d2 = np.sum((self.X[:, None] - self.X[None]) ** 2, axis=-1)
        K = np.exp(2 * log_sf) * np.exp(-d2 / (2 * np.exp(2 * log_ell)))
        return d2, K, K + np.exp(2 * log_sn) * np.eye(len(self.X))

    def objective(self, params):
        _, _, Ky = self._kernel(params)
        _, logdet = np.linalg.slogdet(Ky)
        return 0.5 * self.y @ np.linalg.solve(Ky, self.y) + 0.5 * logdet

    def gradient(self, params):
        d2, K, Ky = self._kernel(params)
        Kinv = np.linalg.inv(Ky)
        a = Kinv @ self.y
        M = Kinv - np.outer(a, a)
        return 0.5 * np.array(
            [
                np.sum(M * (K * d2 / np.exp(2 * params[0]))),
                np.sum(M * 2 * K),
                np.trace(M) * 2 * np.exp(2 * params[2]),
            ]
        )


def bilinear_sample_forward(img, coords):
    """Sample img (H, W) at coords (P, 2), given as (row, col) in pixels inside the image."""
    H, W = img.shape
    r, c = coords[:, 0], coords[:, 1]
    r0 = np.clip(np.floor(r).astype(int), 0, H - 2)
    c0 = np.clip(np.floor(c).astype(int), 0, W - 2)
    fr, fc = r - r0, c - c0
    v00, v01, v10, v11 = img[r0, c0], img[r0, c0 + 1], img[r0 + 1, c0], img[r0 + 1, c0 + 1]
    out = (1 - fr) * (1 - fc) * v00 + (1 - fr) * fc * v01 + fr * (1 - fc) * v10 + fr * fc * v11
    return out, (img.shape, r0, c0, fr, fc, v00, v01, v10, v11)


def bilinear_sample_backward(dout, cache):
    shape, r0, c0, fr, fc, v00, v01, v10, v11 = cache
    dimg = np.zeros(shape)
    np.add.at(dimg, (r0, c0), dout * (1 - fr) * (1 - fc))
    np.add.at(dimg, (r0, c0 + 1), dout * (1 - fr) * fc)
    np.add.at(dimg, (r0 + 1, c0), dout * fr * (1 - fc))
    np.add.at(dimg, (r0 + 1, c0 + 1), dout * fr * fc)
    dr = dout * ((1 - fc) * (v10 - v00) + fc * (v11 - v01))
    dc = dout * ((1 - fr) * (v01 - v00) + fr * (v11 - v10))
    return dimg, np.stack([dr, dc], axis=1)
