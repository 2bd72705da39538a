"""One of each that is easily got wrong: two inputs, indices, slots, locks, whole networks in one class."""

import threading

import numpy as np


class MulLayer:
    def __init__(self):
        self.x = None
        self.y = None

    def forward(self, x, y):
        self.x = x
        self.y = y
        return x * y

    def backward(self, dout):
        return dout * self.y, dout * self.x


class Embedding:
    def __init__(self, vocab, dim):
        self.W = np.random.randn(vocab, dim)

    def forward(self, idx):
        self.idx = idx
        return self.W[idx]

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        np.add.at(self.dW, self.idx, dout)


class Locked:
    def __init__(self, in_dim, out_dim):
        self.lock = threading.Lock()
        self.W = np.random.randn(in_dim, out_dim)

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T


class SelfAttention:
    def __init__(self, d_model):
        self.Wq, self.Wk, self.Wv = (np.random.randn(d_model, d_model) for _ in range(3))

    def forward(self, x):
        self.x = x
        self.q, self.k, self.v = x @ self.Wq, x @ self.Wk, x @ self.Wv
        s = self.q @ self.k.T / np.sqrt(x.shape[-1])
        e = np.exp(s - s.max(-1, keepdims=True))
        self.a = e / e.sum(-1, keepdims=True)
        return self.a @ self.v

    def backward(self, grad):
        da = grad @ self.v.T
        dv = self.a.T @ grad
        ds = self.a * (da - (da * self.a).sum(-1, keepdims=True)) / np.sqrt(self.x.shape[-1])
        dq, dk = ds @ self.k, ds.T @ self.q
        self.grad_Wq = self.x.T @ dq
        self.grad_Wk = self.x.T @ dk
        self.grad_Wv = self.x.T @ dv
        return dq @ self.Wq.T + dk @ self.Wk.T + dv @ self.Wv.T


class Cell:
    __slots__ = ("data", "grad")

    def __init__(self, d):
        self.data = d
        self.grad = np.zeros_like(d)


class SlotLinear:
    def __init__(self, nin, nout):
        self.w = Cell(np.random.randn(nin, nout))
        self.b = Cell(np.zeros(nout))

    def __call__(self, x):
        self.x = x
        return x @ self.w.data + self.b.data

    def parameters(self):
        return [self.w, self.b]

    def backward(self, g):
        self.w.grad += self.x.T @ g
        self.b.grad += g.sum(0)
        return g @ self.w.data.T


class Returning:
    """Its gradients are returned, and kept nowhere."""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        return dout @ self.W.T, self.x.T @ dout, dout.sum(0)


class NeuralNetwork:
    def __init__(self, layer_dims):
        self.params = {}
        for i in range(1, len(layer_dims)):
            self.params[f"W{i}"] = np.random.randn(layer_dims[i], layer_dims[i - 1]) * 0.5
            self.params[f"b{i}"] = np.zeros((layer_dims[i], 1))
        self.L = len(layer_dims) - 1
        self.grads = {}
        self.cache = {}

    def forward(self, X):
        A = X
        self.cache["A0"] = X
        for i in range(1, self.L + 1):
            Z = self.params[f"W{i}"] @ A + self.params[f"b{i}"]
            A = np.tanh(Z)
            self.cache[f"A{i}"] = A
        return A

    def backward(self, dA):
        for i in reversed(range(1, self.L + 1)):
            dZ = dA * (1 - self.cache[f"A{i}"] ** 2)
            self.grads[f"dW{i}"] = dZ @ self.cache[f"A{i - 1}"].T
            self.grads[f"db{i}"] = dZ.sum(axis=1, keepdims=True)
            dA = self.params[f"W{i}"].T @ dZ
        return self.grads


class TwoLayer:
    def __init__(self, input_size, hidden_size, output_size, lr=0.01):
        self.W1 = np.random.randn(input_size, hidden_size)
        self.b1 = np.zeros((1, hidden_size))
        self.W2 = np.random.randn(hidden_size, output_size)
        self.b2 = np.zeros((1, output_size))
        self.lr = lr

    def forward(self, X):
        self.z1 = X @ self.W1 + self.b1
        self.a1 = np.tanh(self.z1)
        self.z2 = self.a1 @ self.W2 + self.b2
        return self.z2

    def backward(self, X, y, output):
        m = len(X)
        d2 = (output - y) / m
        self.dW2 = self.a1.T @ d2
        self.db2 = d2.sum(0, keepdims=True)
        d1 = d2 @ self.W2.T * (1 - self.a1**2)
        self.dW1 = X.T @ d1
        self.db1 = d1.sum(0, keepdims=True)


class RNN:
    def __init__(self, input_size, hidden_size):
        self.Wx = np.random.randn(input_size, hidden_size)
        self.Wh = np.random.randn(hidden_size, hidden_size)
        self.b = np.zeros(hidden_size)

    def forward(self, x, h_prev):
        self.x, self.h_prev = x, h_prev
        self.h = np.tanh(x @ self.Wx + h_prev @ self.Wh + self.b)
        return self.h

    def backward(self, dh):
        dz = dh * (1 - self.h**2)
        self.dWx, self.dWh, self.db = self.x.T @ dz, self.h_prev.T @ dz, dz.sum(0)
        return dz @ self.Wx.T, dz @ self.Wh.T
