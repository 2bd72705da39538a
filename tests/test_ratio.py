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


@pytest.mark.parametrize(
    ("factor", "named", "declared"),
    [
        (1 / 5, "1/5", "scale: {x: 1/5} (if 5 is a length, 1/x.shape[0])"),
        (-1.0, "-1", "sign: {x: -1}"),
        (3.0, "3", "scale: {x: 3}"),
        (5**0.5, "√5", "scale: {x: sqrt(5)}"),
        (1.2345, "1.2345", "scale: {x: 1.2345}"),
    ],
)
def test_a_constant_factor_fails_and_is_named(factor, named, declared):
    result, found = remarks(lambda dout, x: (factor * dout * np.cos(x),))
    assert result.verdict == "fail"
    assert found == [
        f"x: backward gives {named} times the numeric gradient in all 20 elements: "
        f"a bug, or a convention to declare: {declared}"
    ]


def test_what_is_offered_is_accepted():
    def backward(dout, x):
        return (dout * np.cos(x) / np.sqrt(5),)

    _, (text,) = remarks(backward)
    offered = text.partition("scale: {x: ")[2].partition("}")[0]
    assert gradcli.check(forward, backward, inputs={"x": X}, scale={"x": offered}).passed


def test_a_declared_factor_that_does_not_hold_is_said():
    declared = {"inputs": {"x": X}, "blame": False, "scale": 0.25}
    result = gradcli.check(forward, lambda dout, x: (dout * np.cos(x),), **declared)
    assert "x: backward gives 4 times the numeric gradient in all 20 elements: " in result.remarks[-1]
    assert result.remarks[-1].endswith("what is declared of it does not hold; remove the declaration")
    result = gradcli.check(forward, lambda dout, x: (dout * np.cos(x) / 2,), **declared)
    assert result.remarks[-1].endswith("declare: scale: {x: 1/2} and nothing else")


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


def test_a_gradient_of_what_has_no_slope_may_be_an_estimator():
    def rounded(x):
        return np.round(3 * x), x

    result = gradcli.check(rounded, lambda dout, x: (dout,), inputs={"x": X}, blame=False)
    (text,) = (text for text in result.remarks if "estimator" in text)
    assert text == (
        "x: forward does not change with it, backward has a gradient: a bug, or an estimator to declare: "
        "surrogate: {reason: straight-through estimator, gradients: [x]}"
    )
    declared = {"reason": "straight-through estimator", "gradients": ["x"]}
    assert gradcli.check(rounded, lambda dout, x: (dout,), inputs={"x": X}, surrogate=declared).passed
    result = gradcli.check(forward, lambda dout, x: (dout,), inputs={"x": X}, blame=False)
    assert not any("estimator" in text for text in result.remarks)


def test_no_change_is_advised_of_what_may_be_an_estimator():
    def rounded(x):
        return np.round(3 * x), x

    def clipped(dout, x):
        return (dout * (abs(x) <= 1),)

    blame = gradcli.check(rounded, clipped, inputs={"x": X}).blame
    assert blame is not None
    assert blame.diagnosis == "backward has a gradient of x, and forward does not change with it"
    assert "in place of" not in blame.diagnosis


def test_of_rounding_no_factor_is_offered():
    _, found = remarks(lambda dout, x: (1e-17 * dout * np.cos(x),))
    assert found == []
