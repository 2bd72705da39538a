"""Points at which correct code is hard to bear out: it never fails; where it passes, wrong code does not."""

import numpy as np
import pytest

import gradcli


def normalised(x):
    length = np.maximum(np.sqrt((x * x).sum(axis=0)), 1e-12)
    return x / length, (x / length, length)


def normalised_backward(dout, cache):
    y, length = cache
    return (dout - y * (dout * y).sum(axis=0)) / length


def sorted_behind(shift):
    def forward(x):
        order = np.argsort(x + shift, kind="stable")
        return (x + shift)[order] - shift, order

    return forward


def sorted_backward(dout, order):
    dx = np.empty_like(dout)
    dx[order] = dout
    return dx


def largest_of_two(x):
    place = x.argmax(axis=0)[None]
    return np.take_along_axis(x, place, 0)[0], (x.shape, place)


def largest_of_two_backward(dout, cache):
    shape, place = cache
    dx = np.zeros(shape)
    np.put_along_axis(dx, place, dout[None], 0)
    return dx


def losses_and_largest(x):
    y = np.sqrt(1 + x * x) - 1
    return (y, np.array(0.17 * y.max())), (x, y)


def losses_and_largest_backward(douts, cache):
    x, y = cache
    dy = douts[0].copy()
    dy[y.argmax()] += 0.17 * douts[1]
    return dy * x / np.sqrt(1 + x * x)


def deep_softplus(x):
    return np.logaddexp(x**3, 0.0), x


def deep_softplus_backward(dout, x):
    return dout * 0.5 * (1 + np.tanh(0.5 * x**3)) * 3 * x**2


def log_of_log(x):
    y = np.log1p(x * x)
    return np.log(1 + y * y), (x, y)


def log_of_log_backward(dout, cache):
    x, y = cache
    return dout * 2 * y / (1 + y * y) * 2 * x / (1 + x * x)


def product_of_quotients(x):
    y = np.log1p(x * x)
    z = 1 / (1 + y * y)
    return z[0] * z[1], (x, y, z)


def product_of_quotients_backward(dout, cache):
    x, y, z = cache
    dz = dout * z[::-1]
    return dz * -2 * y * z * z * 2 * x / (1 + x * x)


def log_of_next_to_nothing(x):
    small = np.exp(-(np.sum(x * x) ** 2))
    return np.log(1 + small * small), (x, small)


def log_of_next_to_nothing_backward(dout, cache):
    x, small = cache
    return dout * 2 * small / (1 + small * small) * small * -4 * np.sum(x * x) * x


def beside_one(x):
    y = np.tanh(x * x)
    length = np.sqrt((y * y).sum(axis=1, keepdims=True))
    return (np.exp(length), y), (x, y, length)


def beside_one_backward(douts, cache):
    x, y, length = cache
    return (douts[0] * np.exp(length) * y / length + douts[1]) * (1 - y * y) * 2 * x


def tiny_and_its_sigmoid(x):
    y = np.exp(x)
    s = 1 / (1 + np.exp(-np.abs(y)))
    return (s, y), (s, y)


def tiny_and_its_sigmoid_backward(douts, cache):
    s, y = cache
    return (douts[0] * s * (1 - s) + douts[1]) * y


SMALL = np.array([[-10.7, 1.5, 32.7], [6.6, 13.3, -1.4], [5.6, -12.2, -3.5]]) * 1e-6
# Name: forward, backward, input, and what correct code is to get.
POINTS = {
    "a zero beside a clamp": (normalised, normalised_backward, np.array([[1.0, 0.0], [2.0, 0.0]]), "pass"),
    "ties behind an addition": (sorted_behind(1e6), sorted_backward, np.full(6, 0.7), "pass"),
    "two rows of ties": (largest_of_two, largest_of_two_backward, np.full((2, 2), 0.7), "pass"),
    "another branch far off": (
        losses_and_largest,
        losses_and_largest_backward,
        np.array([-65.2, -5.24, 166.0, 0.659, -164.0, -0.156]) * 1e-8,
        "",
    ),
    "a backward that saturates": (deep_softplus, deep_softplus_backward, np.array([-8.3]), ""),
    "complex logarithms": (
        log_of_log,
        log_of_log_backward,
        np.array([0.89, 6.4e-6, 4.1, 86.0, 380.0, -3.4e-6, 0.37, 1.9e-4]),
        "",
    ),
    "complex logarithms behind a quotient": (
        product_of_quotients,
        product_of_quotients_backward,
        np.array([[0.89, 6.4e-4, 4.1, -3.4e-7, 26.0], [80.0, -2.1e-2, 3.1e-7, 0.37, 1.9e-6]]),
        "",
    ),
    "nothing left": (
        log_of_next_to_nothing,
        log_of_next_to_nothing_backward,
        np.array([0.5, 1.5, -2.0]),
        "",
    ),
    "half of it drowns": (tiny_and_its_sigmoid, tiny_and_its_sigmoid_backward, np.array([-120.0]), ""),
    "small numbers beside one": (beside_one, beside_one_backward, SMALL, "pass"),
}


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.parametrize("seed", range(3))
def test_correct_code_does_not_fail_and_wrong_code_does_not_pass_where_it_does(name, seed):
    forward, backward, x, expected = POINTS[name]

    def verdict(factor):
        def scaled(dout, cache):
            return factor * backward(dout, cache)

        return gradcli.check(forward, scaled, {"x": x.copy()}, seed=seed, blame=False).verdict

    found = verdict(1.0)
    assert found == expected or (not expected and found != "fail")
    assert verdict(1.1) != "pass" or not expected


def test_a_lone_number_where_nothing_moves():
    def forward(x):
        return np.where(np.real(x) > 1, 1.0, x) * 1.0, None

    for seed in range(3):
        for method in ("auto", "complex"):
            inputs = {"x": np.array(3.0)}
            found = gradcli.check(forward, lambda d, _: d, inputs, seed=seed, method=method, blame=False)
            assert found.verdict == "fail"


def test_what_is_tied_in_float16_may_take_another_branch_than_in_float64():
    def forward(x, w):
        e = np.exp(x @ w)
        y = e / e.sum(axis=0)
        place = y.argmax(axis=0)[None]
        return np.take_along_axis(y, place, 0)[0], (x, w, y, place)

    def backward(dout, cache):
        x, w, y, place = cache
        dy = np.zeros_like(y)
        np.put_along_axis(dy, place, dout[None], 0)
        dz = y * (dy - (dy * y).sum(axis=0))
        return dz @ w.T, x.T @ dz

    for seed in (4, 5, 7, 10):
        rng = np.random.default_rng(seed)
        inputs = {"x": rng.standard_normal((3, 2)), "w": 1e-3 * rng.standard_normal((2, 2))}
        inputs = {name: array.astype(np.float16) for name, array in inputs.items()}
        assert gradcli.check(forward, backward, inputs, seed=seed, blame=False).verdict != "fail", seed
