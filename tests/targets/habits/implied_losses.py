"""Networks whose loss is written nowhere: backward starts from the difference of output and target."""

import numpy as np


def squash(z):
    return 1 / (1 + np.exp(-z))


class Updating:
    """It updates its weights itself, by a rate that it holds; the loss is half the mean squared error."""

    def __init__(self, n_in, n_hidden, n_out, lr=0.1):
        self.lr = lr
        self.w_in = np.random.randn(n_in, n_hidden)
        self.b_in = np.zeros((1, n_hidden))
        self.w_out = np.random.randn(n_hidden, n_out)
        self.b_out = np.zeros((1, n_out))

    def forward(self, X):
        self.hidden = squash(X @ self.w_in + self.b_in)
        self.out = squash(self.hidden @ self.w_out + self.b_out)
        return self.out

    def backward(self, X, y):
        rows = len(X)
        delta = (self.out - y) * self.out * (1 - self.out)
        before = delta @ self.w_out.T * self.hidden * (1 - self.hidden)
        self.w_out -= self.lr * self.hidden.T @ delta / rows
        self.b_out -= self.lr * delta.sum(axis=0, keepdims=True) / rows
        self.w_in -= self.lr * X.T @ before / rows
        self.b_in -= self.lr * before.sum(axis=0, keepdims=True) / rows


class Nudged:
    """Steps without any rate, upwards; its data have as many columns as it was made for."""

    def __init__(self):
        self.ins, self.mids, self.outs = 2, 3, 1
        self.first = np.random.randn(self.ins, self.mids)
        self.second = np.random.randn(self.mids, self.outs)

    def forward(self, X):
        self.mid = np.tanh(X @ self.first)
        return squash(self.mid @ self.second)

    def backward(self, X, y, o):
        push = (y - o) * o * (1 - o)
        back = push @ self.second.T * (1 - self.mid**2)
        self.first += X.T @ back
        self.second += self.mid.T @ push


class OfOneColumn:
    """Lists of weights and biases, one sample at a time, in a column; a cross-entropy of two classes."""

    def __init__(self, sizes):
        self.biases = [np.random.randn(n, 1) for n in sizes[1:]]
        self.weights = [np.random.randn(m, n) for n, m in zip(sizes[:-1], sizes[1:], strict=True)]

    def feedforward(self, a):
        for b, w in zip(self.biases, self.weights, strict=True):
            a = squash(w @ a + b)
        return a

    def backprop(self, x, y):
        kept = [x]
        for b, w in zip(self.biases, self.weights, strict=True):
            kept.append(squash(w @ kept[-1] + b))
        delta = kept[-1] - y
        nabla_b, nabla_w = [], []
        for layer in reversed(range(len(self.weights))):
            nabla_b.insert(0, delta)
            nabla_w.insert(0, delta @ kept[layer].T)
            delta = self.weights[layer].T @ delta * kept[layer] * (1 - kept[layer])
        return nabla_b, nabla_w


class Penalised:
    """Classes by their numbers, and a penalty of the weights that only the gradient knows."""

    def __init__(self, n_features, n_classes, reg=0.3):
        self.W = np.random.randn(n_features, n_classes)
        self.b = np.zeros(n_classes)
        self.reg = reg

    def forward_propogation(self, X):
        scores = X @ self.W + self.b
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def backward_propogation(self, X, y):
        p = self.forward_propogation(X)
        p[np.arange(len(y)), y] -= 1
        p /= len(y)
        self.dW = X.T @ p + self.reg * self.W
        self.db = p.sum(axis=0)


def softmax_columns(Z):
    e = np.exp(Z - Z.max(axis=0))
    return e / e.sum(axis=0)


def one_hot(Y):
    table = np.zeros((Y.size, Y.max() + 1))
    table[np.arange(Y.size), Y] = 1
    return table.T


def forward_prop(W1, b1, W2, b2, X):
    Z1 = W1.dot(X) + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2.dot(A1) + b2
    return Z1, A1, Z2, softmax_columns(Z2)


def backward_prop(Z1, A1, Z2, A2, W1, W2, X, Y):
    m = Y.size
    dZ2 = A2 - one_hot(Y)
    dW2 = dZ2.dot(A1.T) / m
    db2 = dZ2.sum(axis=1, keepdims=True) / m
    dZ1 = W2.T.dot(dZ2) * (Z1 > 0)
    dW1 = dZ1.dot(X.T) / m
    db1 = dZ1.sum(axis=1, keepdims=True) / m
    return dW1, db1, dW2, db2
