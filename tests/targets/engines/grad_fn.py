"""Nodes with grad_fn objects, as in torch: one class for each backward."""

import numpy as np


def _reduce(g, like):
    extra = g.ndim - like.ndim
    if extra > 0:
        g = g.sum(axis=tuple(range(extra)))
    axes = tuple(i for i, n in enumerate(like.shape) if n == 1 and g.shape[i] > 1)
    return g.sum(axis=axes, keepdims=True) if axes else g


class AddBackward:
    def __init__(self, a, b):
        self.inputs = (a, b)

    def __call__(self, grad):
        a, b = self.inputs
        return _reduce(grad, a.data), _reduce(grad, b.data)


class MulBackward:
    def __init__(self, a, b):
        self.inputs = (a, b)

    def __call__(self, grad):
        a, b = self.inputs
        grad_a = grad * b.data
        grad_b = grad * a.data
        return _reduce(grad_a, a.data), _reduce(grad_b, b.data)


class MatMulBackward:
    def __init__(self, a, b):
        self.inputs = (a, b)

    def __call__(self, grad):
        a, b = self.inputs
        return [grad @ b.data.T, a.data.T @ grad]


class PowBackward:
    def __init__(self, a, n):
        self.inputs = (a,)
        self.n = n

    def __call__(self, grad):
        (a,) = self.inputs
        return (grad * self.n * a.data ** (self.n - 1),)


class MeanBackward:
    def __init__(self, a):
        self.inputs = (a,)

    def __call__(self, grad):
        (a,) = self.inputs
        return (np.broadcast_to(grad, a.data.shape) / a.data.size,)


class Tensor:
    def __init__(self, data, grad_fn=None, requires_grad=True):
        self.data = np.array(data, dtype=np.float64)
        self.grad_fn = grad_fn
        self.requires_grad = requires_grad
        self.grad = None

    @staticmethod
    def ensure(x):
        return x if isinstance(x, Tensor) else Tensor(x, requires_grad=False)

    def __add__(self, other):
        other = Tensor.ensure(other)
        return Tensor(self.data + other.data, grad_fn=AddBackward(self, other))

    def __mul__(self, other):
        other = Tensor.ensure(other)
        return Tensor(self.data * other.data, grad_fn=MulBackward(self, other))

    def __matmul__(self, other):
        return Tensor(self.data @ other.data, grad_fn=MatMulBackward(self, other))

    def __pow__(self, n):
        return Tensor(self.data**n, grad_fn=PowBackward(self, n))

    def mean(self):
        return Tensor(self.data.mean(), grad_fn=MeanBackward(self))

    def var(self):
        d = self + self.mean() * -1.0
        return (d**2).mean()

    __radd__ = __add__
    __rmul__ = __mul__

    def _topo(self, seen, order):
        if id(self) in seen:
            return
        seen.add(id(self))
        if self.grad_fn is not None:
            for parent in self.grad_fn.inputs:
                parent._topo(seen, order)
        order.append(self)

    def backward(self, grad=None):
        order = []
        self._topo(set(), order)
        grads = {id(self): np.ones_like(self.data) if grad is None else grad}
        for node in reversed(order):
            g = grads.pop(id(node), None)
            if g is None:
                continue
            node.grad = g if node.grad is None else node.grad + g
            if node.grad_fn is not None:
                for parent, pg in zip(node.grad_fn.inputs, node.grad_fn(g), strict=True):
                    grads[id(parent)] = grads[id(parent)] + pg if id(parent) in grads else pg
