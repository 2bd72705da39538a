"""Shapes and kinds that a docstring or a comment tells; gradients of what forward keeps."""

import numpy as np


def fourier_filter(x, h):
    """Filter real signals x (N, L) with a real transfer function h (L // 2 + 1,)."""
    X = np.fft.rfft(x, axis=-1)
    return np.fft.irfft(X * h, n=x.shape[-1], axis=-1), (X, h, x.shape[-1])


def fourier_filter_backward(dy, cache):
    X, h, L = cache
    dY = np.fft.rfft(dy, axis=-1)
    weight = np.full(len(h), 2.0)
    weight[0] = 1.0
    if L % 2 == 0:
        weight[-1] = 1.0
    return np.fft.irfft(dY * h, n=L, axis=-1), weight / L * np.real(np.conj(X) * dY).sum(axis=0)


def content_addressing(query, memory, beta):
    """softmax(beta * memory @ query). query (D,), memory (M, D), beta a positive scalar."""
    score = memory @ query
    weights = np.exp(beta * score - (beta * score).max())
    weights /= weights.sum()
    return weights, (query, memory, beta, score, weights)


def content_addressing_grad(dweights, cache):
    query, memory, beta, score, weights = cache
    dlogits = weights * (dweights - weights @ dweights)
    return memory.T @ (beta * dlogits), np.outer(beta * dlogits, query), dlogits @ score


def contrastive_forward(x1, x2, y, margin=1.0):
    """y = 1 for similar pairs, 0 for dissimilar. x1, x2: (N, D); y: (N,)"""
    diff = x1 - x2
    d = np.sqrt(np.sum(diff**2, axis=1))
    hinge = np.maximum(margin - d, 0)
    return 0.5 * np.mean(y * d**2 + (1 - y) * hinge**2), (diff, d, hinge, y)


def contrastive_backward(cache):
    diff, d, hinge, y = cache
    dx1 = (y - (1 - y) * hinge / d)[:, None] * diff / len(d)
    return dx1, -dx1


def mixture_loglik(X, logits, means, log_scales):
    """X (N, D); logits (K,), means (K, D), log_scales (K, D)"""
    lw = logits - np.log(np.exp(logits).sum())
    z = (X[:, None, :] - means) / np.exp(log_scales)
    joint = np.exp(lw + (-0.5 * z**2 - log_scales).sum(-1))
    return np.log(joint.sum(1)).sum(), (lw, z, joint / joint.sum(1, keepdims=True), np.exp(log_scales))


def mixture_loglik_grad(cache):
    lw, z, resp, scales = cache
    return {
        "logits": resp.sum(0) - len(resp) * np.exp(lw),
        "means": np.einsum("nk,nkd->kd", resp, z) / scales,
        "log_scales": np.einsum("nk,nkd->kd", resp, z**2 - 1),
    }


def surrogate_loss(logp, old_logp, adv, clip=0.2):
    """Clipped surrogate, to be minimised. All (N,)."""
    ratio = np.exp(logp - old_logp)
    return -np.minimum(ratio * adv, np.clip(ratio, 1 - clip, 1 + clip) * adv).mean()


def surrogate_loss_backward(logp, old_logp, adv, clip=0.2):
    ratio = np.exp(logp - old_logp)
    use = ratio * adv <= np.clip(ratio, 1 - clip, 1 + clip) * adv
    return -np.where(use, ratio * adv, 0.0) / len(logp)


def scaled_linear_forward(x, W, sigma, b):
    # x (N, in), W (out, in), sigma scalar, b (out,)
    Wn = W / sigma
    return x @ Wn.T + b, (x, W, sigma, Wn)


def scaled_linear_backward(dy, cache):
    x, W, sigma, Wn = cache
    dWn = dy.T @ x
    return dy @ Wn, dWn / sigma, -np.sum(dWn * W) / sigma**2, dy.sum(axis=0)


def rotation(q):
    """q (N, 4) as (w, x, y, z) -> the first two rows of R, (N, 2, 3)"""
    w, x, y, z = q.T
    first = [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)]
    second = [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)]
    return np.array([first, second]).transpose(2, 0, 1)


def rotation_vjp(v_R, q):
    w, x, y, z = q.T
    v = v_R.transpose(1, 2, 0)
    a, b = v[0, 0] + v[1, 1], v[0, 0] - v[1, 1]
    v_w = 2 * (w * a + z * (v[1, 0] - v[0, 1]) + y * v[0, 2] - x * v[1, 2])
    v_x = 2 * (x * b + y * (v[1, 0] + v[0, 1]) + z * v[0, 2] - w * v[1, 2])
    v_y = 2 * (-y * b + x * (v[0, 1] + v[1, 0]) + w * v[0, 2] + z * v[1, 2])
    v_z = 2 * (-z * a + w * (v[1, 0] - v[0, 1]) + x * v[0, 2] + y * v[1, 2])
    return np.stack([v_w, v_x, v_y, v_z], axis=1)


def transfer(tau, source, background):
    """Emergent intensity; tau, source (..., n_layers), background (...,). From far to near."""
    intensity, history = background, []
    for i in range(tau.shape[-1]):
        t = np.exp(-tau[..., i])
        history.append((intensity, t))
        intensity = intensity * t + source[..., i] * (1 - t)
    return intensity, (source, history)


def transfer_adjoint(d_intensity, cache):
    source, history = cache
    d_tau, d_source = np.zeros(source.shape), np.zeros(source.shape)
    for i in reversed(range(len(history))):
        before, t = history[i]
        d_source[..., i] = d_intensity * (1 - t)
        d_tau[..., i] = -d_intensity * (before - source[..., i]) * t
        d_intensity = d_intensity * t
    return d_tau, d_source, d_intensity


class CrossEntropy:
    def forward(self, A, Y):
        """
        :param A: Output of the model of shape (N, C)
        :param Y: Ground-truth values of shape (N, C)
        """
        self.A, self.Y = A, Y
        self.N, self.C = A.shape
        self.softmax = np.exp(A) / np.sum(np.exp(A), axis=1, keepdims=True)
        return np.sum(-Y * np.log(self.softmax)) / self.N

    def backward(self):
        return (self.softmax - self.Y) / self.N


def sampling_loss(v, target_idx, U, negatives):
    """The same word may be sampled several times.

    v: (D,)
    U: (V, D)
    negatives: (K,) ints below V
    """
    z = 1 / (1 + np.exp(-U[target_idx] @ v))
    loss, gv, gU = -np.log(z), (z - 1) * U[target_idx], np.zeros_like(U)
    gU[target_idx] += (z - 1) * v
    for k in negatives:
        s = 1 / (1 + np.exp(U[k] @ v))
        loss -= np.log(s)
        gv += (1 - s) * U[k]
        gU[k] += (1 - s) * v
    return loss, gv, gU


def skipgram_pairs(V, U, centers, contexts):
    """V, U (words, dim); centers, contexts (B,) ints. Returns a mean loss."""
    v, u = V[centers], U[contexts]
    s = np.sum(v * u, axis=1)
    loss = np.mean(np.logaddexp(0, -s))
    ds = -1 / (1 + np.exp(s)) / len(centers)
    dV, dU = np.zeros_like(V), np.zeros_like(U)
    np.add.at(dV, centers, ds[:, None] * u)
    np.add.at(dU, contexts, ds[:, None] * v)
    return loss, dV, dU


class Projection:
    """Sizes that no name tells, and gradients in a dict by the names of attributes."""

    def __init__(self, m, o):
        self.v = np.random.randn(m, o)
        self.g = np.ones(o)
        self.grads = {}

    def forward(self, x):
        self.x = x
        self.norm = np.sqrt(np.sum(self.v**2, axis=0))
        return x @ (self.g * self.v / self.norm)

    def backward(self, grad):
        dw = self.x.T @ grad
        dg = np.sum(dw * self.v / self.norm, axis=0)
        self.grads = {"v": self.g / self.norm * (dw - dg / self.norm * self.v), "g": dg}
        return grad @ (self.g * self.v / self.norm).T


def inverted_forward(x, dropout_param):
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = (np.random.rand(*x.shape) < p) / p if mode == "train" else None
    return x if mode == "test" else x * mask, (dropout_param, mask)


def inverted_backward(dout, cache):
    dropout_param, mask = cache
    mode = dropout_param["mode"]
    if mode == "train":
        dx = dout * mask
    elif mode == "test":
        dx = 1.0 * dout
    return dx


def embedding_grad(P, Y):
    """P: joint probabilities (N, N), Y: embedding (N, 2)"""
    num = 1 / (1 + ((Y[:, None] - Y) ** 2).sum(-1))
    np.fill_diagonal(num, 0)
    Q = np.maximum(num / num.sum(), 1e-12)
    C = np.sum(P[P > 0] * np.log(P[P > 0] / Q[P > 0]))
    PQ = (P - Q) * num
    dY = 4 * (np.diag(PQ.sum(1)) - PQ) @ Y
    return C, dY
