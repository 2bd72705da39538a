"""What names say of shapes and of what a gradient belongs to."""

import numpy as np


def norm_over_last(x, gain, bias, eps=1e-5):
    centered = x - x.mean(axis=-1, keepdims=True)
    invstd = 1.0 / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + eps)
    normalized = centered * invstd
    return normalized * gain + bias, (normalized, invstd, gain)


def norm_over_last_backward(dout, cache):
    normalized, invstd, gain = cache
    axes = tuple(range(dout.ndim - 1))
    dn = dout * gain
    dx = dn - dn.mean(axis=-1, keepdims=True) - normalized * (dn * normalized).mean(axis=-1, keepdims=True)
    return invstd * dx, (dout * normalized).sum(axis=axes), dout.mean(axis=axes)  # planted: the sum


def normalize(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def normalize_backward(dout, softmax_output, axis=-1):
    return softmax_output * (dout - np.sum(dout * softmax_output, axis=axis, keepdims=True))


def compute_error(X, y, m, b):
    error = X @ m + b - y
    return error @ error / len(y)


def log_likelihood_gradient(X, y, m, b):
    error = X @ m + b - y
    m_gradient = 2 / len(y) * X.T @ error
    b_gradient = np.sum(error) / len(y)  # planted: twice that
    return m_gradient, b_gradient


class Process:
    """The covariance, which a method of its own computes, says how many hyperparameters there are."""

    def __init__(self, X, Y):
        self.X, self.Y = X, Y

    def cov(self, theta):
        d = np.sum((self.X[:, None] - self.X[None]) ** 2, -1)
        return theta[1] ** 2 * np.exp(-0.5 * d / theta[2] ** 2), d

    def log_likelihood(self, theta):
        K = self.cov(theta)[0] + (1 + theta[0] ** 2) * np.eye(len(self.Y))
        return -0.5 * self.Y @ np.linalg.solve(K, self.Y) - 0.5 * np.linalg.slogdet(K)[1]

    def log_likelihood_gradient(self, theta):
        K, d = self.cov(theta)
        inverse = np.linalg.inv(K + (1 + theta[0] ** 2) * np.eye(len(self.Y)))
        alpha = inverse @ self.Y
        B = 0.5 * (np.outer(alpha, alpha) - inverse)
        return np.array(
            [2 * theta[0] * np.trace(B), 2 * np.sum(B * K) / theta[1], np.sum(B * K * d) / theta[2] ** 3]
        )


class Weighted:
    """A function that is whatever the object is made with, beside its slope at the output."""

    def __init__(self, W1, W2):
        self.W1, self.W2 = W1, W2

    def squash(self, x):
        return 1 / (1 + np.exp(-x))

    def grad_squash(self, x):
        return x * (1 - x)
