"""float32 and float16: the formula is judged in float64, the numbers at the precision they came in."""

from functools import partial

import numpy as np
import pytest

import gradcli
from gradcli.layers import LAYERS
from gradcli.layers.batchnorm import batchnorm_backward, batchnorm_forward
from tests.numeric.closed_forms import codes

unblamed = partial(gradcli.check, blame=False)  # no line is asked for, which takes longer than a check

RNG = np.random.default_rng(2)
X = RNG.standard_normal((3, 4))


def batchnorm_inputs(dtype, seed=0):
    rng = np.random.default_rng(seed)
    drawn = {
        "x": rng.standard_normal((6, 4)),
        "gamma": 1 + 0.1 * rng.standard_normal(4),
        "beta": rng.standard_normal(4),
    }
    return {name: array.astype(dtype) for name, array in drawn.items()}


def off_by(factor):
    def backward(dout, cache):
        dx, dgamma, dbeta = batchnorm_backward(dout, cache)
        return dx * dx.dtype.type(factor), dgamma, dbeta

    return backward


# --- the dtype is carried through


@pytest.mark.parametrize("factor", [1.001, 0.999, 1.00001])
def test_a_float32_gradient_that_is_off_fails(factor):
    for seed in range(5):
        result = unblamed(batchnorm_forward, off_by(factor), batchnorm_inputs(np.float32, seed), seed=seed)
        assert (result.verdict, codes(result)) == ("fail", ["GC101"])
        assert [g.verdict for g in result.gradients.values()] == ["fail", "pass", "pass"]


@pytest.mark.parametrize("factor", [1.01, 0.99])
def test_a_float16_gradient_that_is_off_fails(factor):
    result = unblamed(batchnorm_forward, off_by(factor), batchnorm_inputs(np.float16))
    assert (result.verdict, codes(result)) == ("fail", ["GC101"])


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_correct_code_passes_in_lower_precision(dtype):
    for seed in range(10):
        result = unblamed(batchnorm_forward, batchnorm_backward, batchnorm_inputs(dtype, seed), seed=seed)
        assert (result.verdict, codes(result)) == ("pass", [])
        assert result.dtype == np.dtype(dtype).name


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_every_built_in_layer_passes_in_float32(layer):
    for seed in range(3):
        result = gradcli.check_target(layer, dtype="float32", seed=seed)
        assert (result.verdict, [c for c in codes(result) if c < "GC2"]) == ("pass", [])


def test_float32_code_is_differenced_in_float64():
    gradient = unblamed(batchnorm_forward, batchnorm_backward, batchnorm_inputs(np.float32)).gradients["x"]
    assert gradient.method == "complex"
    assert gradient.analytic.dtype == np.float32


def test_a_formula_that_is_right_in_float64_may_be_wrong_in_float32():
    """The backward loses all digits of a difference in float32 and none that matter in float64."""

    def backward(dout, x):
        return dout * ((np.cos(x) + x.dtype.type(1e6)) - x.dtype.type(1e6))

    x = RNG.standard_normal((3, 4))
    assert unblamed(lambda x: (np.sin(x), x), backward, {"x": x}, tol=1e-6).passed
    result = unblamed(lambda x: (np.sin(x), x), backward, {"x": x.astype(np.float32)}, tol=1e-6)
    # Its rounding is measured as well, so that this is not a wrong formula.
    assert result.verdict in ("fail", "inconclusive")


def normalised(x):
    centred = x - x.mean(axis=0)
    inv_std = 1 / np.sqrt((centred**2).mean(axis=0) + 1e-5)
    return centred * inv_std, inv_std


def shift_and_normalise(x, shift):
    hat, inv_std = normalised(x + shift)
    return 0.5 * np.sum(hat**2), (hat, inv_std)


def shift_and_normalise_backward(dout, cache):
    hat, inv_std = cache
    dhat = dout * hat
    dx = inv_std * (dhat - dhat.mean(axis=0) - hat * (dhat * hat).mean(axis=0))
    return dx, dx.sum(axis=0)


def half_the_digits(x):
    z = x + np.log(np.cosh(x))
    return 0.5 * np.sum(z**2), (x, z)


def half_the_digits_backward(dout, cache):
    x, z = cache
    return (dout * z * (1 + np.tanh(x)),)


HIDES = {
    "a shift before a normalisation": (
        shift_and_normalise, shift_and_normalise_backward, {"x": 1e-5, "shift": 1.0}
    ),
    "a small square beside one": (half_the_digits, half_the_digits_backward, {"x": 1e-3}),
    "what underflows": (lambda x: (x**3, x), lambda dout, x: (dout * x * x * 3,), {"x": 1e-30}),
}  # fmt: skip


@pytest.mark.parametrize("name", HIDES)
def test_what_float32_rounds_behind_numbers_about_one_is_no_mistake_of_a_formula(name):
    forward, backward, scales = HIDES[name]
    rng = np.random.default_rng(3)
    inputs = {key: (scale * rng.standard_normal((4, 3))).astype(np.float32) for key, scale in scales.items()}
    if "shift" in inputs:
        inputs["shift"] = inputs["shift"][0] + np.float32(1)

    def wrong(dout, cache):
        first, *others = backward(dout, cache)
        return np.float32(1.01) * first, *others

    assert unblamed(forward, backward, inputs).verdict == "pass"
    assert unblamed(forward, wrong, inputs).verdict == "fail"


@pytest.mark.parametrize("seed", [3, 9])
def test_what_is_open_in_float64_is_not_wrong_in_float32(seed):
    """What 2e6 leaves of numbers of 1e-5 is too little even in float64, of the smallest of them."""
    c = (1e-5 * np.random.default_rng(seed).standard_normal((4, 3))).astype(np.float32)

    def forward(c):
        return (c + np.float32(2e6)) - np.float32(2e6), c

    def verdict(factor):
        def backward(dout, c):
            return dout * (np.float32(factor) if c.dtype == np.float32 else 1.0)

        return unblamed(forward, backward, {"c": c}, seed=seed).verdict

    assert verdict(1.0) != "fail"
    assert verdict(1.01) == "fail"


def behind_a_million(x):
    return (x + x.dtype.type(1e6)) - x.dtype.type(1e6)


def mean_square(x, y):
    t = np.tanh(behind_a_million(x))
    return np.mean(t * t), (t,)


def mean_square_backward(dout, cache):
    (t,) = cache
    dx = 2 * dout * t * (1 - t * t) / t.dtype.type(t.size)
    return dx, np.zeros_like(dx)


def length(x, y):
    a, b = behind_a_million(x), np.cumsum(y, axis=1)
    out = np.sqrt(a * a + b * b + x.dtype.type(1e-2))
    return out, (a, b, out)


def length_backward(dout, cache):
    a, b, out = cache
    return dout * a / out, np.cumsum((dout * b / out)[:, ::-1], axis=1)[:, ::-1]


@pytest.mark.parametrize(("scale", "seed"), [(1e-3, 0), (1e-2, 1), (1.0, 2)])
@pytest.mark.parametrize(
    ("forward", "backward"), [(mean_square, mean_square_backward), (length, length_backward)]
)
def test_what_drowns_in_a_million_of_float32_is_no_mistake_and_a_mistake_is_seen(
    forward, backward, scale, seed
):
    x, y = (scale * np.random.default_rng(seed).standard_normal((2, 3, 4))).astype(np.float32)
    assert unblamed(forward, backward, {"x": x, "y": y}, seed=seed).verdict != "fail"
    for factor in (1.01, -1):

        def wrong(dout, cache, factor=factor):
            first, second = backward(dout, cache)
            return dout.dtype.type(factor) * first, second

        assert unblamed(forward, wrong, {"x": x, "y": y}, seed=seed).verdict == "fail", factor


def test_inputs_of_different_precision_each_keep_theirs():
    def backward(dout, cache):
        x, w = cache
        return (dout * w).astype(np.float32), dout * x

    inputs = {"x": X.astype(np.float32), "w": X[::-1].copy()}
    assert unblamed(lambda x, w: (x * w, (x, w)), backward, inputs).passed

    def wrong(dout, cache):
        dx, dw = backward(dout, cache)
        return dx, dw * 1.000001

    result = unblamed(lambda x, w: (x * w, (x, w)), wrong, inputs)
    assert [g.verdict for g in result.gradients.values()] == ["pass", "fail"]


# --- float32 only


def only_float32(x):
    if x.dtype != np.float32:
        raise TypeError(f"expected float32, got {x.dtype}")
    return np.tanh(x), x


def casts_to_float32(x):
    x = x.astype(np.float32)
    return np.tanh(x), x


def tanh_backward(dout, x, factor=1.0):
    return np.float32(factor) * dout * (1 - np.tanh(x) ** 2)


@pytest.mark.parametrize("forward", [only_float32, casts_to_float32])
def test_code_that_refuses_float64_is_still_checked(forward):
    x = {"x": X.astype(np.float32)}
    for seed in range(5):
        assert unblamed(forward, tanh_backward, x, seed=seed).gradients["x"].verdict == "pass"
        wrong = unblamed(forward, lambda d, x: tanh_backward(d, x, 1.001), x, seed=seed)
        assert wrong.gradients["x"].verdict == "fail"


def test_code_that_refuses_float64_passes():
    result = unblamed(only_float32, tanh_backward, {"x": X.astype(np.float32)})
    assert (result.verdict, codes(result)) == ("pass", [])


# --- digits lost in a float64 check


def sine_through(dtype):
    return lambda x: (np.sin(x.astype(dtype)).astype(np.float64), x)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_cast_inside_is_gc104_and_the_gradient_is_not_called_wrong(dtype):
    for seed in range(5):
        result = unblamed(sine_through(dtype), lambda d, x: d * np.cos(x), {"x": X}, seed=seed)
        assert result.verdict == "fail"
        assert codes(result) == ["GC104"]
        assert result.gradients["x"].verdict != "fail"


def test_a_cast_inside_does_not_hide_a_wrong_gradient():
    result = unblamed(sine_through(np.float32), lambda d, x: 1.01 * d * np.cos(x), {"x": X})
    assert codes(result) == ["GC104", "GC101"]


CAST = {
    "log(1 + x)": (lambda x: np.log(1 + x), lambda x: 1 / (1 + x)),
    "exp": (np.exp, np.exp),
    "sin": (np.sin, np.cos),
    "cos": (np.cos, lambda x: -np.sin(x)),
    "square": (lambda x: x * x, lambda x: 2 * x),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: 1 / (2 + np.exp(x) + np.exp(-x))),
}


small_numbers = pytest.mark.parametrize(("scale", "seed"), [(1e-4, 0), (1e-2, 1)])


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@small_numbers
@pytest.mark.parametrize("name", CAST)
def test_a_cast_of_small_numbers_is_gc104_and_its_noise_no_mistake(name, scale, seed, dtype, before):
    f, slope = CAST[name]

    def forward(x):
        return (f(x.astype(dtype)) if before else f(x).astype(dtype)).astype(np.float64), x

    x = scale * np.random.default_rng(seed).standard_normal((3, 4))
    assert codes(unblamed(forward, lambda d, x: d * slope(x), {"x": x}, seed=seed)) == ["GC104"]


@small_numbers
@pytest.mark.parametrize("name", CAST)
def test_small_numbers_that_nothing_casts_pass(name, scale, seed):
    f, slope = CAST[name]
    x = scale * np.random.default_rng(seed).standard_normal((3, 4))
    assert unblamed(lambda x: (f(x), x), lambda d, x: d * slope(x), {"x": x}).verdict == "pass"


def test_what_is_rounded_on_purpose_is_told_how_to_say_so():
    result = unblamed(lambda x: (np.round(x * 1e4) / 1e4, None), lambda d, cache: d.copy(), {"x": X})
    assert [v.code for v in result.violations if "--surrogate" in v.message] == ["GC104"]


def batchnorm_in_float32(x, gamma, beta):
    out, cache = batchnorm_forward(*(a.astype(np.float32) for a in (x, gamma, beta)))
    return out.astype(np.float64), cache


def backward_in_float32(dout, cache):
    narrow = type(cache)(*(a.astype(np.float32) if isinstance(a, np.ndarray) else a for a in cache))
    return tuple(g.astype(np.float64) for g in batchnorm_backward(dout.astype(np.float32), narrow))


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (batchnorm_in_float32, backward_in_float32),
        (
            lambda x, gamma, beta: (
                batchnorm_in_float32(x, gamma, beta)[0],
                batchnorm_forward(x, gamma, beta)[1],
            ),
            batchnorm_backward,
        ),
    ],
    ids=["both", "forward"],
)
def test_a_layer_that_computes_in_float32_inside_is_gc104_and_not_gc101(forward, backward):
    for seed in range(5):
        result = unblamed(forward, backward, batchnorm_inputs(np.float64, seed), seed=seed)
        assert "GC104" in codes(result)
        assert "GC101" not in codes(result)


def test_a_backward_alone_that_computes_in_float32_inside_is_never_gc101():
    for seed in range(5):
        result = unblamed(
            batchnorm_forward, backward_in_float32, batchnorm_inputs(np.float64, seed), seed=seed
        )
        assert "GC101" not in codes(result)


@pytest.mark.parametrize("cast", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_last_digits_of_the_cotangent_are_no_cast(seed, cast):
    """A mean is taken off numbers that are alike to 1e-8: what is left has their last digits."""
    rng = np.random.default_rng(seed)

    def forward(x, y):
        return np.sum((x - x.mean(axis=1, keepdims=True)) / (1 + y**2), axis=1), y

    def backward(dout, y):
        g = dout[:, None] / (1 + y**2)
        dx = g - g.mean(axis=1, keepdims=True)
        return (dx.astype(np.float32).astype(np.float64) if cast else dx), None

    inputs = {name: 1e-4 * rng.standard_normal((4, 4)) for name in "xy"}
    result = unblamed(forward, backward, inputs, nograd=["y"], seed=seed)
    codes = {v.code for v in result.violations if v.code < "GC2"}
    assert codes == ({"GC104"} if cast else set())


def test_a_float32_output_or_gradient_of_a_float64_check_is_gc104():
    out = unblamed(lambda x: (np.sin(x).astype(np.float32), x), lambda d, x: d * np.cos(x), {"x": X})
    assert "GC104" in codes(out)
    assert out.violations[0].message == "forward: out is float32 for float64 inputs: digits are lost"
    grad = unblamed(lambda x: (np.sin(x), x), lambda d, x: (d * np.cos(x)).astype(np.float32), {"x": X})
    assert codes(grad) == ["GC104"]
    assert grad.violations[0].message == "the gradient of x is float32, x is float64"


def test_wider_than_asked_is_no_loss():
    result = unblamed(
        lambda x: (np.sin(x), x), lambda d, x: d.astype(np.float64) * np.cos(x), {"x": X.astype(np.float32)}
    )
    assert (result.verdict, codes(result)) == ("pass", [])


def test_a_float16_overflow_is_named_for_what_it_is():
    """Two rows with next to no variance: dx overflows. That is no matter of the cotangent's layout."""
    result = gradcli.check_target("batchnorm", dtype="float16", seed=6)
    assert "GC105" in codes(result)
    assert "GC110" not in codes(result)


# --- the cache


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_cache_of_a_lower_precision_loses_digits(dtype):
    x = np.random.default_rng(0).standard_normal((3, 4))
    backward = lambda dout, kept: dout * kept.astype(np.float64)  # noqa: E731
    result = unblamed(lambda x: (np.sin(x), np.cos(x).astype(dtype)), backward, {"x": x})
    assert "GC104" in codes(result)
    mask = unblamed(lambda x: (2.0 * x * (x > 0), (2.0 * (x > 0)).astype(dtype)), backward, {"x": x})
    assert (mask.verdict, codes(mask)) == ("pass", [])


def shifted_norm_forward(x):
    """All outputs of each row add up to zero, and the shift takes three digits."""
    one = x.dtype.type
    c = x + one(1e3)
    c -= c.mean(axis=1, keepdims=True)
    s = one(1) / np.sqrt((c * c).mean(axis=1, keepdims=True) + one(1e-5))
    return (c * s).sum(), (c * s, s)


def shifted_norm_backward(dout, cache, part=1):
    y, s = cache
    g = np.full_like(y, dout)
    return s * (g - part * g.mean(axis=1, keepdims=True) - y * (g * y).mean(axis=1, keepdims=True))


@pytest.mark.parametrize("shape", [(4, 5), (3, 2), (2, 3)])
def test_noise_in_float32_around_a_constant_is_no_other_function(shape):
    for seed in range(5):
        inputs = {"x": np.random.default_rng(seed).standard_normal(shape).astype(np.float32)}
        right = unblamed(shifted_norm_forward, shifted_norm_backward, inputs, seed=seed)
        assert right.verdict != "fail", seed
        wrong = unblamed(
            shifted_norm_forward, lambda d, c: shifted_norm_backward(d, c, part=0), inputs, seed=seed
        )
        assert wrong.verdict == "fail", seed


def saturating_forward(x):
    """Of a small x the digits of 1 + x * x are few, as many as float32 has; of a larger one they are not."""
    h = np.sqrt(1 + x * x) - 1
    return (h / (1e-9 + h)).sum(), (x, h)


def saturating_backward(dout, cache):
    x, h = cache
    return dout * 1e-9 / (1e-9 + h) ** 2 * x / np.sqrt(1 + x * x)


def test_digits_that_only_small_numbers_lose_are_mostly_no_cast():
    alarms = 0
    for seed in range(12):
        inputs = {"x": 1e-4 * np.random.default_rng(seed).standard_normal(5)}
        right = unblamed(saturating_forward, saturating_backward, inputs, seed=seed)
        alarms += right.verdict == "fail"
        wrong = unblamed(saturating_forward, lambda d, c: -saturating_backward(d, c), inputs, seed=seed)
        assert wrong.verdict == "fail", seed
    assert alarms <= 1  # all but one before the digits of larger numbers were looked at


def centred_sum_forward(x):
    return (x - x.mean(axis=1, keepdims=True)).sum(axis=1), x.shape


def centred_sum_backward(dout, shape, part=1):
    g = np.repeat(dout[:, None], shape[1], axis=1)
    return g - part * g.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e3])
def test_what_a_linear_layer_leaves_of_zero_in_float32_is_its_rounding(size):
    """No move of an input shows that rounding, and one of the cotangent's last digit not always."""
    for seed in (0, 2, 8, 14):
        inputs = {"x": (size * np.random.default_rng(seed).standard_normal((2, 47))).astype(np.float32)}
        right = unblamed(centred_sum_forward, centred_sum_backward, inputs, seed=seed)
        assert right.verdict == "pass", seed
        wrong = unblamed(
            centred_sum_forward, lambda d, s: centred_sum_backward(d, s, 1.001), inputs, seed=seed
        )
        assert wrong.verdict == "fail", seed
