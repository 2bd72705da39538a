"""A network with any number of layers, counted by its dictionary; samples are rows."""

import numpy as np


def model_forward(X, params):
    caches, A = [], X
    layers = len(params) // 2
    for i in range(1, layers + 1):
        Z = A @ params["W" + str(i)] + params["b" + str(i)]
        caches.append((A, params["W" + str(i)], Z))
        A = np.maximum(Z, 0) if i < layers else 1 / (1 + np.exp(-Z))
    return A, caches


def loss(AL, Y, params, lambd=0.1):
    squares = sum(np.sum(params[f"W{i}"] ** 2) for i in range(1, len(params) // 2 + 1))
    return np.mean((AL - Y) ** 2) / 2 + lambd * squares


def model_backward(AL, Y, caches, lambd=0.1):
    grads = {}
    dA = (AL - Y) / AL.size
    for i in range(len(caches), 0, -1):
        A, W, Z = caches[i - 1]
        dZ = dA * AL * (1 - AL) if i == len(caches) else dA * (Z > 0)
        grads["dW" + str(i)] = A.T @ dZ + 2 * lambd * W
        grads["db" + str(i)] = dZ.sum(axis=0, keepdims=True)
        dA = dZ @ W.T
    return grads
