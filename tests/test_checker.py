"""The spine, end to end: the main example on hundreds of seeds, every memory layout, what a result holds."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

import gradcli
from gradcli import checker
from gradcli.errors import UsageError
from gradcli.layers.batchnorm import batchnorm_backward, batchnorm_forward
from gradcli.problem import Problem, Run
from gradcli.result import CheckResult
from gradcli.spec import Settings
from tests.numeric.closed_forms import codes

X = np.random.default_rng(0).standard_normal((3, 4))


def product(x, w):
    return np.sin(x) * w, (x, w)


def product_backward(dout, cache):
    x, w = cache
    return dout * np.cos(x) * w, dout * np.sin(x)


# --- the main example


def batchnorm_2_by_3(seed: int, wrong: Any = ..., factor: float = 1.0001) -> CheckResult:
    """Batch 2 is hard: x_hat is ±1 almost exactly, and dx about 1e-5 is left of terms of order one.

    `wrong` is an index into dx: what of it is off by the factor.
    """
    rng = np.random.default_rng(seed)
    inputs = {
        "x": rng.standard_normal((2, 3)),
        "gamma": rng.standard_normal(3),
        "beta": rng.standard_normal(3),
    }

    def backward(dout, cache):
        dx, dgamma, dbeta = batchnorm_backward(dout, cache)
        dx[wrong] *= factor
        return dx, dgamma, dbeta

    # Which line it is would be looked for on every failure, and is no question of this file.
    return gradcli.check(batchnorm_forward, backward, inputs, {"eps": 1e-5}, seed=seed, blame=False)


def verdicts(result: CheckResult) -> tuple[str, ...]:
    return (result.verdict, *(gradient.verdict for gradient in result.gradients.values()))


def test_batchnorm_2_by_3_fails_if_one_element_of_dx_is_wrong_by_1_0001():
    seeds = range(0, 1000, 83)  # each of the six elements in turn, twice
    found = Counter(verdicts(batchnorm_2_by_3(seed, (seed % 2, seed % 3))) for seed in seeds)
    assert found == {("fail", "fail", "pass", "pass"): len(seeds)}


def test_batchnorm_2_by_3_fails_if_dx_is_wrong_by_1_0001():
    found = Counter(verdicts(batchnorm_2_by_3(seed, ...)) for seed in range(0, 1000, 100))
    assert found == {("fail", "fail", "pass", "pass"): 10}


def test_batchnorm_2_by_3_passes_on_every_seed():
    found = Counter()
    for seed in range(100):
        result = batchnorm_2_by_3(seed, factor=1.0)
        found[(result.verdict, *codes(result))] += 1
    assert found == {("pass",): 100}


@pytest.mark.parametrize("seed", range(3))
def test_the_target_batchnorm_compares_all_12_elements(seed):
    result = gradcli.check_target("batchnorm", batch=2, features=3, seed=seed)
    assert result.passed
    assert (result.compared, result.size) == (12, 12)


def test_a_lost_variance_term_fails_though_the_gradient_is_tiny():
    def detached(dout, cache):
        _, dgamma, dbeta = batchnorm_backward(dout, cache)
        dx_hat = dout * cache.gamma
        return (dx_hat - dx_hat.mean(axis=0)) / np.sqrt(cache.var + cache.eps), dgamma, dbeta

    rng = np.random.default_rng(5)
    inputs = {"x": rng.standard_normal((8, 3)), "gamma": np.ones(3), "beta": np.zeros(3)}
    result = gradcli.check(batchnorm_forward, detached, inputs)
    assert [gradient.verdict for gradient in result.gradients.values()] == ["fail", "pass", "pass"]


def test_ones_as_cotangent_hide_every_error_of_batchnorm_and_the_check_says_so():
    """With ones dx vanishes, for right and wrong code alike: passing proves little."""
    inputs = {"x": X, "gamma": np.ones(4), "beta": np.zeros(4)}

    def off(dout, cache):
        dx, dgamma, dbeta = batchnorm_backward(dout, cache)
        return 1.5 * dx, dgamma, dbeta

    result = gradcli.check(batchnorm_forward, off, inputs, cotangent=np.ones((3, 4)))
    assert result.gradients["x"].note == "zero"
    assert "GC201" in codes(result)
    assert gradcli.check(batchnorm_forward, off, inputs).verdict == "fail"


# --- memory layouts of the inputs


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


WIDE = np.random.default_rng(1).standard_normal((6, 8))
LAYOUTS = {
    "C": X,
    "Fortran": np.asfortranarray(X),
    "transposed": WIDE.T[:4, :3],
    "every other": WIDE[::2, ::2],
    "backwards": X[::-1, ::-1],
    "read-only": read_only(X),
    "broadcast": np.broadcast_to(X[0], (3, 4)),
    "0-d": np.array(0.7),
    "one element": np.array([[0.7]]),
    "5-d": WIDE[:, :4].reshape(2, 1, 3, 2, 2),
    "byte-swapped": X.astype(">f8"),
}


@pytest.mark.parametrize("x", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_layout_of_an_input_does_not_matter(x):
    w = np.cos(np.arange(x.size)).reshape(x.shape)
    right = gradcli.check(product, product_backward, {"x": x, "w": w})
    assert (right.verdict, codes(right)) == ("pass", [])
    assert right.gradients["x"].shape == x.shape
    index = tuple(n - 1 for n in x.shape)

    def wrong(dout, cache):
        dx, dw = product_backward(dout, cache)
        dx = np.array(dx)
        dx[index] *= 1.001
        return dx, dw

    found = gradcli.check(product, wrong, {"x": x, "w": w}).gradients["x"]
    assert (found.verdict, found.worst_index) == ("fail", index)


def test_an_empty_input_beside_others_is_not_compared_and_not_wrong():
    result = gradcli.check(
        lambda x, y: (np.sin(y), y),
        lambda d, y: (np.zeros((0, 3)), d * np.cos(y)),
        {"x": np.zeros((0, 3)), "y": X},
    )
    assert (result.verdict, result.gradients["x"].compared) == ("pass", 0)


def test_integers_and_booleans_are_inputs_without_a_gradient():
    def forward(x, rows, mask):
        return x[rows] * mask, (x, rows, mask)

    def backward(dout, cache):
        x, rows, mask = cache
        dx = np.zeros_like(x)
        np.add.at(dx, rows, dout * mask)
        return dx

    def overwrites(dout, cache):
        x, rows, mask = cache
        dx = np.zeros_like(x)
        dx[rows] = dout * mask
        return dx

    inputs = {"x": X, "rows": np.array([0, 2, 2, 1]), "mask": np.array([True, False, True, True])}
    assert gradcli.check(forward, backward, inputs).passed
    result = gradcli.check(forward, overwrites, inputs)
    assert list(result.gradients) == ["x"]
    assert result.gradients["x"].worst_index[0] == 2


def test_without_an_input_that_has_a_gradient_there_is_nothing_to_check():
    with pytest.raises(UsageError) as caught:
        gradcli.check(lambda n: n * 1.0, lambda d: (), {"n": np.arange(3)})
    assert str(caught.value) == (
        "<lambda>: no floating-point input, so there is no gradient to check (n is int64)"
    )


# --- outputs and cotangents


def test_several_outputs_each_get_a_cotangent():
    def forward(x):
        return (np.sin(x), np.sum(x**2)), x

    def backward(douts, x):
        return douts[0] * np.cos(x) + 2 * douts[1] * x

    assert gradcli.check(forward, backward, {"x": X}).passed
    assert gradcli.check(forward, lambda d, x: d[0] * np.cos(x), {"x": X}).verdict == "fail"
    assert gradcli.check(forward, lambda d, x: 2 * d[1] * x, {"x": X}).verdict == "fail"


def test_the_cotangent_of_a_scalar_loss_is_never_one_nor_near_zero():
    for seed in range(50):
        result = gradcli.check(
            lambda x: (np.sum(x), x), lambda d, x: d * np.ones(x.shape), {"x": X}, seed=seed
        )
        assert 1.25 <= abs(float(result.arrays["cotangent"])) <= 2.5


def test_a_cotangent_that_is_given_is_used():
    cotangent = np.zeros((3, 4))
    cotangent[1, 2] = 2.0
    result = gradcli.check(product, product_backward, {"x": X, "w": X + 1}, cotangent=cotangent)
    assert result.passed
    assert np.array_equal(result.arrays["cotangent"], cotangent)
    assert result.gradients["x"].analytic[1, 2] == pytest.approx(2 * np.cos(X[1, 2]) * (X[1, 2] + 1))
    assert np.count_nonzero(result.gradients["x"].analytic) == 1


def test_a_cotangent_of_another_shape_is_refused():
    with pytest.raises(UsageError) as caught:
        gradcli.check(product, product_backward, {"x": X, "w": X}, cotangent=np.ones(4))
    assert str(caught.value) == "product: the cotangent has shape (4,), but forward returned (3, 4)"


# --- what a result holds


def test_the_same_seed_gives_the_same_result_and_another_one_another_cotangent():
    def run(seed):
        return gradcli.check(product, product_backward, {"x": X, "w": X + 1}, seed=seed)

    first, again, other = run(3), run(3), run(4)
    assert np.array_equal(first.arrays["cotangent"], again.arrays["cotangent"])
    assert np.array_equal(first.gradients["x"].numeric, again.gradients["x"].numeric)
    assert first.evaluations == again.evaluations
    assert not np.array_equal(first.arrays["cotangent"], other.arrays["cotangent"])


def test_a_gradient_says_what_was_compared_and_what_decided():
    def wrong(dout, cache):
        dx, dw = product_backward(dout, cache)
        dx[2, 1] += 0.5
        return dx, dw

    result = gradcli.check(product, wrong, {"x": X, "w": X + 1})
    gradient = result.gradients["x"]
    at = gradient.worst_index
    assert at == (2, 1)
    assert gradient.error[at] == pytest.approx(0.5)
    assert gradient.error[at] > gradient.allowed[at]
    larger = max(abs(gradient.analytic[at]), abs(gradient.numeric[at]))
    assert gradient.relative_error == pytest.approx(0.5 / larger)
    assert (gradient.compared, gradient.size, gradient.failing.sum()) == (12, 12, 1)


def test_the_arrays_of_a_result_are_those_of_the_first_calls():
    result = gradcli.check(product, product_backward, {"x": X, "w": X + 1})
    assert np.array_equal(result.arrays["in/x"], X)
    assert np.array_equal(result.arrays["out"], np.sin(X) * (X + 1))


def test_gradients_stand_in_the_order_of_the_inputs():
    result = gradcli.check(
        lambda b, a: (a * b, (a, b)), lambda d, c: {"a": d * c[1], "b": d * c[0]}, {"b": X, "a": X + 1}
    )
    assert list(result.gradients) == ["b", "a"]


def test_progress_rises_to_one():
    seen = []
    problem = Problem(
        "id",
        "target",
        lambda arrays: Run((np.array(np.sum(np.abs(arrays["x"]) ** 3)),), arrays["x"].copy()),
        lambda cotangents, x: {"x": cotangents[0] * 3 * x * np.abs(x)},
        {"x": X},
    )
    result = checker.run(problem, Settings(), progress=lambda fraction, text: seen.append((fraction, text)))
    assert result.passed
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] < 1 == fractions[-1]
    assert {text for _, text in seen} == {"id"}


def test_numpys_warnings_and_error_settings_stay_with_the_caller():
    def forward(x):
        np.log(np.zeros(1))
        return np.sin(x), x

    before = np.geterr()
    assert gradcli.check(forward, lambda d, x: d * np.cos(x), {"x": X}).passed
    assert np.geterr() == before


# --- the whole check costs little


@pytest.mark.parametrize("size", [4, 40])
def test_a_check_of_an_elementwise_layer_costs_as_much_at_every_size(size):
    x = np.random.default_rng(2).standard_normal((size, size))
    result = gradcli.check(product, product_backward, {"x": x, "w": x.T.copy()})
    assert result.passed
    assert result.evaluations <= 57  # those that measure rounding serve both sides
    assert result.backward_evaluations <= 22
