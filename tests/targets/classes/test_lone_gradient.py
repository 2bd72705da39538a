"""A lone gradient is of that input which it agrees with, where several have its shape."""

from pathlib import Path

import numpy as np

from gradcli import check_target

GRAPH = """\
import numpy as np


class GraphLayer:
    def __init__(self, in_dim, out_dim):
        self.W = np.random.uniform(-1, 1, (in_dim, out_dim))

    def forward(self, A, X):
        self.A, self.AX = A, A @ X
        self.H = np.tanh(self.AX @ self.W)
        return self.H

    def backward(self, dH):
        dZ = dH * (1 - self.H**2)
        self.dW = self.AX.T @ dZ
        return self.A.T @ dZ @ self.W.T
"""


def _drawn():
    rng = np.random.default_rng(0)
    return {"A": rng.normal(size=(3, 3)), "X": rng.normal(size=(3, 3))}


def test_the_gradient_of_a_second_input_of_equal_shape_is_read_as_that(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("graph.py").write_text(GRAPH)
    result = check_target("graph.py", inputs=_drawn())
    assert (result.verdict, set(result.gradients)) == ("pass", {"X", "W"})
    assert "A is not compared: backward neither returns nor keeps a gradient of it" in result.remarks


def test_a_lone_gradient_that_agrees_with_no_input_fails(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("graph.py").write_text(GRAPH.replace("return self.A.T @", "return self.A @"))
    assert check_target("graph.py", inputs=_drawn()).verdict == "fail"
