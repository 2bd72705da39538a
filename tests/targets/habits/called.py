"""Layers that are called: the call of their base class keeps the input, forward keeps nothing."""

import numpy as np


class Module:
    def __init__(self):
        self.storage = {}

    def __call__(self, x, **keywords):
        self.storage.update(x=x)
        return self.forward(x, **keywords)

    def forward(self):
        raise NotImplementedError("not here")

    def backward(self):
        raise NotImplementedError("not here")


class Root(Module):
    def forward(self, x):
        return np.sqrt(1 + x**2)

    def backward(self, upstream):
        return upstream * self.storage["x"] / self.forward(self.storage["x"])


class Damped(Module):
    def forward(self, x):
        return x * np.exp(-np.abs(x))

    def backward(self, upstream):
        x = self.storage["x"]
        slope = np.exp(-np.abs(x)) * (1 + np.abs(x))  # planted: the sign
        return upstream * slope


class Penalty:
    """Whose value and gradient go by what the subclasses say."""

    def eval(self, x):
        return self._eval(np.asarray(x))

    def grad(self, x):
        return self._grad(np.asarray(x))

    def _eval(self, x):
        raise NotImplementedError("Class user should define this method.")

    def _grad(self, x):
        raise NotImplementedError("Class user should define this method.")


class Ridge(Penalty):
    def _eval(self, x):
        return np.sum(x**2)

    def _grad(self, x):
        return 2 * x


class Lasso(Penalty):
    """Has no gradient, and says so: there is nothing to check."""

    def _eval(self, x):
        return np.sum(np.abs(x))


class TwoClasses:
    """Its epsilon is an attribute; of labels there are two."""

    def __init__(self, eps=1e-12):
        self.eps, self.kept = eps, None

    def __call__(self, guesses, labels):
        self.kept = guesses, labels
        p = np.clip(guesses, self.eps, 1 - self.eps)
        return np.mean(-labels * np.log(p) - (1 - labels) * np.log(1 - p))

    def backward(self):
        guesses, labels = self.kept
        p = np.clip(guesses, self.eps, 1 - self.eps)
        return (-(labels / p) + (1 - labels) / (1 - p)) / len(p)  # planted: the mean is over all elements


class Mixed:
    def __init__(self, n_left, n_right):
        self.A = np.random.randn(n_left, n_right)

    def __call__(self, x):
        self.x = x
        return x @ self.A

    def gradients(self, grad_out):
        self.dA = self.x.T @ grad_out / len(self.x)  # planted: the mean over the rows
        return grad_out @ self.A.T
