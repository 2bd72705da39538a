"""A network of one unit in three functions, its parameters given one by one."""

import numpy as np


def forward_propagation(X, w, b):
    return 1 / (1 + np.exp(-(np.dot(w.T, X) + b)))


def compute_cost(A, Y):
    return -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / Y.shape[1]


def backward_propagation(A, X, Y):
    dw = np.dot(X, (A - Y).T) / X.shape[1]
    db = np.sum(A - Y)  # planted: not divided
    return dw, db
