"""A course on deep learning from scratch: samples in columns, the cost and its gradients in two functions."""

import numpy as np


def EvaluateClassifier(X, W, b):
    s = W @ X + b
    e = np.exp(s - s.max(axis=0))
    return e / e.sum(axis=0)


def ComputeCost(X, Y, W, b, lamda):
    P = EvaluateClassifier(X, W, b)
    return -np.sum(Y * np.log(P)) / X.shape[1] + lamda * np.sum(W**2)


def ComputeGradients(X, Y, W, b, lamda):
    P = EvaluateClassifier(X, W, b)
    G = (P - Y) / X.shape[1]
    grad_W = G @ X.T + 2 * lamda * W
    grad_b = G.sum(axis=1, keepdims=True)
    return grad_W, grad_b


def ratings_cost(X, Theta, Y, lam):
    e = X @ Theta.T - Y
    J = np.sum(e**2) / 2 + lam / 2 * (np.sum(X**2) + np.sum(Theta**2))
    dX = e @ Theta + lam * X
    dTheta = e.T @ X + lam * Theta
    return J, dX, dTheta


def halves_cost(theta, X, y):
    w, intercept = theta[1:], theta[0]
    r = X @ w + intercept - y
    J = np.mean(r**2) / 2
    slope, shift = X.T @ r / len(y), np.mean(r)
    return J, np.concatenate([[shift], slope])
