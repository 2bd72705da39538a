"""Layers of two courses: one works on a single column, the other keeps what it computes in the object."""

import numpy as np


class Criterion:
    """Leaves both halves to its subclasses."""

    def forward(self, prediction, target):
        return self.value(prediction, target)

    def backward(self, prediction, target):
        return self.slope(prediction, target)


class SquaredCriterion(Criterion):
    def value(self, prediction, target):
        return np.sum((prediction - target) ** 2) / len(prediction)

    def slope(self, prediction, target):
        return 2 * (prediction - target) / len(prediction)


class Elementwise:
    """Made of two functions."""

    def __init__(self, function, derivative):
        self.function = function
        self.derivative = derivative

    def forward(self, column):
        self.column = column
        return self.function(self.column)

    def backward(self, gradient, rate):
        return gradient * self.derivative(self.column)


class TanhLayer(Elementwise):
    def __init__(self):
        super().__init__(np.tanh, lambda z: 1 - np.tanh(z) ** 2)


class ColumnDense:
    def __init__(self, input_size, output_size):
        self.weights = np.random.randn(output_size, input_size)
        self.bias = np.random.randn(output_size, 1)

    def forward(self, input):
        self.input = input
        return self.weights @ input + self.bias

    def backward(self, gradient, learning_rate):
        weights_gradient = gradient @ self.input.T
        input_gradient = self.weights.T @ gradient
        self.weights -= learning_rate * weights_gradient
        self.bias -= learning_rate * gradient
        return input_gradient


class ColumnSoftmax:
    def forward(self, input):
        e = np.exp(input)
        self.output = e / e.sum()
        return self.output

    def backward(self, gradient, learning_rate):
        n = self.output.size
        tiled = np.tile(self.output, n)
        return (tiled * (np.eye(n) - tiled.T)) @ gradient


class ActivationSoftmax:
    def forward(self, inputs):
        e = np.exp(inputs - inputs.max(axis=1, keepdims=True))
        self.output = e / e.sum(axis=1, keepdims=True)


class LossCrossEntropy:
    def forward(self, y_pred, y_true):
        clipped = np.clip(y_pred, 1e-7, 1 - 1e-7)
        return -np.log(clipped[range(len(y_pred)), y_true])

    def backward(self, dvalues, y_true):
        one_hot = np.eye(dvalues.shape[1])[y_true]
        self.dinputs = -one_hot / dvalues / len(dvalues)


class SoftmaxLoss:
    """Its backward is called with the output of its own softmax."""

    def __init__(self):
        self.activation = ActivationSoftmax()
        self.loss = LossCrossEntropy()

    def forward(self, inputs, y_true):
        self.activation.forward(inputs)
        self.output = self.activation.output
        return np.mean(self.loss.forward(self.output, y_true))

    def backward(self, dvalues, y_true):
        self.dinputs = dvalues.copy()
        self.dinputs[range(len(dvalues)), y_true] -= 1
        self.dinputs = self.dinputs / len(dvalues)
