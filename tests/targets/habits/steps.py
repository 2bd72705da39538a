"""Halves that do not meet at once: a loss after forward, a cache beside the value, activations in a box."""

import numpy as np


class SoftmaxLoss:
    def forward(self, input):
        e = np.exp(input - input.max(axis=1, keepdims=True))
        self.prob = e / e.sum(axis=1, keepdims=True)
        return self.prob

    def get_loss(self, label):
        self.count = self.prob.shape[0]
        self.onehot = np.zeros_like(self.prob)
        self.onehot[np.arange(self.count), label] = 1.0
        return -np.sum(np.log(self.prob) * self.onehot) / self.count

    def backward(self):
        return (self.prob - self.onehot) / self.count


class SquareLoss:
    def forward(self, data):
        self.data = data
        return data

    def loss(self, target):
        self.rest = self.data - target
        return 0.5 * np.sum(self.rest**2)

    def backward(self):
        return 2 * self.rest  # planted: the half


def logistic(Z):
    return 1 / (1 + np.exp(-Z)), Z


def d_logistic(cache):
    s, _ = logistic(cache)
    return s * (1 - s)


def softsign(x):
    return x / (1 + np.abs(x)), 1 + np.abs(x)


def d_softsign(cache):
    return 1 / cache  # planted: the square


def arctangent(weighted_sum):
    return np.arctan(weighted_sum)


def arctangent_prime(weighted_sum, activations):
    return np.cos(activations) ** 2


def gauss(weighted_sum):
    return np.exp(-(weighted_sum**2))


def gauss_prime(weighted_sum, activations):
    return -weighted_sum * activations  # planted: 2 is missing


class Activation:
    @staticmethod
    def tanh(x, derivative=False):
        if derivative:
            return 1 - np.tanh(x) ** 2
        return np.tanh(x)

    @staticmethod
    def relu(x, derivative=False):
        if derivative:
            x = np.where(x < 0, 0, x)
            return np.where(x >= 0, 1, x)  # planted: the zeros of the line before
        return np.maximum(0, x)
