"""Layers that know the size of their input from `build`, and keep what backward needs only in training."""

import numpy as np


class Layer:
    def build(self, input_shape):
        """Called by the network."""
        self.size = input_shape if isinstance(input_shape, int) else int(np.prod(input_shape))

    def forward(self, batch, training=False):
        """For subclasses."""
        pass

    def backward(self, upstream):
        """For subclasses."""
        pass


class Standardise(Layer):
    def build(self, input_shape):
        super().build(input_shape)
        self.gain = np.ones((1, self.size))
        self.gain_gradient = np.zeros_like(self.gain)

    def forward(self, batch, training=False):
        centred = batch - batch.mean(axis=0)
        scale = np.sqrt(np.mean(centred**2, axis=0) + 1e-5)
        if training:
            self.kept = centred / scale, scale
        return self.gain * centred / scale

    def backward(self, upstream):
        unit, scale = self.kept
        self.gain_gradient = np.sum(upstream * unit, axis=0, keepdims=True)
        d = upstream * self.gain
        return (d - d.mean(axis=0) - unit * np.mean(d * unit, axis=0)) / scale


class Weighted(Layer):
    def init_params(self, n_inputs):
        self.weights = np.linspace(-1, 1, n_inputs * 2).reshape(n_inputs, 2)

    def forward(self, batch, training=False):
        self.batch = batch
        return np.tanh(batch) @ self.weights

    def backward(self, upstream):
        self.weights_gradient = self.batch.T @ upstream  # planted: tanh
        return upstream @ self.weights.T / np.cosh(self.batch) ** 2


class PoolOfOne:
    """Takes one image, and sides of even lengths only."""

    def forward(self, image):
        channels, high, wide = image.shape
        self.image = image
        self.out = np.zeros((channels, high // 2, wide // 2))
        for c in range(channels):
            for i in range(high // 2):
                for j in range(wide // 2):
                    self.out[c, i, j] = image[c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max()
        return self.out

    def backward(self, upstream):
        slope = np.zeros_like(self.image)
        for c, i, j in np.ndindex(self.image.shape):
            if self.image[c, i, j] == self.out[c, i // 2, j // 2]:
                slope[c, i, j] = upstream[c, i // 2, j // 2]
        return slope


class Plane:
    def __init__(self, name, in_num, out_num, init_std):
        self.name = name
        self.W = np.random.randn(in_num, out_num) * init_std
        self.b = np.zeros(out_num)

    def forward(self, batch):
        self.batch = batch
        return batch @ self.W + self.b

    def backward(self, upstream):
        self.grad_W = self.batch.T @ upstream
        self.grad_b = upstream.mean(axis=0)
        return upstream @ self.W.T


class OneImage:
    """Takes no batch."""

    def __init__(self, input_shape, layer_depth):
        self.shape = (*input_shape[:2], layer_depth)
        self.weights = np.random.rand(layer_depth, input_shape[2])

    def forward(self, image):
        self.image = image
        out = np.zeros(self.shape)
        for k, weight in enumerate(self.weights):
            out[:, :, k] += image @ weight
        return out

    def backward(self, upstream):
        self.dweights = np.tensordot(upstream, self.image, ([0, 1], [0, 1]))
        return upstream @ self.weights
