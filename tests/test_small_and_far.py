"""Losses that are flat at zero, at inputs so small that numbers about one cancel; and saturated ones."""

import numpy as np
import pytest

import gradcli

PAIRS = {
    "charbonnier": (lambda x: np.sqrt(1 + x**2) - 1, lambda x: x / np.sqrt(1 + x**2)),
    "cauchy": (lambda x: np.log(1 + x * x), lambda x: 2 * x / (1 + x * x)),
    "welsch": (lambda x: 1 - np.exp(-(x**2) / 2), lambda x: x * np.exp(-(x**2) / 2)),
    "log cosh": (lambda x: np.log(np.cosh(x)), np.tanh),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
}


def verdict(name, x, factor=1.0):
    f, slope = PAIRS[name]

    def backward(dout, x):
        return dout * slope(x) * x.dtype.type(factor)

    with np.errstate(over="ignore"):
        return gradcli.check(lambda x: (f(x), x), backward, inputs={"x": x}, blame=False).verdict


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("scale", [1e-6, 1e-4, 1e-3])
def test_rounding_beside_one_is_no_mistake_and_a_mistake_is_seen(name, scale, dtype):
    x = (scale * np.random.default_rng(0).standard_normal((3, 2))).astype(dtype)
    assert verdict(name, x) == "pass"
    assert verdict(name, x, 1.05) == "fail"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", range(3))
def test_a_saturated_slope_is_zero_to_rounding_and_a_mistake_elsewhere_is_seen(seed, dtype):
    x = (30 * np.random.default_rng(seed).standard_normal((3, 2))).astype(dtype)
    assert verdict("tanh", x) == "pass"
    x[0, 0] = 1.0
    assert verdict("tanh", x, 1.05) == "fail"
