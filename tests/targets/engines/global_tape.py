"""A global tape of entries, replayed backwards; operations are decorated functions."""

import functools

import numpy as np

TAPE = []


class Var:
    def __init__(self, value):
        self.value = np.asarray(value, dtype=float)
        self.grad = np.zeros_like(self.value)

    def accumulate(self, g):
        while g.ndim > self.value.ndim:
            g = g.sum(axis=0)
        for i, n in enumerate(self.value.shape):
            if n == 1 and g.shape[i] != 1:
                g = g.sum(axis=i, keepdims=True)
        self.grad = self.grad + g

    def backward(self, seed=None):
        for v, _ in TAPE:
            v.grad = np.zeros_like(v.value)
        self.grad = np.ones_like(self.value) if seed is None else np.asarray(seed, dtype=float)
        for out, pullback in reversed(TAPE):
            pullback(out.grad)

    def __add__(self, other):
        return add(self, as_var(other))

    __radd__ = __add__

    def __mul__(self, other):
        return mul(self, as_var(other))

    __rmul__ = __mul__

    def __sub__(self, other):
        return self + (-1.0) * as_var(other)

    def __matmul__(self, other):
        return matmul(self, as_var(other))

    def sigmoid(self):
        return sigmoid(self)

    def sum(self):
        return total(self)

    def softplus(self):
        return log(exp(self) + 1.0)


def as_var(x):
    return x if isinstance(x, Var) else Var(x)


def recorded(op):
    @functools.wraps(op)
    def wrapper(*args):
        value, pullback = op(*args)
        out = Var(value)
        TAPE.append((out, pullback))
        return out

    return wrapper


@recorded
def add(a, b):
    def pullback(g):
        a.accumulate(g)
        b.accumulate(g)

    return a.value + b.value, pullback


@recorded
def mul(a, b):
    def pullback(g):
        a.accumulate(g * b.value)
        b.accumulate(g * a.value)

    return a.value * b.value, pullback


@recorded
def matmul(a, b):
    def pullback(g):
        a.accumulate(g @ b.value.T)
        b.accumulate(a.value.T @ g)

    return a.value @ b.value, pullback


@recorded
def sigmoid(a):
    s = 1.0 / (1.0 + np.exp(-a.value))

    def pullback(g):
        a.accumulate(g * s * (1.0 - s))

    return s, pullback


@recorded
def exp(a):
    e = np.exp(a.value)

    def pullback(g):
        a.accumulate(g * e)

    return e, pullback


@recorded
def log(a):
    def pullback(g):
        a.accumulate(g / a.value)

    return np.log(a.value), pullback


@recorded
def total(a):
    def pullback(g):
        a.accumulate(g * np.ones_like(a.value))

    return np.array(a.value.sum()), pullback
