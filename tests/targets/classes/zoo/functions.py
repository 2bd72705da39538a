"""Activations, losses and penalties as classes that hold nothing but constants."""

import numpy as np


class ExponentialUnit:
    def __init__(self, alpha=0.1):
        self.alpha = alpha

    def __call__(self, x):
        return np.where(x >= 0.0, x, self.alpha * (np.exp(x) - 1))

    def gradient(self, x):
        return np.where(x >= 0.0, 1, self(x) + self.alpha)


class HyperbolicTangent:
    def fn(self, z):
        return np.tanh(z)

    def grad(self, x, **kwargs):
        return 1 - np.tanh(x) ** 2

    def grad2(self, x):
        return -2 * np.tanh(x) * (1 - np.tanh(x) ** 2)


class Softplus:
    @staticmethod
    def activate(x):
        return np.log1p(np.exp(x))

    @staticmethod
    def derivative(x):
        return 1 / (1 + np.exp(-x))


class Ridge:
    def __init__(self, alpha):
        self.alpha = alpha

    def __call__(self, w):
        return self.alpha * 0.5 * w.T.dot(w)

    def grad(self, w):
        return self.alpha * w


class SquareLoss:
    def loss(self, y, y_pred):
        return 0.5 * np.power(y - y_pred, 2)

    def gradient(self, y, y_pred):
        return -(y - y_pred)
