"""Losses that are flat at zero, at inputs so small that numbers about one cancel; and saturated ones."""

import math

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


# Of a second argument: f, and its derivatives by x and by a.
WITH_A_PARAMETER = {
    "log cosh": (
        lambda x, a: np.log(np.cosh(a * x)) / a,
        lambda x, a: np.tanh(a * x),
        lambda x, a: x * np.tanh(a * x) / a - np.log(np.cosh(a * x)) / a**2,
    ),
    "pseudo-huber": (
        lambda x, a: a * (np.sqrt(1 + (x / a) ** 2) - 1),
        lambda x, a: x / a / np.sqrt(1 + (x / a) ** 2),
        lambda x, a: np.sqrt(1 + (x / a) ** 2) - 1 - (x / a) ** 2 / np.sqrt(1 + (x / a) ** 2),
    ),
    "exp": (
        lambda x, a: (np.exp(a * x) - 1) / a,
        lambda x, a: np.exp(a * x),
        lambda x, a: x * np.exp(a * x) / a - (np.exp(a * x) - 1) / a**2,
    ),
}


def verdict_on_the_parameter(name, scale, dtype, total, damage):
    f, by_x, by_a = WITH_A_PARAMETER[name]
    rng = np.random.default_rng(1)
    x = (scale * rng.standard_normal((3, 2))).astype(dtype)
    a = rng.uniform(0.5, 2.0, (3, 2)).astype(dtype)

    def forward(x, a):
        return (np.sum(f(x, a)) if total else f(x, a)), (x, a)

    def backward(dout, cache):
        x, a = cache
        return dout * by_x(x, a), dout * damage(f, by_a, x, a)

    return gradcli.check(forward, backward, inputs={"x": x, "a": a}, blame=False).gradients["a"].verdict


@pytest.mark.parametrize("total", [False, True])
@pytest.mark.parametrize(("scale", "dtype"), [(1e-5, "float64"), (1e-4, "float64"), (1e-4, "float32")])
@pytest.mark.parametrize("name", WITH_A_PARAMETER)
def test_a_slope_on_a_stair_of_something_inside_is_not_taken_for_that_of_the_function(
    name, scale, dtype, total
):
    def correct(f, by_a, x, a):
        return by_a(x, a)

    def that_of_a_stair(f, by_a, x, a):  # where x stands still, f is c * a or c / a
        return f(x, a) / a if name == "pseudo-huber" else -f(x, a) / a

    assert verdict_on_the_parameter(name, scale, dtype, total, correct) == "pass"
    assert verdict_on_the_parameter(name, scale, dtype, total, that_of_a_stair) != "pass"


def log_softmax(x):
    shifted = x - np.max(x, axis=1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))


def divergence(x, y):
    p, q = log_softmax(x), log_softmax(y)
    return np.sum(np.exp(p) * (p - q), axis=1), (p, q)


def divergence_backward(dout, cache, *, factor=1.0):
    p, q = cache
    d, part = dout[:, None], p - q
    dx = d * np.exp(p) * (part - np.sum(np.exp(p) * part, axis=1, keepdims=True))
    return dx, factor * d * (np.exp(q) - np.exp(p))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_left_of_one_minus_a_saturated_probability_is_no_mistake(dtype):
    rng = np.random.default_rng(0)
    inputs = {name: (100 * rng.standard_normal((4, 5))).astype(dtype) for name in "xy"}

    def wrong(dout, cache):
        return divergence_backward(dout, cache, factor=dout.dtype.type(1.01))

    assert gradcli.check(divergence, divergence_backward, inputs, blame=False).verdict == "pass"
    assert gradcli.check(divergence, wrong, inputs, blame=False).verdict == "fail"


@pytest.mark.parametrize("scale", [1e-6, 1e-2])
def test_what_far_numbers_round_off_is_no_slope(scale):
    rng = np.random.default_rng(0)
    inputs = {"c": scale * rng.standard_normal((3, 4)), "g": rng.standard_normal((3, 4))}

    def verdict(by_c, by_g):
        def backward(dout, _):
            return by_c * dout, by_g * dout

        return gradcli.check(lambda c, g: ((c + g) - g, None), backward, inputs, blame=False).verdict

    assert verdict(1.0, 0.0) == "pass"
    assert verdict(1.001, 0.0) == verdict(1.0, 1e-9) == "fail"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", WITH_A_PARAMETER)
def test_few_tiny_elements_among_larger_ones_hide_as_much(name, dtype):
    f, by_x, by_a = WITH_A_PARAMETER[name]
    rng = np.random.default_rng(2)
    x = rng.standard_normal((6, 5))
    x[rng.random(x.shape) < 0.2] *= 1e-6
    inputs = {"a": rng.uniform(0.5, 2.0, x.shape).astype(dtype), "x": x.astype(dtype)}

    def verdict(factor):
        def backward(dout, cache):
            x, a = cache
            of_large = np.where(np.abs(x) > 0.1, factor, 1).astype(dtype) * by_a(x, a)
            return dout * of_large, dout * by_x(x, a)

        return gradcli.check(lambda a, x: (f(x, a), (x, a)), backward, inputs, blame=False).verdict

    assert verdict(1.0) == "pass"
    assert verdict(1.01) == "fail"


@pytest.mark.parametrize("far", [300, 3000])
@pytest.mark.parametrize(("seed", "scale"), [(0, 1e-3), (1, 1e-4)])
def test_a_stair_of_float32_is_rounding_and_a_step_of_a_quantiser_is_none(seed, scale, far):
    c = (scale * np.random.default_rng(seed).standard_normal(5)).astype(np.float32)
    far, steps = np.float32(far), np.float32(2**12)

    def verdict(forward, factor):
        def backward(dout, _):
            return (np.float32(factor) * np.repeat(dout, 5),)

        return gradcli.check(forward, backward, {"c": c}, blame=False).verdict

    assert verdict(lambda c: (np.sum((c + far) - far), None), 1.0) == "pass"
    assert verdict(lambda c: (np.sum((c + far) - far), None), 1.001) == "fail"
    assert verdict(lambda c: (np.sum((c + far) - far), None), 0.0) == "fail"
    assert verdict(lambda c: (np.sum(np.rint(steps * c) / steps), None), 1.0) == "fail"


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def tanh_of_gelu(x):
    return np.tanh(0.7978845608028654 * (x + 0.044715 * x**3))


def slope_of_gelu(x):
    t = tanh_of_gelu(x)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * 0.7978845608028654 * (1 + 3 * 0.044715 * x**2)


# f, its derivative, and points at which a number inside stands on one stair over short steps.
ON_ONE_STAIR = {
    "gelu": (lambda x: 0.5 * x * (1 + tanh_of_gelu(x)), slope_of_gelu, [-5.803277686952012, -5.5, -5.2]),
    "x (1 + tanh x)": (
        lambda x: x * (1 + np.tanh(x)),
        lambda x: 1 + np.tanh(x) + x / np.cosh(x) ** 2,
        [-9.1, -10.3],
    ),
    "x (1 - sigmoid x)": (
        lambda x: x * (1 - sigmoid(x)),
        lambda x: sigmoid(-x) * (1 - x * sigmoid(x)),
        [19.3, 20.1, 18.2],
    ),
    "x log(1 + exp x)": (
        lambda x: x * np.log(1 + np.exp(x)),
        lambda x: np.log1p(np.exp(x)) + x * sigmoid(x),
        [-19.3, -21.1],
    ),
    "x sech^2 x": (
        lambda x: x * (1 - np.tanh(x) ** 2),
        lambda x: (1 - 2 * x * np.tanh(x)) / np.cosh(x) ** 2,
        [9.3, 10.0],
    ),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ON_ONE_STAIR)
def test_a_factor_that_short_steps_do_not_move_is_no_constant(name, dtype):
    f, slope, point = ON_ONE_STAIR[name]

    def verdict(x, factor):
        def backward(dout, x):  # in float64: its own rounding is no excuse
            return factor * dout * slope(x.astype(np.float64))

        inputs = {"x": np.array(x, dtype=dtype)}
        return gradcli.check(lambda x: (f(x.astype(np.float64)), x), backward, inputs, blame=False).verdict

    for x in (point, point[:1]):
        assert (verdict(x, 1.0), verdict(x, 1.05)) == ("pass", "fail"), x


def test_what_does_not_move_over_any_step_in_use_is_no_constant_for_sure():
    erf = np.vectorize(math.erf, otypes=[float])
    result = gradcli.check(
        lambda x: (1 - erf(x), x),
        lambda d, x: -2 / np.sqrt(np.pi) * np.exp(-(x**2)) * d,
        {"x": np.array([12.61, 12.63, 12.6])},
    )
    assert result.verdict != "fail"


@pytest.mark.parametrize("x", [[12.614547, 12.625696, 12.609705, 12.599385], [20.65165, 21.07459, 20.5536]])
def test_what_float32_leaves_of_one_minus_a_sigmoid_is_no_mistake(x):
    def verdict(factor, *more):
        def backward(dout, x):
            return np.float32(factor) * dout * -sigmoid(x) * (1 - sigmoid(x))

        inputs = {"x": np.array([*x, *more], dtype=np.float32)}
        return gradcli.check(lambda x: (1 - sigmoid(x), x), backward, inputs, seed=5, blame=False).verdict

    assert verdict(1.0) != "fail"
    assert verdict(1.0, 0.5) == "pass"
    assert verdict(1.01, 0.5) == "fail"


def range_of_losses(x):
    y = np.log(1 + x * x)
    return y.max() - y.min(), x


def range_of_losses_backward(dout, x):
    y = np.log(1 + x * x)
    dx = np.zeros_like(x)
    for sign, place in ((1.0, y.argmax()), (-1.0, y.argmin())):
        dx[place] += sign * dout * 2 * x[place] / (1 + x[place] ** 2)
    return dx


@pytest.mark.parametrize(("seed", "least"), [(1, 1e-8), (3, 0.0), (17, 0.0)])
def test_kinks_of_far_moves_are_no_rounding_beside_one(seed, least):
    x = 1e-5 * np.random.default_rng(seed).standard_normal(6)
    x[2] = least

    def verdict(factor):
        def backward(dout, x):
            return factor * range_of_losses_backward(dout, x)

        return gradcli.check(range_of_losses, backward, {"x": x}, seed=seed, blame=False).verdict

    assert verdict(1.0) != "fail"
    assert verdict(1.1) == "fail"


def behind_a_million(x):
    return (x + 1e6) - 1e6


# f and its derivative, of small numbers that stand on the stairs of an addition of a million.
BEHIND_A_MILLION = {
    "itself": (behind_a_million, np.ones_like, 1e-12),
    "log cosh": (lambda x: behind_a_million(np.log(np.cosh(x))), np.tanh, 1e-8),
}


@pytest.mark.parametrize("total", [False, True])
@pytest.mark.parametrize("name", BEHIND_A_MILLION)
def test_the_stairs_of_an_addition_of_a_million_are_no_mistake_nor_a_lower_precision(name, total):
    f, slope, scale = BEHIND_A_MILLION[name]

    def verdict(factor, x, seed):
        def backward(dout, x):
            return factor * dout * slope(x)

        def forward(x):
            return (np.sum(f(x)) if total else f(x)), x

        return gradcli.check(forward, backward, {"x": x}, seed=seed, blame=False).verdict

    for seed in range(3):
        x = np.random.default_rng(seed).standard_normal(4)
        assert verdict(1.0, scale * x, seed) != "fail", seed
        assert verdict(1.01, scale * x, seed) != "pass", seed
        assert verdict(1.01, x, seed) == "fail", seed


def test_a_stair_on_which_another_stands_is_seen():
    """Behind a million stands one of two factors, both of which round: the other has half of the slope."""
    rng = np.random.default_rng(2098)
    x, y = 1e-4 * rng.standard_normal((2, 4))

    def length(x, y):
        return np.sqrt(x * x + y * y + 0.01)

    def forward(x, y):
        return np.sum(2 * length(x, y) * behind_a_million(length(x, y))), (x, y)

    def verdict(factor):
        def backward(dout, cache):
            return tuple(4 * factor * dout * side for side in cache)

        return gradcli.check(forward, backward, {"x": x, "y": y}, blame=False).verdict

    assert verdict(1.0) != "fail"
    assert verdict(0.9) != "pass"


def test_a_grain_far_too_coarse_for_float32_is_that_of_an_addition():
    x = 1e-6 * np.random.default_rng(1).standard_normal(4)
    result = gradcli.check(
        lambda x: (behind_a_million(1e-6 / (1 + x * x)), x), lambda d, x: -2e-6 * d * x, {"x": x}, blame=False
    )
    assert [v.code for v in result.violations if v.code == "GC104"] == []
