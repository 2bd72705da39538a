"""The function that is differentiated, its rounding, and the scale on which its inputs vary."""

import numpy as np
import pytest

from gradcli.numeric import Function, dropped_to, jitter_key, jittered, output_noise, spread


def function_of(f, **point) -> Function:
    return Function(lambda arrays: (np.asarray(f(**arrays)),), {n: np.asarray(a) for n, a in point.items()})


# --- evaluations


def test_every_call_counts_even_one_that_raises():
    def f(x):
        if x[0] != 1.0:
            raise ValueError("outside")
        return x

    function = function_of(f, x=np.ones(2))
    assert function.at({"x": np.zeros(2)}) is None
    assert function.at({"x": np.ones(2)}) is not None
    assert function.evaluations == 3


def test_at_the_point_itself_an_exception_propagates():
    with pytest.raises(ZeroDivisionError):
        function_of(lambda x: 1 // 0, x=np.ones(2))


def test_another_shape_at_a_moved_point_makes_the_evaluation_worthless():
    function = function_of(lambda x: x[x > 0], x=np.ones(3))
    assert function.change({"x": np.array([1.0, -1.0, 1.0])}) is None


def test_a_change_is_taken_in_float64_whatever_the_output():
    function = function_of(lambda x: x.astype(np.float16), x=np.full(2, 60000.0))
    (change,) = function.change({"x": np.full(2, -60000.0)})
    assert (change.dtype, change.tolist()) == (np.float64, [-120000.0, -120000.0])


def test_the_same_function_elsewhere_shares_the_count():
    function = function_of(lambda x: x**2, x=np.ones(2))
    there = function.elsewhere({"x": np.full(2, 3.0)})
    assert there.base[0].tolist() == [9.0, 9.0]
    assert function.evaluations == there.evaluations == 2


# --- spread


@pytest.mark.parametrize(
    ("array", "scale"),
    [
        ([1e3 + 1e-4, 1e3 - 1e-4], 1e-4),
        ([1.0, -1.0], 1.0),
        ([5.0, 5.0, 5.0], 5.0),
        (3.0, 3.0),
        ([0.0, 0.0], 1.0),
        (np.zeros((0, 2)), 1.0),
        ([[1e-200, -1e-200]], 1e-200),
        ([np.inf, 1.0], 1.0),
        ([np.nan, 1.0], 1.0),
    ],
)
def test_the_spread_is_how_far_values_lie_apart_else_how_large_they_are(array, scale):
    with np.errstate(all="ignore"):
        assert spread(np.asarray(array)) == pytest.approx(scale, rel=1e-6)


# --- jitter


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_jitter_moves_by_one_ulp_up_or_down(dtype):
    x = np.random.default_rng(0).standard_normal(500).astype(dtype)
    moved = jittered(x, jitter_key(np.random.default_rng(1)))
    ulps = (moved.astype(np.float64) - x) / np.spacing(np.abs(x)).astype(np.float64)
    assert moved.dtype == dtype
    assert set(np.sign(ulps)) == {-1.0, 1.0}
    assert np.max(np.abs(ulps)) <= 1.0


def test_jitter_keeps_zeros_and_ties_within_and_between_arrays():
    x = np.array([0.0, 1.5, 1.5, -2.0, 0.0, 1.5])
    for seed in range(20):
        key = jitter_key(np.random.default_rng(seed))
        moved = jittered(x, key)
        assert moved[0] == moved[4] == 0.0
        assert moved[1] == moved[2] == moved[5] == jittered(np.array([[1.5]]), key)[0, 0]


def test_jitter_leaves_alone_what_is_not_floating():
    for array in (np.arange(4), np.array([True, False]), np.zeros((0, 3)), np.array([1j])):
        assert jittered(array, 12345) is array


def test_a_coarse_jitter_moves_float64_by_the_grain_of_float32():
    x = np.random.default_rng(0).standard_normal(100)
    moved = np.abs(jittered(x, jitter_key(np.random.default_rng(3)), coarse=2.0**-23) - x)
    assert moved.dtype == np.float64
    assert 2**-26 < np.max(moved / np.abs(x)) < 2**-22


def test_what_is_not_finite_stays_so_without_a_warning():
    with np.errstate(all="raise"):
        moved = jittered(np.array([np.inf, -np.inf, np.nan, 0.0]), 12345)
    assert not np.isfinite(moved[:3]).any()
    assert moved[3] == 0.0


# --- rounding of outputs


def test_the_noise_of_an_output_is_what_cancellation_leaves():
    function = function_of(lambda x: (1e6 + x) - 1e6, x=np.linspace(0.1, 1, 50))
    (noise,) = output_noise(function, np.random.default_rng(0))
    # A jitter of x vanishes behind 1e6; the least that is assumed is one unit in the last place.
    assert np.all(noise >= np.finfo(float).eps * np.abs(function.base[0]))


def test_the_noise_of_an_ill_conditioned_output_is_large():
    x = 1e3 + 1e-4 * np.linspace(-1, 1, 20)
    function = function_of(lambda x: (x - x.mean()) / x.std(), x=x)
    (noise,) = output_noise(function, np.random.default_rng(0))
    assert 1e-10 < np.median(noise) < 1e-7


def test_the_noise_of_a_float16_output_has_its_own_precision():
    function = function_of(lambda x: x.astype(np.float16), x=np.full(3, 0.3))
    (noise,) = output_noise(function, np.random.default_rng(0))
    assert np.all(noise > 1e-4)


# --- digits dropped inside


def drops(f, x) -> bool:
    rng = np.random.default_rng(0)
    function = function_of(lambda x: f(x), x=x)
    with np.errstate(over="ignore"):
        return dropped_to(function, output_noise(function, rng), rng) > 0


X = np.random.default_rng(5).standard_normal((4, 5))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sin(x.astype(np.float32)).astype(np.float64),
        lambda x: np.sin(x).astype(np.float32).astype(np.float64),
        lambda x: (x.astype(np.float32) @ X.T.astype(np.float32)).astype(np.float64),
        lambda x: np.exp(x.astype(np.float16)).astype(np.float64),
    ],
    ids=["before", "after", "a product", "float16"],
)
def test_a_cast_inside_is_seen(f):
    assert drops(f, X)


def test_a_cast_of_small_numbers_is_seen():
    """Its grain is no more than a large number would leave in float64, but grows with the numbers."""
    assert drops(lambda x: np.sin(x.astype(np.float32)).astype(np.float64), 1e-3 * X)
    assert drops(lambda x: (x.astype(np.float32) + np.float32(1e-3)).astype(np.float64) - 1e-3, 1e-3 * X)
    assert drops(lambda x: 1e-3 * np.sin(1e3 * x).astype(np.float32).astype(np.float64), 1e-3 * X)


@pytest.mark.parametrize("size", [1e-2, 1e-3])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_cast_beside_one_is_seen_where_inputs_are_so_small_that_it_swallows_their_moves(dtype, size):
    for f in (np.exp, lambda x: np.log(1 + x), lambda x: 1 / (1 + np.exp(-x))):
        assert drops(lambda x, f=f: f(x.astype(dtype)).astype(np.float64), size * X)


@pytest.mark.parametrize("size", [1e-2, 1e-3])
def test_what_stands_still_at_small_numbers_drops_nothing(size):
    for f in (
        lambda x: np.clip(x, -0.1 * size, 0.1 * size),
        lambda x: np.sign(x) * np.maximum(np.abs(x) - 4 * size, 0.0) + 0.3,
        lambda x: np.maximum(x - 5 * size, 0.0) + 0.3,
        lambda x: np.sqrt(1 + x**2),
    ):
        assert not drops(f, size * X)


@pytest.mark.parametrize(("shift", "size"), [(3e4, 1e-3), (3e5, 1e-3), (2e6, 1e-3), (2e6, 1e-6)])
def test_what_an_addition_leaves_of_small_numbers_is_no_lower_precision(shift, size):
    for seed in range(8):
        x = size * np.random.default_rng(seed).standard_normal((4, 3))
        assert not drops(lambda x: (x + shift) - shift, x), seed


@pytest.mark.parametrize(
    "f",
    [
        np.sin,
        np.abs,
        lambda x: x @ X.T,
        lambda x: np.log(1 + np.exp(-np.abs(x))),
        lambda x: 1e8 + x,
        lambda x: (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5),
        lambda x: np.maximum(x, 0),
        lambda x: np.zeros(3),
        lambda x: np.round(x),
        lambda x: x * np.float32(0.1),
    ],
    ids=[
        "sin",
        "abs",
        "product",
        "softplus",
        "1e8 + x",
        "batchnorm",
        "relu",
        "constant",
        "stairs",
        "constant32",
    ],
)
@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e3])
def test_float64_code_drops_nothing(f, scale):
    assert not drops(f, scale * X)


@pytest.mark.parametrize("speed", [1e4, 5e4, 1e6, 1e8])
def test_a_function_faster_than_the_moves_drops_nothing(speed):
    """Its moves land anywhere, now and then as on a line with a grain."""
    for seed in range(20):
        x = speed * np.random.default_rng(seed).standard_normal((3, 4))
        assert not drops(lambda x: np.log(2 + np.sin(x)), x), seed
        assert not drops(lambda x: x * np.sin(x), x), seed


@pytest.mark.parametrize("speed", [1.0, 30.0, 1e3])
def test_a_cast_inside_a_fast_function_is_seen(speed):
    for seed in range(10):
        x = np.random.default_rng(seed).standard_normal((3, 4))
        assert drops(lambda x: np.log(2 + np.sin(speed * x.astype(np.float32)).astype(np.float64)), x), seed
