"""Inputs of every size: correct code passes, wrong code fails, and what nobody can know is not decided."""

import numpy as np
import pytest

import gradcli
from tests.numeric.closed_forms import SPREAD, Elementwise, check_form, codes, x_of

WIDE = np.array([1e-9, 1e-5, 1e-3, 1.0, 1e4, 1e8])

POINTS = {
    "1": SPREAD,
    "1e-4": 1e-4 * SPREAD,
    "1e-12": 1e-12 * SPREAD,
    "1e-100": 1e-100 * SPREAD,
    "1e3": 1e3 * SPREAD,
    "1e100": 1e100 * SPREAD,
    "1 ± 1e-5": 1 + 1e-5 * SPREAD,
    "1e3 ± 1e-4": 1e3 + 1e-4 * SPREAD,
    "all the same": np.full(4, 0.7),
    "one zero": np.array([0.0, 1.0, -2.0]),
    "wide": WIDE,
}
SCALE_FREE: dict[str, tuple[Elementwise, Elementwise]] = {
    "3 x": (lambda x: 3 * x, lambda x: np.full(x.shape, 3.0)),
    "x^2": (lambda x: x * x, lambda x: 2 * x),
    "x |x|": (lambda x: x * np.abs(x), lambda x: 2 * np.abs(x)),
}

points = pytest.mark.parametrize("x", POINTS.values(), ids=POINTS.keys())
functions = pytest.mark.parametrize(("f", "derivative"), SCALE_FREE.values(), ids=SCALE_FREE.keys())


@points
@functions
def test_a_relative_error_of_1e_4_fails_at_every_scale(
    f: Elementwise, derivative: Elementwise, x: np.ndarray
):
    assert check_form(f, derivative, x, factor=1.0001).verdict == "fail"


@points
@functions
def test_correct_code_passes_at_every_scale(f: Elementwise, derivative: Elementwise, x: np.ndarray):
    for seed in range(3):
        assert check_form(f, derivative, x, seed=seed).passed


def test_a_small_gradient_is_not_pooled_with_a_large_one():
    def forward(x, w):
        return 1e-8 * np.sin(x) + 1e8 * w, x

    def backward(dout, x):
        return 1.001e-8 * dout * np.cos(x), 1e8 * dout

    result = gradcli.check(forward, backward, {"x": SPREAD, "w": np.zeros(6)})
    assert [g.verdict for g in result.gradients.values()] == ["fail", "pass"]


# --- elements much smaller than the spread of their array

SINGULAR: dict[str, tuple[Elementwise, Elementwise]] = {
    "1/x": (lambda x: 1 / x, lambda x: -1 / x**2),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "log": (np.log, lambda x: 1 / x),
}
singular = pytest.mark.parametrize(("f", "derivative"), SINGULAR.values(), ids=SINGULAR.keys())


@singular
def test_a_tiny_element_beside_huge_ones_is_never_a_false_alarm(f: Elementwise, derivative: Elementwise):
    assert check_form(f, derivative, WIDE).verdict != "fail"


@singular
def test_a_wrong_tiny_element_beside_ones_of_order_one_fails(f: Elementwise, derivative: Elementwise):
    x = np.array([1e-5, 0.5, 1.0, 2.0])
    assert check_form(f, derivative, x).passed
    wrong = x_of(check_form(f, derivative, x, factor=[1.001, 1, 1, 1]))
    assert (wrong.verdict, wrong.worst_index) == ("fail", (0,))


def test_elements_that_cannot_be_resolved_are_not_passed_by_zeros_beside_them():
    """tanh is flat at 1e4 and 1e8: two resolved zeros say nothing of the other four."""
    result = check_form(np.tanh, lambda x: 1 / np.cosh(np.clip(x, -700, 700)) ** 2, WIDE, factor=1.01)
    assert result.verdict != "pass"


# --- beyond what floating point can tell: never "fail" for correct code, never "pass" for wrong code


@pytest.mark.parametrize(
    ("f", "derivative", "x"),
    [
        (lambda x: np.log(1 + x * x), lambda x: 2 * x / (1 + x * x), 1e-9 * SPREAD),
        (lambda x: 1 - np.cos(x), np.sin, 1e-9 * SPREAD),
        (lambda x: np.sqrt(1 + x * x) - 1, lambda x: x / np.sqrt(1 + x * x), 1e-9 * SPREAD),
        (np.sin, np.cos, 1e10 * SPREAD),
        (np.sin, np.cos, WIDE),
        (lambda x: x * x, lambda x: 2 * x, 1e-300 * SPREAD),
    ],
    ids=["log(1 + x^2)", "1 - cos", "sqrt(1 + x^2) - 1", "sin of 1e10", "sin of up to 1e8", "underflow"],
)
def test_rounding_that_hides_from_every_step_is_no_false_alarm(f, derivative, x):
    for seed in range(3):
        assert check_form(f, derivative, x, seed=seed).verdict != "fail"


def test_a_gradient_that_drowns_in_rounding_is_undecided_and_not_zero():
    x = np.array([1.0, -2.0, 3.0])
    for factor in (1.0, 3.0):
        result = check_form(lambda x: 1e20 + np.abs(x), np.sign, x, factor=factor)
        assert (result.verdict, x_of(result).note) == ("inconclusive", "noise")


# name: forward, derivative; a move by the spread does nothing to any of these
UNMOVED: dict[str, tuple[Elementwise, Elementwise]] = {
    "exp": (np.exp, np.exp),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: 0.25 / np.cosh(x / 2) ** 2),
    "hardsigmoid": (lambda x: np.clip(x / 6 + 0.5, 0, 1), lambda x: np.full(x.shape, 1 / 6)),
    "x + 3": (lambda x: x + 3, np.ones_like),
}


@pytest.mark.parametrize("size", [1e-310, 1e-150, 1e-30])
@pytest.mark.parametrize(("f", "derivative"), UNMOVED.values(), ids=UNMOVED)
def test_tiny_inputs_beside_larger_constants_are_moved_further(f, derivative, size):
    assert check_form(f, derivative, size * SPREAD).verdict == "pass"
    for factor in (1.01, np.array([1, 1.02, 1, 1, 1, 1])):
        assert check_form(f, derivative, size * SPREAD, factor=factor).verdict == "fail"


def test_where_the_spread_is_no_scale_of_the_function_longer_steps_decide():
    assert check_form(np.exp, np.exp, 1e-15 * SPREAD).verdict == "pass"
    assert check_form(np.exp, np.exp, 1e-15 * SPREAD, factor=3.0).verdict == "fail"


def test_a_linear_function_is_decided_at_1e300():
    assert check_form(lambda x: 3 * x, lambda x: np.full(x.shape, 3.0), 1e300 * SPREAD).passed


@pytest.mark.parametrize("method", ["auto", "complex", "central"])
def test_a_derivative_that_is_exactly_zero_at_zero_passes(method: str):
    """A complex step of 1e-30 leaves 1e-60 of x^3 at 0."""
    for power in (2, 3, 4, 5):
        for seed in range(3):
            result = check_form(
                lambda x, power=power: x**power,
                lambda x, power=power: power * x ** (power - 1),
                np.array([0.0, 1e-3, 1.0]),
                method=method,
                seed=seed,
            )
            assert (result.verdict, codes(result)) == ("pass", [])


@pytest.mark.parametrize("size", [1e15, 1e150, 1e300])
def test_a_function_faster_than_floating_point_is_not_called_wrong(size: float):
    assert check_form(np.sin, np.cos, size * SPREAD).verdict != "fail"
