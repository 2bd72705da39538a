"""Networks that keep the parameters of all layers, and their gradients, in lists or dicts of arrays."""

import numpy as np


class ListedNetwork:
    def __init__(self, n_in=3, n_hidden=4, n_out=2):
        self.weights = [np.random.randn(n_in, n_hidden), np.random.randn(n_hidden, n_out)]
        self.biases = [np.random.randn(n_hidden), np.random.randn(n_out)]
        self.grad_weights = []
        self.grad_biases = []

    def forward(self, x):
        self.acts = [x]
        for w, b in zip(self.weights, self.biases, strict=True):
            self.acts.append(np.tanh(self.acts[-1] @ w + b))
        return self.acts[-1]

    def backward(self, dout):
        self.grad_weights, self.grad_biases = [], []
        delta = dout
        for i in range(len(self.weights) - 1, -1, -1):
            dz = delta * (1 - self.acts[i + 1] ** 2)
            self.grad_weights.insert(0, self.acts[i].T @ dz)
            self.grad_biases.insert(0, dz.sum(axis=0))
            delta = dz @ self.weights[i].T
        return delta


class NumberedNetwork:
    def __init__(self, n=3):
        self.W = {layer: np.random.randn(n, n) for layer in (1, 2)}
        self.b = {layer: np.random.randn(n) for layer in (1, 2)}
        self.dW, self.db = {}, {}

    def forward(self, x):
        self.h = {0: x}
        for layer in (1, 2):
            self.h[layer] = np.tanh(self.h[layer - 1] @ self.W[layer] + self.b[layer])
        return self.h[2]

    def backward(self, dout):
        d = dout
        for layer in (2, 1):
            dz = d * (1 - self.h[layer] ** 2)
            self.dW[layer] = self.h[layer - 1].T @ dz
            self.db[layer] = dz.sum(axis=0)
            d = dz @ self.W[layer].T
        return d
