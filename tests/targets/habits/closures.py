"""Functions that return their output and the closure that takes a cotangent back."""

import numpy as np


def logsumexp(x):
    e = np.exp(x - x.max())
    s = e.sum()

    def pullback(dy):
        return dy * e / s

    return x.max() + np.log(s), pullback


def dense(x, W, b):
    def back(dy):
        return dy @ W.T, x.T @ dy, dy.mean(axis=0)  # planted: the mean

    return x @ W + b, back


def arctangent(x):
    return np.arctan(x), lambda g: g / (1 + x**2)


class Dense:
    def __init__(self, n_in, n_out):
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)
        self.dW = np.zeros_like(self.W)

    def forward(self, x):
        def backward(dout):
            self.dW += x.T @ dout
            self.db = dout.sum(axis=0)
            return dout @ self.W.T

        return x @ self.W + self.b, backward


class Tanh:
    def __call__(self, x):
        y = np.tanh(x)
        return y, lambda grad: grad * (1 - y)  # planted: no square
