"""The cheap first pass of large arrays never decides what it cannot."""

import numpy as np
import pytest

import gradcli

N, D = 64, 256
WEIGHTS = np.linspace(0.5, 1.5, N)  # without them the Jacobian is symmetric, and one derivative tells all


def normal(*shape):
    return np.random.default_rng(5).standard_normal(shape)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def forward(x):
    y = softmax(x)
    return WEIGHTS * y, y


def backward(dout, y):
    dout = WEIGHTS * dout
    return y * (dout - np.sum(dout * y, axis=-1, keepdims=True))


def check(backward, x, forward=forward, **settings):
    result = gradcli.check(forward, backward, {"x": x}, budget=1e6, blame=False, **settings)
    return result, result.gradients["x"]


def test_much_is_measured_by_real_differences():
    result, gradient = check(backward, normal(D, N))
    assert result.passed
    assert gradient.method == "central"
    assert gradient.evaluations < 2 * N + 60


def test_a_scalar_loss_is_measured_element_by_element():
    result, gradient = check(
        lambda dout, y: dout * y * (1 - y * y),
        normal(D, N // 4),
        lambda x: (0.5 * np.sum(np.tanh(x) ** 2), np.tanh(x)),
    )
    assert result.passed
    assert gradient.method == "central"


def test_little_is_measured_by_the_complex_step():
    result, gradient = check(backward, normal(4, N))
    assert result.passed
    assert gradient.method == "complex"


@pytest.mark.parametrize("factor", [1.001, 1 - 1e-5])
@pytest.mark.parametrize("smallest", [True, False])
def test_one_wrong_element_is_found_however_small_it_is(factor, smallest):
    x = normal(D, N)
    right = check(backward, x)[1].analytic
    index = np.unravel_index(np.argmin(np.abs(right)) if smallest else 17, x.shape)

    def damaged(dout, y):
        gradient = backward(dout, y)
        gradient[index] *= factor
        return gradient

    result, gradient = check(damaged, x)
    assert result.verdict == "fail"
    assert gradient.worst_index == tuple(index)
    assert gradient.failing.sum() == 1


def test_batches_far_steeper_than_those_that_were_compared_are_measured_again():
    # One column in 64 is a thousand times as steep: no difference at the common step serves there.
    rate = np.ones(N)
    rate[40] = 1e3

    def forward(x):
        s = np.sin(rate * x)
        return s.sum(axis=-1), x

    result, _ = check(lambda dout, x: dout[:, None] * rate * np.cos(rate * x), normal(D, N), forward)
    assert result.passed


def test_where_all_is_too_steep_the_complex_step_is_taken():
    rate = 1e3
    result, gradient = check(
        lambda dout, x: dout[:, None] * rate * np.cos(rate * x),
        normal(D, N),
        lambda x: (np.sin(rate * x).sum(axis=-1), x),
    )
    assert result.passed
    assert gradient.method == "complex"


def test_a_gradient_that_is_zero_by_cancellation_is_still_known_to_be_zero():
    x = normal(D, N)
    result, gradient = check(
        lambda dout, y: np.zeros_like(x),
        x,
        lambda x: (softmax(x).sum(axis=-1), x),
    )
    assert result.passed
    assert gradient.note == "zero"


def test_ties_of_three_are_not_shared_out_by_halves():
    x = np.maximum(normal(D, N), normal(D, 1))
    x[:, [3, 30, 50]] = x.max(axis=-1, keepdims=True) + 1.0

    def halves(dout, x):
        return dout[:, None] * 0.5 * (x == x.max(axis=-1, keepdims=True))

    def shares(dout, x):  # thirds here, and the whole where one is the largest
        largest = x == x.max(axis=-1, keepdims=True)
        return dout[:, None] / largest.sum(axis=-1, keepdims=True) * largest

    def forward(x):
        top = x[:, 0]
        for column in x.T[1:]:
            top = np.maximum(top, column)
        return top, x

    assert check(halves, x, forward)[0].verdict == "fail"
    assert check(shares, x, forward)[0].passed
