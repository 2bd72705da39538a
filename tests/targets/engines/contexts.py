"""Operations as classes with a context, walked depth first."""

import numpy as np


def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for i, n in enumerate(shape):
        if n == 1 and grad.shape[i] != 1:
            grad = grad.sum(axis=i, keepdims=True)
    return grad


class Function:
    def __init__(self, *parents):
        self.parents = parents
        self.saved = ()

    def save_for_backward(self, *xs):
        self.saved = xs

    @classmethod
    def apply(cls, *tensors):
        ctx = cls(*tensors)
        out = Tensor(cls.forward(ctx, *[t.data for t in tensors]))
        out._ctx = ctx
        return out


class Add(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a.shape, b.shape)
        return a + b

    @staticmethod
    def backward(ctx, g):
        sa, sb = ctx.saved
        return unbroadcast(g, sa), unbroadcast(g, sb)


class Mul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved
        return unbroadcast(g * b, a.shape), unbroadcast(g * a, b.shape)


class MatMul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a @ b

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved
        da = g @ b.T
        db = a.T @ g
        return da, db


class Exp(Function):
    @staticmethod
    def forward(ctx, a):
        out = np.exp(a)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, g):
        (out,) = ctx.saved
        return g * out


class Sum(Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a.shape)
        return np.array(a.sum())

    @staticmethod
    def backward(ctx, g):
        (shape,) = ctx.saved
        return np.ones(shape) * g


class Tensor:
    def __init__(self, data, requires_grad=True):
        self.data = np.asarray(data, dtype=float)
        self.grad = None
        self.requires_grad = requires_grad
        self._ctx = None

    def _coerce(self, x):
        return x if isinstance(x, Tensor) else Tensor(x)

    def __add__(self, other):
        return Add.apply(self, self._coerce(other))

    __radd__ = __add__

    def __mul__(self, other):
        return Mul.apply(self, self._coerce(other))

    __rmul__ = __mul__

    def __matmul__(self, other):
        return MatMul.apply(self, other)

    def exp(self):
        return Exp.apply(self)

    def sum(self):
        return Sum.apply(self)

    def deepwalk(self):
        nodes, visited = [], set()

        def _walk(node):
            visited.add(node)
            if node._ctx:
                for i in node._ctx.parents:
                    if i not in visited:
                        _walk(i)
                nodes.append(node)

        _walk(self)
        return nodes

    def backward(self, grad=None):
        self.grad = np.ones_like(self.data) if grad is None else np.asarray(grad)
        for node in reversed(self.deepwalk()):
            grads = node._ctx.backward(node._ctx, node.grad)
            if len(node._ctx.parents) == 1:
                grads = [grads]
            for t, g in zip(node._ctx.parents, grads, strict=False):
                if g is None:
                    continue
                t.grad = g if t.grad is None else t.grad + g
