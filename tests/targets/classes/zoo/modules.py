"""In the style of course frameworks: Module, Parameter, Sequential, losses, torch7's three methods."""

from abc import ABC, abstractmethod

import numpy as np


class Parameter:
    def __init__(self, value):
        self.value = value
        self.grad = np.zeros_like(value)


class Module(ABC):
    @abstractmethod
    def forward(self, x):
        raise NotImplementedError

    @abstractmethod
    def backward(self, dout):
        raise NotImplementedError

    def __call__(self, x):
        return self.forward(x)


class Linear(Module):
    def __init__(self, in_features, out_features):
        self.W = Parameter(np.random.randn(in_features, out_features))
        self.b = Parameter(np.zeros(out_features))

    def forward(self, x):
        self._x = x
        return x @ self.W.value + self.b.value

    def backward(self, dout):
        self.W.grad += self._x.T @ dout
        self.b.grad += dout.sum(axis=0)
        return dout @ self.W.value.T


class Sigmoid(Module):
    def forward(self, x):
        self._out = 1.0 / (1.0 + np.exp(-x))
        return self._out

    def backward(self, dout):
        return dout * self._out * (1.0 - self._out)


class Sequential(Module):
    def __init__(self, *layers):
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dout):
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout


class MLP:
    """Holds its parameters in two places, and keeps the gradient of the data to itself."""

    def __init__(self, input_dim, hidden_dim, num_classes):
        self.layers = [Linear(input_dim, hidden_dim), Sigmoid(), Linear(hidden_dim, num_classes)]
        self.params = [p for layer in self.layers for p in vars(layer).values() if isinstance(p, Parameter)]

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def backward(self, dout):
        for layer in reversed(self.layers):
            dout = layer.backward(dout)


net = Sequential(Linear(3, 4), Sigmoid(), Linear(4, 2))


class MSELoss:
    def forward(self, pred, target):
        self.diff = pred - target
        return np.mean(self.diff**2)

    def backward(self):
        return 2 * self.diff / self.diff.size


class SoftmaxCrossEntropy:
    def forward(self, logits, labels):
        shifted = logits - logits.max(axis=1, keepdims=True)
        self.probs = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        self.labels = labels
        return -np.log(self.probs[np.arange(len(labels)), labels]).mean()

    def backward(self):
        grad = self.probs.copy()
        grad[np.arange(len(self.labels)), self.labels] -= 1
        return grad / len(self.labels)


class LookLinear:
    """torch7's habit."""

    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_out, n_in)
        self.b = np.random.randn(n_out)
        self.gradW = np.zeros_like(self.W)
        self.gradb = np.zeros_like(self.b)

    def updateOutput(self, input):
        self.output = input @ self.W.T + self.b
        return self.output

    def updateGradInput(self, input, gradOutput):
        self.gradInput = gradOutput @ self.W
        return self.gradInput

    def accGradParameters(self, input, gradOutput):
        self.gradW += gradOutput.T @ input
        self.gradb += gradOutput.sum(axis=0)


class Float32Linear:
    def __init__(self, in_features, out_features):
        self.weight = np.random.randn(in_features, out_features).astype(np.float32)
        self.grad_weight = np.zeros_like(self.weight)

    def forward(self, x):
        self.x = x
        return x @ self.weight

    def backward(self, dout):
        self.grad_weight[...] = self.x.T @ dout
        return dout @ self.weight.T


class Tied:
    """Keeps a transposed copy of its weights, which forward uses."""

    def __init__(self, in_features, out_features):
        self.W = np.random.randn(in_features, out_features)
        self.W_T = self.W.T.copy()

    def forward(self, x):
        self.x = x
        return x @ self.W_T.T

    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T
