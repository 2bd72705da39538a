"""Functions of coordinates, whose gradient comes as one array."""

import numpy as np


def valley(x, y):
    return (1 - x) ** 2 + 10 * (y - x**2) ** 2


def gradient(x, y):
    return np.array([-2 * (1 - x) - 40 * x * (y - x**2), 20 * (y - x**2)])


def hessian(x, y):
    return np.array([[2 - 40 * y + 120 * x**2, -40 * x], [-40 * x, 10]])  # planted: 10 for 20


def ratings_cost(U, V, R, lam):
    e = U @ V.T - R
    J = 0.5 * np.sum(e**2) + 0.5 * lam * (np.sum(U**2) + np.sum(V**2))
    return J, np.vstack((e @ V + lam * U, e.T @ U + V))  # planted: lam
