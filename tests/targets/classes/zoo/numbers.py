"""Models whose bias is a plain number."""

import numpy as np


class LogisticModel:
    def __init__(self, n_features):
        self.w = np.zeros(n_features)
        self.b = 0.0

    def forward(self, X):
        self.X = X
        self.a = 1 / (1 + np.exp(-(X @ self.w + self.b)))
        return self.a

    def backward(self, dout):
        dz = dout * self.a * (1 - self.a)
        self.dw = self.X.T @ dz
        self.db = np.sum(dz)
        return np.outer(dz, self.w)


class Line:
    def __init__(self):
        self.slope = 0.0
        self.intercept = 0.0

    def forward(self, x):
        self.x = x
        return self.slope * x + self.intercept

    def backward(self, grad, lr):
        dx = grad * self.slope
        self.slope -= lr * np.sum(grad * self.x)
        self.intercept -= lr * np.sum(grad)
        return dx
