"""A forward that spreads (m,) over (m, 1) by accident is told from a backward that is wrong."""

from pathlib import Path

import numpy as np
import pytest

import gradcli

RNG = np.random.default_rng(0)
Y, Y_HAT = RNG.standard_normal(5), RNG.standard_normal((5, 1))
RIGHT_BY_ELEMENT = "Taken element by element, the gradient is right, so the fault is here"

LINEAR = """\
import numpy as np


def loss(w, X, y):
    y_hat = X @ w
    return np.mean((y - y_hat) ** 2)


def loss_grad(w, X, y):
    y_hat = X @ w
    return 2 * X.T @ (y_hat - y.reshape(-1, 1)) / len(y)
"""


def mean_square(y, y_hat):
    return np.mean((y - y_hat) ** 2), (y, y_hat)


def by_element(dout, cache):
    y, y_hat = cache
    d = 2 * dout * (y - y_hat[:, 0]) / len(y)
    return d, -d[:, None]


def broadcasts(forward, backward, inputs):
    result = gradcli.check(forward, backward, inputs)
    told = [*result.remarks, *(blame.diagnosis for blame in result.blames)]
    return result, [text for text in told if "forward broadcasts" in text]


def test_an_accident_in_forward_is_found_with_the_shapes_seen():
    result, (text,) = broadcasts(mean_square, by_element, {"y": Y, "y_hat": Y_HAT})
    assert result.verdict == "fail"
    line = mean_square.__code__.co_firstlineno + 1
    assert text.startswith("forward broadcasts (5,) - (5, 1) to (5, 5): f and its gradient disagree")
    assert RIGHT_BY_ELEMENT in text
    assert (result.blame.file, result.blame.line) == (__file__, line)
    assert result.blame.source == "return np.mean((y - y_hat) ** 2), (y, y_hat)"


def test_it_is_found_in_a_cost_of_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("linear.py").write_text(LINEAR)
    result = gradcli.check_target("linear.py", inputs={"w": "3x1", "X": "5x3", "y": "5"})
    assert result.verdict == "fail"
    assert (Path(result.blame.file).name, result.blame.line) == ("linear.py", 6)
    assert "(5,) - (5, 1) to (5, 5)" in result.blame.diagnosis
    assert RIGHT_BY_ELEMENT in result.blame.diagnosis


def test_an_accident_beside_another_mistake_is_said_with_doubt():
    def backward(dout, cache):
        dy, dy_hat = by_element(dout, cache)
        return 3 * dy, dy_hat + 1

    result, (text,) = broadcasts(mean_square, backward, {"y": Y, "y_hat": Y_HAT})
    assert result.verdict == "fail"
    assert text.endswith("f and its gradient disagree; unless that is meant, give the two the same shape")


def test_pairs_that_are_meant_are_no_accident():
    def forward(x):
        return ((x[:, None] - x) ** 2).sum(), x

    def backward(dout, x):
        return (3 * dout * (x[:, None] - x).sum(axis=1),)  # 4, not 3

    result, found = broadcasts(forward, backward, {"x": Y})
    assert result.verdict == "fail"
    assert found == []


@pytest.mark.parametrize("shape", [(5, 1), (1,)])
def test_equal_shapes_and_true_broadcasts_are_no_accident(shape):
    def forward(y, y_hat):
        return np.mean((y - y_hat) ** 2), (y, y_hat)

    def backward(dout, cache):
        return tuple(np.ones_like(one) for one in cache)

    result, found = broadcasts(forward, backward, {"y": RNG.standard_normal(shape), "y_hat": Y_HAT})
    assert result.verdict == "fail"
    assert found == []


def test_a_product_of_matrices_is_no_broadcast():
    def forward(y, y_hat):
        return (y @ y_hat).sum(), (y, y_hat)

    def backward(dout, cache):
        y, y_hat = cache
        return 2 * dout * y_hat[:, 0], dout * y[:, None]

    result, found = broadcasts(forward, backward, {"y": Y, "y_hat": Y_HAT})
    assert result.verdict == "fail"
    assert found == []


def test_code_that_agrees_with_its_gradient_is_left_alone():
    def backward(dout, cache):
        y, y_hat = cache
        d = 2 * dout * (y - y_hat) / y.size**2
        return d.sum(axis=0), -d.sum(axis=1, keepdims=True)

    result, found = broadcasts(mean_square, backward, {"y": Y, "y_hat": Y_HAT})
    assert result.passed
    assert found == []
