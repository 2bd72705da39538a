"""Weights that may be left out are given where backward differentiates them."""

import numpy as np
import pytest

from gradcli import check_target

LINEAR = """
def linear_forward(x, w, b=None):
    out = x @ w
    return (out if b is None else out + b), (x, w, b)


def linear_backward(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, None if b is None else dout.sum(axis=0)
"""
WEIGHTED = """
def squares(pred, y, weights=None):
    d = pred - y
    scale = 1 if weights is None else abs(weights)
    loss = (scale * d**2).sum() / 2
    grad = scale * d
    return loss, grad
"""

pytestmark = pytest.mark.usefixtures("folder")


def test_an_optional_bias_is_checked(folder):
    (folder / "linear.py").write_text(LINEAR)
    result = check_target("linear.py")
    assert (result.verdict, list(result.gradients)) == ("pass", ["x", "w", "b"])
    (folder / "linear.py").write_text(LINEAR.replace("dout.sum", "dout.mean"))
    assert check_target("linear.py", blame=False).gradients["b"].verdict == "fail"


def test_what_has_no_gradient_is_left_out(folder):
    (folder / "squares.py").write_text(WEIGHTED.replace("squares", "squares_loss"))
    result = check_target("squares.py")
    assert (result.verdict, list(result.gradients)) == ("pass", ["pred"])


def test_what_is_given_is_all_there_is(folder):
    (folder / "linear.py").write_text(LINEAR)
    assert list(check_target("linear.py", inputs={"x": np.eye(4, 3), "w": np.eye(3, 2)}).gradients) == [
        "x",
        "w",
    ]
