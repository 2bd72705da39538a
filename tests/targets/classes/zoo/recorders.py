"""Layers that are made by their first forward and keep a record of every call."""

import numpy as np


class RecordingDense:
    def __init__(self, n_out):
        self.n_out = n_out
        self.parameters, self.gradients, self.record = {}, {}, {}
        self.ready = False

    def _prepare(self, n_in):
        self.parameters = {"W": np.random.randn(n_in, self.n_out), "b": np.zeros((1, self.n_out))}
        self.gradients = {name: np.zeros_like(value) for name, value in self.parameters.items()}
        self.record = {"X": [], "Z": [], "calls": 0}
        self.ready = True

    def forward(self, X, keep_record=True):
        """
        Tanh of an affine map.

        Parameters
        ----------
        X : ndarray of shape `(n_ex, n_in)`
            The examples.
        keep_record : bool
            Whether backward will be called.
        """
        if not self.ready:
            self._prepare(X.shape[1])
        Z = X @ self.parameters["W"] + self.parameters["b"]
        if keep_record:
            self.record["X"].append(X)
            self.record["Z"].append(Z)
            self.record["calls"] += 1
        return np.tanh(Z)

    def backward(self, dLdy):
        dZ = dLdy * (1 - np.tanh(self.record["Z"][0]) ** 2)
        self.gradients["W"] += self.record["X"][0].T @ dZ
        self.gradients["b"] += dZ.sum(axis=0, keepdims=True)
        return dZ @ self.parameters["W"].T


class WindowMean:
    def __init__(self, pool_shape, stride=1):
        self.pool_shape = pool_shape
        self.stride = stride

    def forward(self, x):
        (rows, columns), step = self.pool_shape, self.stride
        self.x_shape = x.shape
        windows = np.lib.stride_tricks.sliding_window_view(x, (rows, columns), axis=(2, 3))
        return windows[:, :, ::step, ::step].mean(axis=(4, 5))

    def backward(self, dout):
        (rows, columns), step = self.pool_shape, self.stride
        dx = np.zeros(self.x_shape)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                top, left = i * step, j * step
                dx[:, :, top : top + rows, left : left + columns] += dout[:, :, i, j, None, None] / (
                    rows * columns
                )
        return dx
