"""A layer over time that makes a layer for each step, with buffers for its gradients."""

import numpy as np


class Step:
    def __init__(self, Wx, Wh):
        self.params = [Wx, Wh]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh)]

    def forward(self, x, h):
        Wx, Wh = self.params
        self.cache = x, h, np.tanh(x @ Wx + h @ Wh)
        return self.cache[2]

    def backward(self, dout):
        Wx, Wh = self.params
        x, h, out = self.cache
        dt = dout * (1 - out**2)
        self.grads[0][...] = x.T @ dt
        self.grads[1][...] = h.T @ dt
        return dt @ Wx.T, dt @ Wh.T


class OverTime:
    def __init__(self, Wx, Wh):
        self.params = [Wx, Wh]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh)]

    def forward(self, xs):
        h = np.zeros((len(xs), len(self.params[1])))
        self.layers, hs = [], []
        for x in xs.transpose(1, 0, 2):
            self.layers.append(Step(*self.params))
            h = self.layers[-1].forward(x, h)
            hs.append(h)
        return np.stack(hs, axis=1)

    def backward(self, dhs):
        dxs, dh, grads = [], 0, [0, 0]
        for layer, dout in zip(self.layers[::-1], dhs.transpose(1, 0, 2)[::-1]):
            dx, dh = layer.backward(dout + dh)
            dxs.append(dx)
            for i, grad in enumerate(layer.grads):
                grads[i] = grads[i] + grad
        for i, grad in enumerate(grads):
            self.grads[i][...] = grad
        return np.stack(dxs[::-1], axis=1)
