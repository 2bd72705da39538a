"""Gradients that drown in the rounding of a much larger output are open, never wrong for sure."""

import numpy as np
import pytest

import gradcli
from tests.targets.habits.sums import squeeze_excite_backward, squeeze_excite_forward

SEEDS = range(3)
BESIDE_LARGE = ((1.0, 1e-10, 1), (1.0, 1e-10, 2), (30.0, 1e-10, 0), (30.0, 0.0, 6))


def verdict(forward, backward, seed, **inputs) -> str:
    return gradcli.check(forward, backward, inputs=inputs, seed=seed, blame=False).verdict


def bounded_forward(x):
    return 1e13 + 0.02 * np.tanh(x / 1e6), x


def bounded_backward(dout, x):
    return dout * 2e-8 / np.cosh(x / 1e6) ** 2


def test_far_steps_on_a_bounded_function_are_no_proof_of_a_zero():
    for seed in SEEDS:
        x = 1e6 * np.random.default_rng(seed).standard_normal((4, 1))
        assert verdict(bounded_forward, bounded_backward, seed, x=x) != "fail", seed
        wrong = verdict(bounded_forward, lambda d, x: 1e3 * bounded_backward(d, x), seed, x=x)
        assert wrong == "fail", seed


def hiding_forward(x):
    return (x**6, np.cos(1e-4 * x)), x


def hiding_backward(douts, x):
    return douts[0] * 6 * x**5 - douts[1] * 1e-4 * np.sin(1e-4 * x)


def test_an_output_that_stays_as_it_is_may_hide_its_rounding():
    for seed in SEEDS:
        x = 1e-4 * np.random.default_rng(seed).standard_normal(4)
        assert verdict(hiding_forward, hiding_backward, seed, x=x) != "fail", seed


@pytest.mark.parametrize("lost", [0, 1])
def test_where_it_shows_a_lost_term_is_seen(lost):
    def backward(douts, x):
        return hiding_backward([0 * d if i == lost else d for i, d in enumerate(douts)], x)

    for seed in SEEDS:
        x = np.random.default_rng(seed).standard_normal(4) + (1.0 if lost == 0 else 0.0)
        x = x if lost == 0 else 1e-2 * x
        assert verdict(hiding_forward, backward, seed, x=x) == "fail", seed


def large_and_small_forward(x, y):
    size = np.abs(x) + 1e-3
    return (y**2).sum() + (np.log(size) ** 2).sum(), (x, y, size)


def large_and_small_backward(dout, cache):
    x, y, size = cache
    return 2 * dout * np.log(size) / size * np.sign(x), 2 * dout * y


@pytest.mark.parametrize("large", [1.0, 1e6, 1e7, 1e8])
def test_a_complex_step_is_not_borne_out_by_differences_that_see_nothing(large):
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        x = np.sign(rng.standard_normal(6)) * 10 ** rng.uniform(-3, 4, 6)
        y = large * rng.standard_normal(3)
        found = verdict(large_and_small_forward, large_and_small_backward, seed, x=x, y=y)
        assert found == "pass" if large == 1.0 else found != "fail", seed


def of_tiny_products_forward(x):
    product = np.prod(x)
    return np.log(1 + np.exp(product)), (x, product)


def of_tiny_products_backward(dout, cache):
    x, product = cache
    return dout / (1 + np.exp(-product)) * product / x


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("factor", [1.0, 0.5, -1.0])
def test_what_no_step_can_show_is_not_called_zero_where_far_moves_show_it(factor, dtype):
    def backward(dout, cache):
        return dout.dtype.type(factor) * of_tiny_products_backward(dout, cache)

    for seed in SEEDS:
        x = (1e-8 * np.random.default_rng(seed).standard_normal(3)).astype(dtype)
        assert verdict(of_tiny_products_forward, backward, seed, x=x) == "inconclusive", seed


CENTRED = {
    "a mean taken off": (lambda x: x - x.mean(), lambda dout: dout - dout.mean()),
    "a sum of what is centred": (lambda x: np.sum(x - x.mean()), lambda dout: dout * np.zeros(6)),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("scale", "seed"), [(1e-4, 0), (1.0, 1), (1e4, 2), (1e6, 0)])
@pytest.mark.parametrize("name", CENTRED)
def test_what_stands_still_however_far_it_is_moved_has_a_gradient_of_zero(name, scale, seed, dtype):
    f, slope = CENTRED[name]

    def forward(x, shift):
        return f(x + shift), None

    def backward(dout, _):
        dx = np.broadcast_to(slope(dout), (6,)).astype(dtype)
        return dx, np.sum(dx, keepdims=True)

    def wrong(dout, _):
        dx, shift = backward(dout, None)
        return dx, shift + np.asarray(1e-3, dtype)

    rng = np.random.default_rng(seed)
    inputs = {"x": scale * rng.standard_normal(6), "shift": scale * rng.standard_normal(1)}
    inputs = {key: array.astype(dtype) for key, array in inputs.items()}
    assert verdict(forward, backward, 0, **inputs) == "pass"
    assert verdict(forward, wrong, 0, **inputs) == "fail"


@pytest.mark.parametrize(("size", "eps", "seed"), [*((0.3, 1e-5, s) for s in (0, 2, 5)), *BESIDE_LARGE])
def test_a_bias_before_a_normalisation_of_far_smaller_numbers_has_a_gradient_of_zero(size, eps, seed):
    rng = np.random.default_rng(seed)
    inputs = {"x": 1e-4 * rng.standard_normal((5, 3)), "b": size * rng.standard_normal(3)}

    def forward(x, b):
        centred = x + b - (x + b).mean(axis=0)
        inv_std = 1 / np.sqrt((centred**2).mean(axis=0) + eps)
        return centred * inv_std, (centred * inv_std, inv_std)

    def backward(dout, cache):
        hat, inv_std = cache
        dx = inv_std * (dout - dout.mean(axis=0) - hat * (dout * hat).mean(axis=0))
        return dx, dx.sum(axis=0)

    def uncentred(dout, cache):
        dx, db = backward(dout, cache)
        return dx, db + 1e-6 * cache[1] * dout.sum(axis=0)

    assert verdict(forward, backward, seed, **inputs) == "pass"
    assert verdict(forward, uncentred, seed, **inputs) == "fail"


@pytest.mark.parametrize("seed", [0, 9, 29])
def test_what_only_far_steps_show_may_be_the_slope_of_another_branch(seed):
    """The smallest number has the least value; moved far either way, it has the largest."""
    x = 1e-5 * np.random.default_rng(seed).standard_normal(6)
    x[2] = 9e-10

    def forward(x):
        length = np.sqrt(1 + x * x)
        return np.array(length.max() - length.min()), (x, length)

    def backward(dout, cache):
        x, length = cache
        grad = np.zeros_like(x)
        grad[length.argmax()] += dout
        grad[length.argmin()] -= dout
        return grad * x / length

    assert verdict(forward, backward, seed, x=x) != "fail"
    assert verdict(forward, lambda d, cache: -backward(d, cache), seed, x=x) == "fail"


SURE = {
    "two rows": [[0.0, -39.0, -234.0, -1900.0], [-400.0, -1650.0, 1300.0, -40.0]],
    "just below rounding": [[0.0, -38.0, -45.0, -60.0]],
    "far below": [[0.0, -100.0, -200.0, -300.0]],
}


@pytest.mark.parametrize("x", SURE.values(), ids=SURE)
@pytest.mark.parametrize("seed", [0, 4])
def test_what_forward_knows_to_its_last_digit_is_no_zero(x, seed):
    """A softmax so sure that what is left of the largest one's gradient is less than the rounding of one; of
    the others nothing drowns."""

    def forward(x):
        small = np.exp(x - x.max(axis=1, keepdims=True))
        return (y := small / small.sum(axis=1, keepdims=True)), y

    def backward(dout, y):
        return y * (dout - (dout * y).sum(axis=1, keepdims=True))

    assert verdict(forward, backward, seed, x=np.array(x)) == "pass"
    for factor in (-1, 1.01, 2):
        assert verdict(forward, lambda d, y, f=factor: f * backward(d, y), seed, x=np.array(x)) == "fail"


def test_what_cannot_be_told_from_zero_is_named_as_such():
    """The sum of a softmax is one: the gradient is zero, and what backward gives is far below rounding."""
    x = np.array([[0.3, -1.2, 2.0], [0.1, 0.7, -0.4]])

    def forward(x):
        y = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
        return y.sum(axis=1), y

    def message(least):
        def backward(dout, y):
            return least * np.repeat(dout[:, None], 3, axis=1) * y

        result = gradcli.check(forward, backward, {"x": x}, blame=False)
        return next(v.message for v in result.violations if v.code == "GC201")

    assert "cannot be told" in message(1e-30)
    assert message(0.0) == "the gradient of x is zero everywhere: passing proves little"


@pytest.mark.parametrize("seed", [1, 24, 34])
@pytest.mark.parametrize(("factor", "verdicts"), [(1.0, {"pass", "inconclusive"}), (1.5, {"fail"})])
def test_what_lies_between_the_slopes_of_far_kinks_is_not_the_gradient(factor, verdicts, seed):
    """A gate of tiny numbers, whose kinks lie nearer than the steps that rise from its rounding."""
    rng = np.random.default_rng(seed)
    inputs = {"x": 1e-4 * rng.standard_normal((4, 3, 5, 3))}
    inputs |= {"W1": 0.3 * rng.standard_normal((3, 6)), "W2": 0.3 * rng.standard_normal((6, 3))}

    def backward(dout, cache):
        dx, dW1, dW2 = squeeze_excite_backward(dout, cache)
        return dx, factor * dW1, dW2

    assert gradcli.check(squeeze_excite_forward, backward, inputs, blame=False).verdict in verdicts
