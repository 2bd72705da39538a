"""Losses that have a number for each row, Jacobians that have a matrix for each."""

import numpy as np


def squared_distance(points, centre):
    return 0.5 * np.sum((points - centre) ** 2, axis=1)


def squared_distance_grad(points, centre):
    return points - centre


def pinball_cost(scores, labels):
    s = labels - scores
    return np.sum(np.maximum(0.3 * s, -0.7 * s), axis=1, keepdims=True)


def pinball_cost_gradient(scores, labels):
    return np.where(labels > scores, 0.3, 0.7)  # the sign of the first is lost


def normalise(v):
    return v / np.sqrt(np.sum(v**2, axis=1, keepdims=True))


def normalise_jacobian(v):
    u = normalise(v)
    norm = np.sqrt(np.sum(v**2, axis=1))
    return (np.eye(v.shape[1]) - u[:, :, None] * u[:, None, :]) / norm[:, None, None]
