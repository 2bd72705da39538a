"""Layers that return nothing: outputs and gradients stay in the object, under many names."""

import numpy as np


class Dense:
    def __init__(self, num_inputs, num_outputs):
        self.weights = np.linspace(-1, 1, num_inputs * num_outputs).reshape(num_inputs, num_outputs)
        self.biases = np.linspace(0, 1, num_outputs)

    def forward(self, x):
        self.x = x
        return np.dot(x, self.weights) + self.biases

    def backward(self, dL_dy):
        self.dL_dw = self.x.T @ dL_dy
        self.dL_db = dL_dy.mean(axis=0)  # planted: the sum
        self.dL_dx = dL_dy @ self.weights.T
        return self.dL_dx


class Gate:
    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs / (1 + np.abs(inputs))

    def backward(self, derivatives):
        self.derivatives = derivatives / (1 + np.abs(self.inputs)) ** 2


class Steps:
    """Of sequences only: its gradients are summed over batch and time."""

    def __init__(self, d_model, eps=1e-6):
        self.gamma, self.beta, self.eps = np.ones(d_model), np.zeros(d_model), eps

    def forward(self, x):
        scale = np.sqrt(np.mean((x - x.mean(axis=-1, keepdims=True)) ** 2, axis=-1, keepdims=True) + self.eps)
        self.kept = (x - x.mean(axis=-1, keepdims=True)) / scale, scale
        return self.gamma * self.kept[0] + self.beta

    def backward(self, upstream):
        unit, scale = self.kept
        self.grad_beta = upstream.sum(axis=(0, 1))
        self.grad_gamma = (upstream * unit).sum(axis=(0, 1))
        d = upstream * self.gamma
        slope = d - d.mean(axis=-1, keepdims=True) - unit * (d * unit).mean(axis=-1, keepdims=True)
        return slope / scale


class Squares:
    """A loss that calculates and keeps."""

    def calculate(self, y_true, y_pred):
        return np.mean(np.sum((y_pred - y_true) ** 2, axis=1))

    def backward(self, y_true, y_pred):
        self.derivatives = (y_pred - y_true) / len(y_true)  # planted: 2


class Bends:
    """Activations as methods of one class."""

    @staticmethod
    def soft(x):
        return np.log1p(np.exp(x))

    @staticmethod
    def soft_prime(x):
        return 1 / (1 + np.exp(-x))

    @staticmethod
    def cubic(x):
        return x**3 / 3

    @staticmethod
    def cubic_prime(x):
        return x**3  # planted: the power


class Step:
    def call(self, x):
        return np.where(x > 0, x, 0.1 * x)

    def derivative_at(self, x):
        return np.where(x > 0, 1.0, 0.1)


class Table:
    """Is looked up by numbers, which only the code says."""

    def __init__(self, W):
        self.W = W

    def forward(self, which_ones):
        self.which_ones = which_ones
        return np.tanh(self.W[which_ones])

    def backward(self, upstream):
        self.dloss_dW = np.zeros_like(self.W)
        np.add.at(self.dloss_dW, self.which_ones, upstream / np.cosh(self.W[self.which_ones]) ** 2)


class ManyToOne:
    """A recurrent network over a list of columns."""

    def __init__(self, input_size, output_size, hidden_size=4):
        self.Wxh = np.random.randn(hidden_size, input_size) / 3
        self.Whh = np.random.randn(hidden_size, hidden_size) / 3
        self.Why = np.random.randn(output_size, hidden_size) / 3
        self.bh = np.zeros((hidden_size, 1))

    def forward(self, inputs):
        h = np.zeros_like(self.bh)
        self.inputs, self.hs = inputs, [h]
        for x in inputs:
            h = np.tanh(self.Wxh @ x + self.Whh @ h + self.bh)
            self.hs.append(h)
        return self.Why @ h, h

    def backprop(self, d_y, learn_rate=2e-2):
        dWxh, dWhh, dbh = (np.zeros_like(one) for one in (self.Wxh, self.Whh, self.bh))
        dh = self.Why.T @ d_y
        dWhy = d_y @ self.hs[-1].T
        for t in reversed(range(len(self.inputs))):
            dz = (1 - self.hs[t + 1] ** 2) * dh
            dWxh += dz @ self.inputs[t].T
            dWhh += dz @ self.hs[t].T
            dbh += dz
            dh = self.Whh.T @ dz
        for value, grad in zip((self.Wxh, self.Whh, self.Why, self.bh), (dWxh, dWhh, dWhy, dbh)):
            value -= learn_rate * grad


class LastStep(ManyToOne):
    def forward(self, inputs):
        return super().forward(inputs)[0]

    def backprop(self, d_y):
        dz = (1 - self.hs[-1] ** 2) * (self.Why.T @ d_y)
        dWhy = d_y @ self.hs[-1].T
        dWxh = dz @ self.inputs[-1].T  # planted: nothing of the steps before the last
        return dWxh, dWhy
