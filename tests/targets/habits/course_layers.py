"""A layer whose activation is chosen by a word, and activations whose forward has no suffix."""

import math

import numpy as np


def relu(Z):
    A = np.maximum(0, Z)
    return A, Z


def relu_backward(dA, cache):
    dZ = np.array(dA, copy=True)
    dZ[cache <= 0] = 0
    return dZ


def linear_activation_forward(A_prev, W, b, activation):
    Z = W @ A_prev + b
    if activation == "sigmoid":
        A = 1 / (1 + np.exp(-Z))
    elif activation == "tanh":
        A = np.tanh(Z)
    return A, ((A_prev, W, b), A, activation)


def linear_activation_backward(dA, cache):
    (A_prev, W, b), A, activation = cache
    slope = A * (1 - A) if activation == "sigmoid" else 1 - A**2
    dZ = dA * slope
    return W.T @ dZ, dZ @ A_prev.T, dZ.sum(axis=1, keepdims=True)


def identity(x):
    return x


def identity_derivative(x):
    return 1


def ReLU(z):
    return np.maximum(z, 0)


def ReLU_deriv(z):
    return z > 0


def logistic(z: float):
    return 1 / (1 + math.exp(-z))


def d_logistic(z: float):
    return math.exp(-z) / (1 + math.exp(-z)) ** 2


def softsign(Z):
    return Z / (1 + np.abs(Z))


def softsign_backward(dA, cache):
    Z = cache
    return dA / (1 + np.abs(Z)) ** 2


def squash(Z):
    return np.tanh(Z)


def squash_backward(dA, A):
    return dA * (1 - A**2)


def layer_norm(x, g, b):
    centred = x - x.mean(axis=-1, keepdims=True)
    x_hat = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
    return g * x_hat + b, (x_hat, centred, g)


def layer_norm_backward(dout, cache):
    x_hat, centred, g = cache
    d = dout * g
    d = d - d.mean(axis=-1, keepdims=True) - x_hat * (d * x_hat).mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
    return d / spread, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def squared_loss_forward(pred, target):
    return np.mean((pred - target) ** 2)


def squared_loss_backward(pred, target):
    return 2 * (pred - target) / pred.size
