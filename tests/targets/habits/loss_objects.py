"""Losses and penalties as objects, under the many names that a value and its gradient go by."""

import numpy as np


class MeanSquare:
    """Called; its gradient is asked for afterwards, and goes by what was stored."""

    def __call__(self, target, prediction):
        self.residual = prediction - target
        return np.sum(self.residual**2) / len(target)

    def gradient(self):
        return 2 * self.residual  # planted: not divided


class HalfSquare:
    """Called for both at once."""

    def __call__(self, y_true, y_pred):
        n = len(y_true)
        loss = np.sum((y_pred - y_true) ** 2) / (2 * n)
        loss_value = np.squeeze(loss)
        dy = (y_pred - y_true) / n
        return loss_value, dy


class Softmax:
    """The loss of one sample: `y` is the number of its class."""

    def probabilities(self, x):
        e = np.exp(x - np.max(x))
        return e / np.sum(e)

    def loss(self, x, y):
        return -np.log(self.probabilities(x)[y])

    def diff(self, x, y):
        slope = self.probabilities(x)
        slope[y] -= 1.0
        return slope


class CrossEntropyFromLogits:
    """Whose classes are one-hot, which only its name says."""

    def forward(self, scores, y_true):
        shifted = scores - scores.max(axis=1, keepdims=True)
        log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return -np.sum(log_probs * y_true) / len(y_true)

    def backward(self, scores, y_true):
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return (e / e.sum(axis=1, keepdims=True) - y_true) / len(y_true)


class RidgeObjective:
    """Differentiated by its last argument."""

    def __init__(self, lam: float):
        self.lam = lam

    def loss(self, X, y, w):
        return 0.5 * np.mean((X @ w - y) ** 2) + 0.5 * self.lam * w @ w

    def grad(self, X, y, w):
        return X.T @ (X @ w - y) / len(y) + self.lam * w


class Slope:
    """A base class that leaves everything to others is nothing to check."""

    def forward(self, x):
        raise NotImplementedError

    def derivative(self, x):
        raise NotImplementedError


class Bend(Slope):
    def forward(self, x):
        return np.log1p(np.exp(x))

    def derivative(self, x):
        return 1 / (1 + np.exp(x))  # planted: the sign of x


class Tempered:
    """Named like nothing else: the only two methods that take the same are a value and its slope."""

    def __init__(self, temperature=1.5):
        self.temperature = temperature

    def softmax(self, scores):
        e = np.exp(scores / self.temperature - np.max(scores / self.temperature, axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def direct(self, scores, scores_expected):
        return -np.mean(np.sum(scores_expected * np.log(self.softmax(scores)), axis=1))

    def prime(self, scores, scores_expected):
        return (self.softmax(scores) - scores_expected) / self.temperature / len(scores)


class Bowl:
    def evaluateFunction(self, x):
        return (x[0] ** 2 + x[1] - 11) ** 2 + x[1] ** 4

    def evaluateGradient(self, x):
        inner = x[0] ** 2 + x[1] - 11
        return [4 * inner * x[0], 2 * inner + 3 * x[1] ** 3]  # planted: 3 for 4


class MarginOfOne:
    """Of single numbers: `max` takes no arrays."""

    def loss(self, actual, prediction):
        return max(0, 1.0 - actual * prediction)

    def grad(self, actual, prediction):
        return np.where(actual * prediction < 1, -actual, 0)


class CamelCase:
    """Whose predictions are told from its targets by the names alone: it is wrong in either."""

    def compute_loss(self, yTrue, yPred):
        return np.sum((yTrue - yPred) ** 2) / len(yTrue)

    def compute_derivative(self, yTrue, yPred):
        return -(yPred - yTrue) / len(yTrue)  # planted: 2, and the sign


class Divergence:
    """Of a normal distribution from the standard one: its mean is as large as its variance."""

    def __call__(self, mu, log_var):
        return -0.5 * np.mean(1 + log_var - mu**2 - np.exp(log_var))

    def derivative(self, mu, log_var):
        n = np.size(mu)
        return mu / n, 0.5 * (np.exp(log_var) - 1) / n


class OneWord:
    """Words of a context, and the one that they stand around."""

    def __init__(self, words=6, length=3):
        self.rows = np.random.randn(words, length)
        self.columns = np.random.randn(length, words)

    def loss(self, context, target):
        h = self.rows[context].mean(axis=0)
        p = np.exp(h @ self.columns)
        p /= p.sum()
        d = p.copy()
        d[target] -= 1
        drows = np.zeros_like(self.rows)
        np.add.at(drows, context, self.columns @ d / len(context))
        return -np.log(p[target]), {"rows": drows, "columns": np.outer(h, d)}


class OneWordSlip(OneWord):
    def loss(self, context, target):
        h = self.rows[context].mean(axis=0)
        p = np.exp(h @ self.columns) / np.sum(np.exp(h @ self.columns))
        d = p.copy()
        d[target] -= 1
        drows = np.zeros_like(self.rows)
        np.add.at(drows, context, self.columns @ d)  # planted: not the mean of the context
        loss = -np.log(p[target])
        return loss, {"rows": drows, "columns": np.outer(h, d)}
