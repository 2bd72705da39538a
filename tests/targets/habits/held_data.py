"""Objectives in data that the constructor takes, as optimisers are given them."""

import numpy as np


class RidgeProblem:
    def __init__(self, A, b, lam):
        self.A = A
        self.b = b
        self.lam = lam

    def f(self, x):
        r = self.A @ x - self.b
        return 0.5 * (r @ r) + 0.5 * self.lam * (x @ x)

    def grad(self, x):
        return self.A.T @ (self.A @ x - self.b) + self.lam * x


class LogisticProblem:
    def __init__(self, X, y, lam):
        self.X, self.y, self.lam = X, y, lam
        self.n = X.shape[0]

    def objective(self, w):
        z = self.X @ w
        return np.mean(np.log(1 + np.exp(z)) - self.y * z) + 0.5 * self.lam * w @ w

    def gradient(self, w):
        p = 1 / (1 + np.exp(-self.X @ w))
        return self.X.T @ (p - self.y) / self.n + 2 * self.lam * w  # planted: the half of the penalty


class Shift:
    def Forward(self, inputs):
        return inputs**2

    def Backward(self, gradient):
        return gradient  # planted: what forward was given


class Anchored:
    def __init__(self, n=4, d=4):
        self.offset = np.random.randn(n, d)

    def loss_and_gradient(self, X):
        r = X - self.offset
        return 0.5 * np.sum(r**4), 2 * r**3


class Drawn:
    def __init__(self, places):
        self.places = np.array(places, dtype=float)

    def loss_and_gradient(self, X):
        gap = self.places - X
        return np.sum(np.cosh(gap)), np.sinh(gap)  # planted: the sign, as if it were that of the places


class TwoSteps:
    def __init__(self, n_in=3, n_hidden=4, n_out=2):
        self.W1 = np.random.randn(n_in, n_hidden)
        self.W2 = np.random.randn(n_hidden, n_out)

    def forward(self, X):
        self.a = np.tanh(X @ self.W1)
        return self.a @ self.W2

    def costFunction(self, X, y):
        return 0.5 * np.sum((y - self.forward(X)) ** 2)

    def costFunctionPrime(self, X, y):
        delta = self.forward(X) - y
        dJdW2 = self.a.T @ delta
        dJdW1 = X.T @ (delta @ self.W2.T * (1 - self.a))  # planted: the square
        return dJdW1, dJdW2


class OneColumn:
    """What it predicts is a column, and so are the values that it is to predict."""

    def __init__(self, weight_of_square=0):
        self.weight_of_square = weight_of_square

    def get_cost_and_gradients(self, x, y, theta):
        error = x.dot(theta) - y
        cost = np.sum(error**2) / 2 + self.weight_of_square / 2 * np.sum(theta**2)
        gradients = np.sum(x * error, 0).reshape([x.shape[1], 1]) + self.weight_of_square * theta
        return cost / len(x), gradients / len(x)


class ThreeSteps:
    """The loss is a method of its own, and the parameters go from one method to the next."""

    def forward_propagation(self, X, parameters):
        A = np.tanh(np.dot(parameters["W1"], X) + parameters["b1"])
        Z = np.dot(parameters["W2"], A) + parameters["b2"]
        return Z, {"A": A, "Z": Z}

    def compute_cost(self, Z, Y, parameters):
        return np.sum((Z - Y) ** 2) / (2 * Y.shape[1])

    def backward_propagation(self, parameters, cache, X, Y):
        dZ = (cache["Z"] - Y) / X.shape[1]
        dA = np.dot(parameters["W2"].T, dZ) * (1 - cache["A"])
        grads = {"dW2": np.dot(dZ, cache["A"].T), "db2": np.sum(dZ, axis=1, keepdims=True)}
        grads.update(dW1=np.dot(dA, X.T), db1=np.sum(dA, axis=1, keepdims=True))
        return grads


class OneUnit:
    """Holds its parameters, and changes them in backward."""

    def __init__(self, n_features=3):
        self.w, self.b = np.random.randn(n_features, 1), np.zeros(1)

    def forward(self, X):
        return np.tanh(X @ self.w + self.b)

    def compute_loss(self, y_pred, y_true):
        return np.mean((y_pred - y_true) ** 2)

    def backward(self, X, y_true, y_pred, learning_rate):
        d = 2 * (y_pred - y_true) * (1 - y_pred**2) / len(X)
        self.w -= learning_rate * X.T @ d
        self.b -= learning_rate * d.sum(axis=0)
