"""Layers that make what they need in their first forward, or in a `build` that somebody else calls."""

import time

import numpy as np


class BatchNorm:
    def __init__(self, momentum: float = 0.9):
        self.momentum, self.gamma, self.beta, self.running_mean = momentum, None, None, None

    def forward(self, x, training=True):
        if self.gamma is None or self.running_mean is None:
            self.gamma, self.beta = np.ones(x.shape[-1]), np.zeros(x.shape[-1])
            self.d_gamma, self.d_beta = np.zeros_like(self.gamma), np.zeros_like(self.beta)
            self.running_mean = np.zeros(x.shape[-1])
        mean, var = x.mean(axis=0), x.var(axis=0)
        self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mean
        self.std = np.sqrt(var + 1e-5)
        self.normalized = (x - mean) / self.std
        return self.gamma * self.normalized + self.beta

    def backward(self, error):
        self.d_gamma = np.sum(error * self.normalized, axis=0)
        self.d_beta = np.sum(error, axis=0)
        g = error * self.gamma
        return (g - g.mean(axis=0) - self.normalized * (g * self.normalized).mean(axis=0)) / self.std


class Dropout:
    def __init__(self, rate: float = 0.5):
        self.rate, self.rng = rate, None

    def forward(self, x):
        if self.rng is None:
            self.rng = np.random.default_rng(time.time_ns())
        self.mask = self.rng.binomial(1, 1 - self.rate, size=x.shape) / (1 - self.rate)
        return x * self.mask

    def backward(self, error):
        return error * self.mask


class RecurrentCell:
    """Weights of the width of `units`, of which the state must be."""

    def __init__(self, units: int):
        self.units, self.W, self.U = units, None, None

    def forward(self, x_t, h_prev):
        if self.W is None:
            rng = np.random.default_rng(0)
            self.W = rng.standard_normal((x_t.shape[1], self.units))
            self.U = rng.standard_normal((self.units, self.units))
            self.dW, self.dU = np.zeros_like(self.W), np.zeros_like(self.U)
        self.x_t, self.h_prev = x_t, h_prev
        self.h = np.tanh(x_t @ self.W + h_prev @ self.U)
        return self.h

    def backward(self, dh):
        da = dh * (1 - self.h**2)
        self.dW += self.x_t.T @ da
        self.dU += self.h_prev.T @ da
        return da @ self.W.T, da @ self.U.T


class RNN:
    """One step, for as many samples as its bias has rows."""

    def __init__(self, input_size, hidden_size, batch_size=1):
        rng = np.random.default_rng(0)
        self.W_x = rng.standard_normal((input_size, hidden_size))
        self.W_h = rng.standard_normal((hidden_size, hidden_size))
        self.b = rng.standard_normal((batch_size, hidden_size))

    def forward(self, x, h_t_minus_1):
        self.x, self.h_t_minus_1 = x, h_t_minus_1
        self.h_t = np.tanh(np.dot(x, self.W_x) + np.dot(h_t_minus_1, self.W_h) + self.b)
        return self.h_t

    def backward(self, dnext):
        dtanh = dnext * (1 - np.square(self.h_t))
        self.db = dtanh.copy()
        self.dW_x, self.dW_h = np.dot(self.x.T, dtanh), np.dot(self.h_t_minus_1.T, dtanh)
        return np.dot(dtanh, self.W_x.T), np.dot(dtanh, self.W_h.T)


class Recurrent:
    """Over time; asks with `hasattr` whether it has been here before."""

    def __init__(self, units: int):
        self.units, self.cell = units, None

    def forward(self, x):
        n, steps, _ = x.shape
        if not hasattr(self, "zeros") or self.zeros.shape[0] != n:
            self.zeros = np.zeros((n, self.units))
        self.cell = self.cell or RecurrentCell(self.units)
        h, self.states = self.zeros.copy(), []
        for t in range(steps):
            h = self.cell.forward(x[:, t], h)
            self.states.append((self.cell.x_t, self.cell.h_prev, h))
        return h

    def backward(self, dh):
        dx = np.zeros((len(dh), len(self.states), self.cell.W.shape[0]))
        self.cell.dW, self.cell.dU = np.zeros_like(self.cell.W), np.zeros_like(self.cell.U)
        for t in reversed(range(len(self.states))):
            self.cell.x_t, self.cell.h_prev, self.cell.h = self.states[t]
            dx[:, t], dh = self.cell.backward(dh)
        return dx


class MaxPooling2D:
    """Channels last; a length for both axes, or one for each."""

    def __init__(self, pool_size: tuple | int):
        self.pool = (pool_size, pool_size) if isinstance(pool_size, int) else tuple(pool_size)

    def forward(self, images):
        n, rows, columns, channels = images.shape
        p, q = self.pool
        self.windows = images.reshape(n, rows // p, p, columns // q, q, channels)
        out = self.windows.max(axis=(2, 4), keepdims=True)
        self.mask = self.windows == out
        return out[:, :, 0, :, 0]

    def backward(self, error):
        spread = error[:, :, None, :, None] * self.mask
        n, rows, p, columns, q, channels = spread.shape
        return spread.reshape(n, rows * p, columns * q, channels)


class Dense:
    """Has no weights before `init_weights(method, no_bias)` was called."""

    def __init__(self, units: int, input_size: int | None = None):
        self.units, self.input_size = units, input_size

    def init_weights(self, method: str, no_bias: bool):
        rng = np.random.default_rng(0)
        scale = np.sqrt(2 / self.input_size) if method == "he" else 1.0
        self.weights = scale * rng.standard_normal((self.input_size, self.units))
        self.bias = np.zeros((1, self.units)) if no_bias else rng.standard_normal((1, self.units))

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.weights + self.bias

    def backward(self, error):
        self.weights_gradient = self.inputs.T @ error
        self.bias_gradient = error.sum(axis=0, keepdims=True)
        return error @ self.weights.T


def activate(name):
    return {"tanh": (np.tanh, lambda y: 1 - y**2), "linear": (lambda x: x, np.ones_like)}[name.lower()]


class Activation:
    def __init__(self, activation: str):
        self.function, self.slope = activate(activation)

    def forward(self, x):
        self.y = self.function(x)
        return self.y

    def backward(self, error):
        return error * self.slope(self.y)
