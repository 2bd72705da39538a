"""Parameters in a flat vector with the sizes of a network beside it, or in a dictionary passed whole."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def nn_cost_function(nn_params, layer_sizes, X, y, lambda_):
    """
    nn_params    : flat parameter vector
    layer_sizes  : list of layer widths
    X            : (m, n) feature matrix
    y            : (m,) integer label vector
    """
    m, thetas, place = len(X), [], 0
    for before, after in zip(layer_sizes[:-1], layer_sizes[1:], strict=True):
        size = after * (before + 1)
        thetas.append(nn_params[place : place + size].reshape(after, before + 1))
        place += size
    a = [np.hstack([np.ones((m, 1)), X])]
    for i, theta in enumerate(thetas):
        after = sigmoid(a[i] @ theta.T)
        a.append(after if i == len(thetas) - 1 else np.hstack([np.ones((m, 1)), after]))
    Y = np.eye(layer_sizes[-1])[y]
    J = -np.sum(Y * np.log(a[-1]) + (1 - Y) * np.log(1 - a[-1])) / m
    J += lambda_ / (2 * m) * sum(np.sum(theta[:, 1:] ** 2) for theta in thetas)
    delta, grads = a[-1] - Y, []
    for i in reversed(range(len(thetas))):
        g = delta.T @ a[i] / m
        g[:, 1:] += lambda_ / m * thetas[i][:, 1:]
        grads.insert(0, g.ravel())
        delta = (delta @ thetas[i] * a[i] * (1 - a[i]))[:, 1:]
    return J, np.concatenate(grads)


def fit_cost(theta, X, y, hidden=4):
    n = X.shape[1]
    W, v = theta[: hidden * n].reshape(hidden, n), theta[hidden * n :].reshape(hidden)
    A = np.tanh(X @ W.T)
    error = A @ v - y
    dA = np.outer(error, v) * (1 - A**2)
    return 0.5 * np.sum(error**2), np.concatenate([(dA.T @ X).ravel(), A.T @ error])


def loss_and_grads(params, X, y=None, reg=0.1):
    A = np.tanh(X @ params["W1"] + params["b1"])
    scores = A @ params["W2"] + params["b2"]
    if y is None:
        return scores
    P = np.exp(scores - scores.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    rows = np.arange(len(X))
    loss = -np.log(P[rows, y]).mean() + reg * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))
    P[rows, y] -= 1
    dscores = P / len(X)
    dA = dscores @ params["W2"].T * (1 - A**2)
    grads = {"W1": X.T @ dA + 2 * reg * params["W1"], "b1": dA.sum(axis=0)}
    grads |= {"W2": A.T @ dscores + 2 * reg * params["W2"], "b2": dscores.sum(axis=0)}
    return loss, grads
