"""Layers of one image at a time, without an axis for many."""

import numpy as np


class ImageConvolution:
    def __init__(self, input_shape, kernel_size, depth):
        channels, height, width = input_shape
        self.depth = depth
        self.shape = input_shape
        self.size = kernel_size
        self.kernels = np.random.randn(depth, channels, kernel_size, kernel_size)
        self.biases = np.random.randn(depth, height - kernel_size + 1, width - kernel_size + 1)

    def patches(self):
        _, height, width = self.biases.shape
        for i in range(height):
            for j in range(width):
                yield i, j, np.s_[:, i : i + self.size, j : j + self.size]

    def forward(self, input):
        self.input = input
        output = np.copy(self.biases)
        for i, j, patch in self.patches():
            output[:, i, j] += np.sum(self.kernels * input[patch], axis=(1, 2, 3))
        return output

    def backward(self, output_gradient, learning_rate):
        kernels_gradient = np.zeros_like(self.kernels)
        input_gradient = np.zeros(self.shape)
        for i, j, patch in self.patches():
            kernels_gradient += output_gradient[:, i, j][:, None, None, None] * self.input[patch]
            input_gradient[patch] += np.tensordot(output_gradient[:, i, j], self.kernels, 1)
        self.kernels -= learning_rate * kernels_gradient
        self.biases -= learning_rate * output_gradient
        return input_gradient


class ImagePool2:
    def regions(self, image):
        height, width, _ = image.shape
        for i in range(height // 2):
            for j in range(width // 2):
                yield i, j, np.s_[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]

    def forward(self, input):
        self.last = input
        height, width, channels = input.shape
        output = np.zeros((height // 2, width // 2, channels))
        for i, j, region in self.regions(input):
            output[i, j] = input[region].max(axis=(0, 1))
        return output

    def backprop(self, d_out):
        d_input = np.zeros_like(self.last)
        for i, j, region in self.regions(self.last):
            is_largest = self.last[region] == self.last[region].max(axis=(0, 1))
            d_input[region] = is_largest * d_out[i, j]
        return d_input


class ShapeOf:
    def __init__(self, input_shape, output_shape):
        self.input_shape = input_shape
        self.output_shape = output_shape

    def forward(self, input):
        return np.reshape(input, self.output_shape).copy()

    def backward(self, output_gradient, learning_rate):
        return np.reshape(output_gradient, self.input_shape).copy()
