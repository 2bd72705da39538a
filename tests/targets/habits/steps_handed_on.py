"""A network in functions that hands on every step by name, with a loss that is called after what it is."""

import numpy as np


def _softmax(z):
    e = np.exp(z - np.max(z, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def forward_prop(W1, b1, W2, b2, X):
    Z1 = X @ W1 + b1
    A1 = np.tanh(Z1)
    Z2 = A1 @ W2 + b2
    A2 = _softmax(Z2)
    return Z1, A1, Z2, A2


def backward_prop(Z1, A1, Z2, A2, W1, W2, X, Y):
    m = Y.shape[0]
    dZ2 = (A2 - Y) / m
    dW2 = A1.T @ dZ2
    db2 = np.sum(dZ2, axis=0)
    dZ1 = (dZ2 @ W2.T) * (1 - np.tanh(Z1) ** 2)
    dW1 = X.T @ dZ1
    db1 = np.mean(dZ1, axis=0)  # planted: the sum
    return dW1, db1, dW2, db2


def cross_entropy(A2, Y):
    return -np.sum(Y * np.log(A2)) / Y.shape[0]
