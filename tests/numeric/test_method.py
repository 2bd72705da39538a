"""The cheapest valid method is chosen by trying, and as many evaluations are reported as were made."""

import numpy as np
import pytest

import gradcli
from tests.numeric.closed_forms import SPREAD, check_form, x_of

X = np.random.default_rng(1).standard_normal((3, 4))


LINEAR = {
    "3 x - 1": (lambda x: 3 * x - 1, lambda x: np.full(x.shape, 3.0)),
    "half of it turned": (
        lambda x: np.where(np.arange(4) < 2, x, -x),
        lambda x: np.broadcast_to(np.where(np.arange(4) < 2, 1.0, -1.0), x.shape),
    ),
}
COMPLEX = {"sin": (np.sin, np.cos), "x^2": (lambda x: x**2, lambda x: 2 * x), "exp": (np.exp, np.exp)}
CENTRAL = {
    "abs": (lambda x: np.abs(x) ** 3, lambda x: 3 * x * np.abs(x)),
    "hypot": (lambda x: np.hypot(x, 1), lambda x: x / np.hypot(x, 1)),
    "np.real": (lambda x: np.real(np.sin(x)), np.cos),
    "a cast": (lambda x: np.sin(x.astype(np.float64)), np.cos),
    "float() in a loop": (lambda x: np.array([[np.sin(float(v)) for v in row] for row in x]), np.cos),
    "a product with the conjugate": (lambda x: np.conj(x) * x, lambda x: 2 * x),
    "a buffer of floats": (
        lambda x: np.add(np.sin(x), 0, out=np.empty(x.shape), casting="unsafe"),
        np.cos,
    ),
}
CHOICES = [
    pytest.param(method, f, derivative, id=name)
    for method, table in (("linear", LINEAR), ("complex", COMPLEX), ("central", CENTRAL))
    for name, (f, derivative) in table.items()
]


@pytest.mark.parametrize(("method", "f", "derivative"), CHOICES)
def test_the_method_of_choice(method, f, derivative):
    correct, wrong = check_form(f, derivative, X), check_form(f, derivative, X, factor=1.0001)
    assert (correct.verdict, x_of(correct).method) == ("pass", method)
    assert (wrong.verdict, x_of(wrong).method) == ("fail", method)


def variance(x):
    return np.var(x, axis=0), x


def variance_backward(dout, x):
    return dout * 2 * (x - x.mean(axis=0)) / len(x)


def norm(x):
    return np.linalg.norm(x, axis=1), x


def norm_backward(dout, x):
    return dout[:, None] * x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("forward", "backward"), [(variance, variance_backward), (norm, norm_backward)], ids=["var", "norm"]
)
def test_the_complex_step_is_refused_where_numpy_takes_an_absolute_value(forward, backward):
    """np.var and norms square |x|, so that their complex step is zero or wrong without a warning."""
    result = gradcli.check(forward, backward, {"x": X})
    assert (result.verdict, x_of(result).method) == ("pass", "central")


def test_each_input_gets_its_own_method():
    def forward(x, w, b):
        return np.sin(x) * np.abs(w) + b, (x, w)

    def backward(dout, cache):
        x, w = cache
        return dout * np.cos(x) * np.abs(w), dout * np.sin(x) * np.sign(w), dout.copy()

    result = gradcli.check(forward, backward, {"x": SPREAD, "w": SPREAD[::-1], "b": SPREAD})
    methods = {name: gradient.method for name, gradient in result.gradients.items()}
    assert result.passed
    assert methods["x"] == "complex"
    assert methods["b"] == "linear"
    # |w| does not change sign over the long steps: either is right.
    assert methods["w"] in ("linear", "central")


def test_a_function_that_is_linear_on_one_side_of_the_point_only_is_not_linear():
    relu = x_of(check_form(lambda x: np.maximum(x, 0), lambda x: 1.0 * (x > 0), [-1.0, 0.1, 5.0]))
    assert relu.verdict == "pass"
    assert relu.method != "linear"


def test_a_bend_below_rounding_still_counts_as_linear_and_its_error_bar_holds():
    result = check_form(lambda x: x + 1e-17 * x**2, lambda x: 1 + 2e-17 * x, SPREAD)
    assert (result.verdict, x_of(result).method) == ("pass", "linear")


# --- forced


@pytest.mark.parametrize("method", ["complex", "central"])
def test_a_forced_method_is_used(method):
    assert x_of(check_form(np.sin, np.cos, X, method=method)).method == method
    assert check_form(np.sin, np.cos, X, method=method, factor=1.0001).verdict == "fail"


@pytest.mark.parametrize("method", ["linear", "complex"])
def test_a_forced_method_that_is_wrong_for_the_code_is_no_false_alarm(method):
    assert check_form(lambda x: np.abs(x) ** 3, lambda x: 3 * x * np.abs(x), X, method=method).passed


@pytest.mark.parametrize("step", [10.0, 0.1, 1e-3, 1e-5, 1e-8, 1e-12])
def test_a_forced_step_is_used_and_never_a_false_alarm(step):
    result = check_form(np.sin, np.cos, X, step=step)
    assert (result.verdict, x_of(result).method) == ("pass", "central")


@pytest.mark.parametrize("step", [1e-3, 1e-5, 1e-8])
def test_a_sensible_forced_step_sees_an_error_of_a_thousandth(step):
    assert check_form(np.sin, np.cos, X, step=step, factor=1.001).verdict == "fail"


def test_a_step_too_small_to_move_anything_compares_nothing_and_says_so():
    result = check_form(np.sin, np.cos, X, step=1e-20)
    assert (result.verdict, x_of(result).verdict, x_of(result).compared) == (
        "inconclusive",
        "inconclusive",
        0,
    )


def test_a_gradient_of_which_nothing_could_be_compared_does_not_pass_beside_one_that_could():
    def forward(x, w):
        return np.sin(x) + w, x

    def backward(dout, x):
        return 7 * dout, dout.copy()

    inputs = {"x": np.array([0.25, 0.25, 0.5]), "w": np.array([1e-15, 2e-15, 3e-15])}
    assert gradcli.check(forward, backward, inputs, step=1e-18).verdict != "pass"


# --- counting


@pytest.mark.parametrize("factor", [1.0, 1.001], ids=["correct", "wrong"])
@pytest.mark.parametrize(
    ("f", "derivative"),
    [(lambda x: 3 * x, lambda x: np.full(x.shape, 3.0)), (np.sin, np.cos), (np.abs, np.sign)],
    ids=["linear", "complex", "central"],
)
@pytest.mark.parametrize("elements", ["all", "probe", 3])
def test_the_evaluations_reported_are_the_evaluations_made(f, derivative, elements, factor):
    calls = {"forward": 0, "backward": 0}

    def forward(x):
        calls["forward"] += 1
        return f(x), x

    def backward(dout, x):
        calls["backward"] += 1
        return dout * derivative(x) * factor

    result = gradcli.check(forward, backward, {"x": X}, elements=elements, blame=False)
    assert (result.evaluations, result.backward_evaluations) == (calls["forward"], calls["backward"])
    assert x_of(result).evaluations < result.evaluations
