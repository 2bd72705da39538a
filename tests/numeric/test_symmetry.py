"""A symmetric Jacobian takes one derivative along the cotangent; one that is not quite symmetric does not."""

import numpy as np
import pytest

import gradcli
from gradcli.layers.batchnorm import batchnorm_backward, batchnorm_forward


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def softmax_forward(x):
    e = np.exp(x - np.max(x.real, axis=-1, keepdims=True))
    y = e / e.sum(axis=-1, keepdims=True)
    return y, y


def softmax_backward(dout, y):
    return y * (dout - np.sum(dout * y, axis=-1, keepdims=True))


def step_forward(x):
    """A step along the gradient of an energy: its Jacobian is the unit matrix less a Hessian."""
    s = np.sum(x * x, axis=1, keepdims=True)
    return x - 0.1 * x * np.cos(s), (x, s)


def step_backward(dout, cache):
    x, s = cache
    return dout - 0.1 * (dout * np.cos(s) - 2 * x * np.sin(s) * np.sum(dout * x, axis=1, keepdims=True))


CASES = {
    "softmax": (softmax_forward, softmax_backward),
    "step along a gradient": (step_forward, step_backward),
}


def check(forward, backward, x, **settings):
    return gradcli.check(forward, backward, {"x": x}, blame=False, **settings).gradients["x"]


@pytest.mark.parametrize("case", CASES)
def test_evaluations_do_not_grow_with_what_depends_on_each_other(case):
    few, many = (check(*CASES[case], normal(3, n)) for n in (40, 2000))
    assert few.verdict == many.verdict == "pass"
    assert many.evaluations <= few.evaluations < 40
    assert (many.method, np.isfinite(many.numeric).all()) == ("complex", True)


def test_batchnorm_of_many_rows_is_checked_element_by_element_at_the_price_of_few():
    inputs = {"x": normal(500, 8), "gamma": normal(8), "beta": normal(8)}
    result = gradcli.check(batchnorm_forward, batchnorm_backward, inputs, blame=False)
    assert result.passed
    assert result.gradients["x"].evaluations < 40


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("factor", [1.001, 0.0, -1.0])
def test_one_wrong_element_is_found_at_its_place(case, factor):
    forward, backward = CASES[case]

    def wrong(dout, cache):
        dx = backward(dout, cache)
        dx[2, 71] *= factor
        return dx

    found = check(forward, wrong, normal(5, 90))
    assert (found.verdict, found.worst_index) == ("fail", (2, 71))
    assert found.failing is not None
    assert found.failing.sum() == 1


@pytest.mark.parametrize("case", CASES)
def test_a_gradient_that_is_wrong_everywhere_costs_no_evaluation_for_each_element(case):
    forward, backward = CASES[case]
    found = check(forward, lambda dout, cache: 1.001 * backward(dout, cache), normal(2, 3000))
    assert found.verdict == "fail"
    assert found.failing is not None
    assert found.failing.all()
    assert found.evaluations < 3000


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-5])
@pytest.mark.parametrize("rows", [slice(None), 1])
def test_what_is_not_quite_symmetric_is_measured_batch_by_batch(rows, size):
    """One output of one row, or of all, depends on one more input, which the cotangent sees."""

    def forward(x):
        y, _ = softmax_forward(x)
        y = y.copy()
        y[rows, 5] += size * np.sin(x[rows, 40])
        return y, x

    def right(dout, x):
        dx = softmax_backward(dout, softmax_forward(x)[0])
        dx[rows, 40] += size * np.cos(x[rows, 40]) * dout[rows, 5]
        return dx

    def symmetric(dout, x):
        dx = softmax_backward(dout, softmax_forward(x)[0])
        dx[rows, 5] += size * np.cos(x[rows, 40]) * dout[rows, 40]
        return dx

    def left_out(dout, x):
        return softmax_backward(dout, softmax_forward(x)[0])

    x = normal(4, 50)
    assert check(forward, right, x).verdict == "pass"
    for wrong in (symmetric, left_out):
        assert check(forward, wrong, x).verdict == "fail"


def test_a_transposed_jacobian_is_not_taken_for_a_symmetric_one():
    weight = normal(60, 60) / 8
    result = check(
        lambda x: (np.tanh(x @ weight), (x, np.tanh(x @ weight))),
        lambda dout, cache: (dout * (1 - cache[1] ** 2)) @ weight,  # the transpose is lost
        normal(2, 60),
    )
    assert result.verdict == "fail"


def test_rows_and_columns_of_a_transposed_output_are_kept_apart():
    def forward(x):
        y, _ = softmax_forward(x)
        return y.T, y

    found = check(forward, lambda dout, y: softmax_backward(dout.T, y), normal(40, 40))
    assert found.verdict == "pass"
    wrong = check(forward, lambda dout, y: softmax_backward(dout, y), normal(40, 40))
    assert wrong.verdict == "fail"


@pytest.mark.parametrize("scale", [1e-8, 1e-4, 30.0])
def test_saturated_and_flat_rows_are_judged_as_before(scale):
    x = scale * normal(4, 64)
    assert check(softmax_forward, softmax_backward, x).verdict == "pass"
    assert check(softmax_forward, lambda dout, y: softmax_backward(dout, y) * 1.001, x).verdict == "fail"


def test_rows_of_very_different_sizes_do_not_hide_each_other():
    sizes = 10.0 ** np.arange(-12, 4)[:, None]

    def forward(x):
        y, _ = softmax_forward(x)
        return sizes * y, y

    def backward(dout, y):
        return softmax_backward(sizes * dout, y)

    def wrong(dout, y):
        dx = backward(dout, y)
        dx[0] *= 1.001
        return dx

    x = normal(16, 48)
    assert check(forward, backward, x).verdict == "pass"
    assert check(forward, wrong, x).verdict == "fail"


def test_kinks_among_elements_that_move_together_are_no_false_alarm():
    """A maximum taken off and put back at a tie: either of the two may be the largest."""

    def forward(x):
        top = np.max(x, axis=1, keepdims=True)
        return np.tanh(x - top) + 0 * x, (x, top)

    def backward(dout, cache):
        x, top = cache
        g = dout * (1 - np.tanh(x - top) ** 2)
        dx = g.copy()
        dx[np.arange(len(x)), x.argmax(axis=1)] -= g.sum(axis=1)
        return dx

    assert check(forward, backward, normal(3, 60)).verdict == "pass"


def test_elements_and_methods_that_are_asked_for_are_kept():
    x = normal(4, 64)
    for settings in ({"elements": 12}, {"elements": "probe"}, {"method": "complex"}, {"method": "central"}):
        assert check(softmax_forward, softmax_backward, x, **settings).verdict == "pass"
    assert check(softmax_forward, softmax_backward, x, method="complex").evaluations >= 64
