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
