"""Costs whose arguments are sizes and matrices of any name: what they are only the algebra says."""

import numpy as np


def masked_fit_cost(U, V, Y, R, lam):
    E = (U.dot(V.T) - Y) * R
    cost = 0.5 * np.sum(E**2) + 0.5 * lam * (np.sum(U**2) + np.sum(V**2))
    grad = np.hstack(((E.dot(V) + lam * U).ravel(), (E.T.dot(U) + lam * V).ravel()))
    return cost, grad


class Factors:
    def computeCost(self, params, Y, R, num_rows, num_columns, num_features):
        A = np.reshape(params[: num_rows * num_features], (num_rows, num_features))
        B = np.reshape(params[num_rows * num_features :], (num_columns, num_features))
        return 0.5 * np.sum(np.power(R * (A @ B.T - Y), 2))

    def computeGradient(self, params, Y, R, num_rows, num_columns, num_features):
        A = np.reshape(params[: num_rows * num_features], (num_rows, num_features))
        B = np.reshape(params[num_rows * num_features :], (num_columns, num_features))
        E = R * (A @ B.T - Y)  # the square of R, which is zeros and ones
        return np.concatenate([(E @ B).ravel(), (E.T @ A).ravel()])


def low_rank_loss_and_gradient(vector, rank, source, target):
    split = rank * 5
    left = vector[:split].reshape(rank, 5)
    right = vector[split:].reshape(rank, 2)
    both = np.concatenate([left, right], axis=1)
    seen = source @ left.T
    rest = seen @ both - target
    d_seen = rest @ both.T
    d_left = d_seen.T @ source + seen.T @ rest[:, :5]
    d_right = seen.T @ rest[:, 5:] / rank  # planted: the rank
    return 0.5 * np.sum(rest**2), np.concatenate([d_left.ravel(), d_right.ravel()])
