"""Activations that a constructor takes, and what is not of many samples."""

import numpy as np


class Neurons:
    def __init__(self, n_in, n_out, activation):
        self.W = np.random.randn(n_in, n_out)
        self.activation = activation

    def forward(self, x):
        self.x = x
        return self.activation.forward(x @ self.W)

    def backward(self, dout):
        dz = self.activation.backward(dout)
        self.dW = self.x.T @ dz
        return dz @ self.W.T


class Units:
    def __init__(self, n_in, n_out, act_fn):
        self.W = np.random.randn(n_in, n_out)
        self.act_fn = act_fn

    def forward(self, x):
        self.x, self.z = x, x @ self.W
        return self.act_fn(self.z)

    def backward(self, dout):
        dz = dout * self.act_fn(self.z, derivative=True)
        self.dW = self.x.T @ dout  # planted: dz
        return dz @ self.W.T


class Sigmoid:
    def forward(self, z):
        self.s = 1 / (1 + np.exp(-z))
        return self.s

    def backward(self, dout):
        return dout * self.s * (1 - self.s)


def tanh(z, derivative=False):
    return 1 - np.tanh(z) ** 2 if derivative else np.tanh(z)


class OneSample:
    def __init__(self, dim):
        self.w, self.b = np.random.randn(dim), 0.0

    def loss_and_grad(self, x, y):
        p = 1 / (1 + np.exp(-(self.w @ x + self.b)))
        loss = -(y * np.log(p) + (1 - y) * np.log(1 - p))
        return loss, {"w": (p - y) * x, "b": p - y}


class Adaline:
    def __init__(self, dim=5):
        self.w = np.ones(dim)

    def loss_and_grad(self, x, y):
        error = self.w.dot(x) - y
        grad = 2 * error * x  # planted: 2
        return 0.5 * np.sum(error**2), grad


def chain_log_partition(unary, trans):
    """unary (T, K), trans (K, K)"""
    T, K = unary.shape
    alpha, beta = np.zeros((T, K)), np.zeros((T, K))
    alpha[0] = unary[0]
    for t in range(1, T):
        alpha[t] = unary[t] + np.log(np.exp(alpha[t - 1][:, None] + trans).sum(axis=0))
    for t in range(T - 2, -1, -1):
        beta[t] = np.log(np.exp(trans + unary[t + 1] + beta[t + 1]).sum(axis=1))
    logZ = np.log(np.exp(alpha[-1]).sum())
    d_unary = np.exp(alpha + beta - logZ)
    for t in range(T - 1):
        d_trans = np.exp(alpha[t][:, None] + trans + unary[t + 1] + beta[t + 1] - logZ)  # planted: +=
    return logZ, d_unary, d_trans


def forward_backward_prop(X, labels, params, dimensions):
    n, h, k = dimensions[0], dimensions[1], dimensions[2]
    W1, W2 = params[: n * h].reshape(n, h), params[n * h : n * h + h * k].reshape(h, k)
    hidden = np.tanh(X @ W1)
    e = np.exp(hidden @ W2)
    yhat = e / e.sum(axis=1, keepdims=True)
    cost = -np.sum(labels * np.log(yhat))
    d = yhat - labels
    gradW1 = X.T @ (d @ W2.T * (1 - hidden**2))
    grad = np.concatenate((gradW1.ravel(), (hidden.T @ d).ravel()))
    return cost, grad


def whiten_forward(x, options):
    mode = options["mode"]
    if mode == "train":
        mu, var = x.mean(axis=0), x.var(axis=0)
    elif mode == "test":
        mu, var = options.get("mean", 0.1), options.get("var", 2.0)
    x_hat = (x - mu) / np.sqrt(var)
    return x_hat, (x_hat, var, mode)


def whiten_backward(dout, cache):
    x_hat, var, mode = cache
    if mode == "train":
        dout = dout - dout.mean(axis=0) - x_hat * (dout * x_hat).mean(axis=0)
        return dout / np.sqrt(var)
    return dout / var  # planted: the root
