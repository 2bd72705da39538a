"""Windows that are moved wrongly show where there are several of them."""

from pathlib import Path

import pytest

from gradcli import check_target

pytestmark = pytest.mark.usefixtures("folder")

SIDE_BY_SIDE = """
import numpy as np
class AvgPool1D:
    def __init__(self, size=2, stride=2):
        self.size, self.stride = size, stride
    def forward(self, x):
        '''x: (N, T)'''
        self.shape = x.shape
        starts = range(0, x.shape[1] - self.size + 1, self.stride)
        return np.stack([x[:, s : s + self.size].mean(axis=1) for s in starts], axis=1)
    def backward(self, dout):
        dx = np.zeros(self.shape)
        for i in range(dout.shape[1]):
            s = i * self.stride
            dx[:, s : s + self.size] += dout[:, i : i + 1] / self.size
        return dx
"""
ONE_BY_ONE = """
import numpy as np
class Correlate:
    def __init__(self, kernel_size, stride):
        self.stride, self.W = stride, np.random.randn(kernel_size)
    def forward(self, x):
        self.x = x
        self.starts = range(0, x.shape[1] - len(self.W) + 1, self.stride)
        return np.stack([x[:, s : s + len(self.W)] @ self.W for s in self.starts], axis=1)
    def backward(self, dout):
        dx, self.dW = np.zeros(self.x.shape), np.zeros(self.W.shape)
        for i in range(dout.shape[1]):
            window = slice(i * self.stride, i * self.stride + len(self.W))
            dx[:, window] += dout[:, i : i + 1] * self.W
            self.dW += dout[:, i] @ self.x[:, window]
        return dx
"""
PAIR = """
import numpy as np
def average_forward(x, kernel_size, stride):
    '''x: (N, T)'''
    starts = range(0, x.shape[1] - kernel_size + 1, stride)
    out = np.stack([x[:, s : s + kernel_size].mean(axis=1) for s in starts], axis=1)
    return out, (x, kernel_size, stride)
def average_backward(dout, cache):
    x, kernel_size, stride = cache
    dx = np.zeros_like(x)
    for i in range(dout.shape[1]):
        dx[:, i * stride : i * stride + kernel_size] += dout[:, i : i + 1] / kernel_size
    return dx
"""


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        (SIDE_BY_SIDE, "s = i * self.stride", "s = i * self.size"),
        (SIDE_BY_SIDE, "self.size] +=", "self.size] ="),
        (ONE_BY_ONE, "slice(i * self.stride, i * self.stride + len", "slice(i, i + len"),
        (PAIR, "i * stride : i * stride +", "i : i +"),
    ],
)
def test_a_wrong_stride_shows(source, right, wrong):
    Path("pool.py").write_text(source.replace(right, wrong))
    assert check_target("pool.py", blame=False).verdict == "fail"


@pytest.mark.parametrize("source", [SIDE_BY_SIDE, ONE_BY_ONE, PAIR])
def test_right_windows_pass(source):
    Path("pool.py").write_text(source)
    assert check_target("pool.py", blame=False).verdict == "pass"
