"""Labels that are -1 and 1, and other losses whose numbers must be of a kind."""

import numpy as np


def hinge_loss(w, X, y, lambda_reg=0.01):
    return np.mean(np.maximum(0, 1 - y * np.dot(X, w))) + 0.5 * lambda_reg * np.sum(w**2)


def hinge_loss_gradient(w, X, y, lambda_reg=0.01):
    dw = np.zeros(w.shape)
    for i, distance in enumerate(1 - y * np.dot(X, w)):
        if distance > 0:
            dw -= y[i] * X[i]
    return dw / len(y) + lambda_reg * w


def squared_hinge(y_pred, y_true):
    return np.mean(np.maximum(0, 1 - y_true * y_pred) ** 2)


def squared_hinge_gradient(y_pred, y_true):
    return -2 * y_true * np.maximum(0, 1 - y_true * y_pred) / len(y_pred)


def logistic_func(w, X, y):
    return np.mean(np.log(1 + np.exp(-y * (X @ w))))


def logistic_func_grad(w, X, y):
    return np.mean((-y / (1 + np.exp(y * (X @ w)))).reshape(-1, 1) * X, axis=0)


def cross_entropy(w, X, y):
    z = np.dot(X, w)
    return np.mean(y * np.log1p(np.exp(-z)) + (1 - y) * np.log1p(np.exp(z)))


def cross_entropy_gradient(w, X, y):
    return np.dot(X.T, 1 / (1 + np.exp(-np.dot(X, w))) - y) / len(y)


class SoftmaxCrossEntropy:
    """Of one sample; what the derivative calls its first argument is not what the value calls it."""

    def call(self, prediction, target):
        return -np.log(self._softmax(prediction)) @ target

    def deriv(self, scores, target):
        return self._softmax(scores) - target

    @staticmethod
    def _softmax(x):
        e = np.exp(x - np.max(x))
        return e / np.sum(e)


def logistic_neg_ll(beta, X, y, l2=0.0):
    z = X @ beta
    nll = -np.sum(y * z - np.logaddexp(0, z))
    return nll + 0.5 * l2 * np.sum(beta[1:] ** 2)


def logistic_grad(beta, X, y, l2=0.0):
    penalty = l2 * beta
    penalty[0] = 0.0
    return X.T @ (1 / (1 + np.exp(-X @ beta)) - y) + penalty


def pr(x):
    return x[:2] / x[2]


def Jpr(x):  # noqa: N802
    return np.array([[1 / x[2], 0, -x[0] / x[2] ** 2], [0, 1 / x[2], -x[1] / x[2] ** 2]])


def glove_loss_and_gradient(center_vec, context_vec, center_bias, context_bias, cooccurrence, x_max=100):
    weight = (cooccurrence / x_max) ** 0.75 if cooccurrence < x_max else 1
    inner = np.dot(center_vec, context_vec) + center_bias + context_bias - np.log(cooccurrence)
    loss = weight * inner**2
    d_inner = 2 * weight * inner
    grad_center_vec = d_inner * context_vec
    grad_context_vec = d_inner * center_vec
    grad_center_bias = grad_context_bias = d_inner
    return loss, grad_center_vec, grad_context_vec, grad_center_bias, grad_context_bias


def line_cost(x, y, w, b):
    total = 0
    for i in range(len(x)):
        total += (w * x[i] + b - y[i]) ** 2
    return total / (2 * len(x))


def line_gradient(x, y, w, b):
    error = w * x + b - y
    return np.sum(error * x) / len(x), np.mean(error)


def bernoulli_loss(g, y):
    return -(y * np.log(g) + (1 - y) * np.log(1 - g)), (g - y) / (g * (1 - g))
