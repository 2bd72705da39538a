"""A constant factor in all elements is named from the numbers alone, and nothing else is called one."""

import numpy as np
import pytest

import gradcli

X = np.random.default_rng(0).standard_normal((5, 4))


def forward(x):
    return np.sin(x), x


def remarks(backward):
    result = gradcli.check(forward, backward, inputs={"x": X}, blame=False)
    return result, [text for text in result.remarks if "times the numeric gradient" in text]


@pytest.mark.parametrize(("factor", "named"), [(1 / 5, "1/5"), (-1.0, "-1"), (4.0, "4"), (1.2345, "1.2345")])
def test_a_constant_factor_fails_and_is_named(factor, named):
    result, found = remarks(lambda dout, x: (factor * dout * np.cos(x),))
    assert result.verdict == "fail"
    assert found == [
        f"x: backward gives {named} times the numeric gradient in all 20 elements: "
        "a bug, or a convention of this code"
    ]


def test_one_element_that_does_not_fit_is_no_constant_factor():
    def backward(dout, x):
        dx = 2 * dout * np.cos(x)
        dx[0, 0] *= 1.001
        return (dx,)

    result, found = remarks(backward)
    assert result.verdict == "fail"
    assert found == []


def test_a_gradient_of_zeros_is_no_constant_factor():
    result, found = remarks(lambda dout, x: (np.zeros_like(x),))
    assert result.verdict == "fail"
    assert found == []


def test_a_right_gradient_has_no_remark():
    result, found = remarks(lambda dout, x: (dout * np.cos(x),))
    assert result.passed
    assert found == []
