"""Layers and losses as classes, by hand in torch: parameters and caches are tensors."""

import torch


class Affine:
    def __init__(self, in_features, out_features):
        self.weight = torch.randn(in_features, out_features) * 0.3
        self.bias = torch.zeros(out_features)

    def forward(self, x):
        self.seen = (x,)
        return x.mm(self.weight) + self.bias

    def backward(self, dout):
        (x,) = self.seen
        self.grad_weight = x.t().mm(dout)
        self.grad_bias = dout.mean(dim=0)  # planted: sum
        return dout.mm(self.weight.t())


class Bend:
    def forward(self, x):
        self.y = torch.tanh(x)
        return self.y

    def backward(self, dout):
        return dout * (1 - self.y**2)


class Stack:
    def __init__(self, dim=3):
        self.layers = [Bend(), Bend()]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dout):
        for layer in self.layers[::-1]:
            dout = layer.backward(dout)
        return dout


class Distance:
    def loss(self, output, target):
        return torch.pow(output - target, 2).sum()

    def dloss(self, output, target):
        return output - target  # planted: 2 is missing
