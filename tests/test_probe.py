"""Random directions through inputs too large for their elements: no error larger than is said is missed."""

from functools import partial

import numpy as np
import pytest

import gradcli
from gradcli.layers.affine import affine_backward, affine_forward
from tests.numeric.closed_forms import codes

unblamed = partial(gradcli.check, blame=False)  # no line is asked for, which takes longer than a check

RNG = np.random.default_rng(3)
AFFINE = {
    "x": RNG.standard_normal((16, 250)),
    "W": RNG.standard_normal((250, 400)),
    "b": RNG.standard_normal(400),
}
WEIGHTS = RNG.standard_normal(20_000)
POINT = RNG.standard_normal(20_000) + 0.1


class Counted:
    """A forward that knows how often it was called."""

    def __init__(self, forward):
        self.forward = forward
        self.calls = 0

    def __call__(self, *inputs):
        self.calls += 1
        return self.forward(*inputs)


def spoilt(backward, name, index, factor):
    """A backward with one wrong element in one gradient."""

    def wrong(dout, cache):
        gradients = list(backward(dout, cache))
        place = list(AFFINE).index(name)
        gradients[place] = gradients[place].copy()
        gradients[place][index] *= factor
        return gradients

    return wrong


@pytest.mark.parametrize("index", [(0, 0), (123, 45), (249, 399)])
def test_one_wrong_element_of_1e5_is_found_with_its_index(index):
    forward = Counted(lambda x, W, b: affine_forward(x, W, b))
    wrong = spoilt(affine_backward, "W", index, 1.01)
    result = unblamed(forward, wrong, AFFINE, elements="probe")
    gradient = result.gradients["W"]
    assert (result.verdict, codes(result)) == ("fail", ["GC101"])
    assert (gradient.verdict, gradient.worst_index, gradient.compared) == ("fail", index, 1)
    assert [result.gradients[name].verdict for name in ("x", "b")] == ["pass", "pass"]
    assert forward.calls <= 300


def test_correct_gradients_pass_with_eight_probes_each():
    result = unblamed(affine_forward, affine_backward, AFFINE, elements="probe")
    assert (result.verdict, codes(result)) == ("pass", [])
    for gradient in result.gradients.values():
        assert (gradient.method, gradient.probes, gradient.compared) == ("probe", 8, 0)
        assert gradient.detectable is not None
        assert 0 < gradient.detectable < 1e-3 * np.abs(gradient.analytic).max()


def test_what_probes_do_not_compare_is_not_a_number():
    gradient = unblamed(affine_forward, affine_backward, AFFINE, elements="probe").gradients["W"]
    assert np.isnan(gradient.numeric).all()
    assert np.isnan(gradient.allowed).all()


# --- without any structure

LOSSES = {
    "linear": (lambda x: np.sum(x * WEIGHTS), lambda x: WEIGHTS),
    "complex": (lambda x: np.sum(np.sin(x) * WEIGHTS), lambda x: np.cos(x) * WEIGHTS),
    "central": (
        lambda x: np.sum(np.abs(np.sin(x)) * WEIGHTS),
        lambda x: np.cos(x) * np.sign(np.sin(x)) * WEIGHTS,
    ),
}


@pytest.mark.parametrize(("loss", "gradient"), LOSSES.values(), ids=LOSSES.keys())
def test_one_wrong_element_of_a_scalar_loss_is_found(loss, gradient):
    forward = Counted(lambda x: (loss(x), x))

    def wrong(dout, x):
        dx = dout * gradient(x)
        dx[777] += 1e-2 * dout
        return dx

    result = unblamed(forward, wrong, {"x": POINT}, elements="probe")
    assert (result.verdict, result.gradients["x"].worst_index) == ("fail", (777,))
    assert forward.calls <= 600


@pytest.mark.parametrize(("loss", "gradient"), LOSSES.values(), ids=LOSSES.keys())
def test_a_correct_scalar_loss_passes(loss, gradient):
    for seed in range(3):
        result = unblamed(
            lambda x: (loss(x), x), lambda d, x: d * gradient(x), {"x": POINT}, elements="probe", seed=seed
        )
        assert result.passed


def test_an_error_as_small_as_the_detectable_one_is_seen_on_every_seed():
    loss, gradient = LOSSES["complex"]

    def check(error, seed):
        def backward(dout, x):
            dx = dout * gradient(x)
            dx[4242] += error * dout / 1.25  # |dout| is at least 1.25
            return dx

        return unblamed(lambda x: (loss(x), x), backward, {"x": POINT}, elements="probe", seed=seed)

    detectable = check(0.0, 0).gradients["x"].detectable
    assert detectable is not None
    for seed in range(3):
        assert check(1.2 * detectable, seed).verdict == "fail"
        assert check(-1.2 * detectable, seed).verdict == "fail"
    assert check(1e-3 * detectable, 0).verdict == "pass"


def test_errors_that_cancel_in_a_sum_of_ones_do_not_cancel_along_random_signs():
    loss, gradient = LOSSES["linear"]

    def backward(dout, x):
        dx = dout * gradient(x)
        dx[10] += 0.5 * dout
        dx[20] -= 0.5 * dout
        return dx

    result = unblamed(lambda x: (loss(x), x), backward, {"x": POINT}, elements="probe")
    assert (result.verdict, result.gradients["x"].worst_index[0] in (10, 20)) == ("fail", True)


@pytest.mark.parametrize("factor", [1 + 1e-5, -1.0, 0.0])
def test_an_error_everywhere_is_seen(factor):
    result = unblamed(
        affine_forward, lambda d, c: [factor * g for g in affine_backward(d, c)], AFFINE, elements="probe"
    )
    assert [gradient.verdict for gradient in result.gradients.values()] == ["fail"] * 3


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_element_that_is_not_finite_fails(bad):
    def backward(dout, cache):
        dx, dw, db = affine_backward(dout, cache)
        dw[3, 4] = bad
        return dx, dw, db

    result = unblamed(affine_forward, backward, AFFINE, elements="probe")
    assert result.verdict == "fail"
    assert "GC105" in codes(result)


def test_the_promises_are_tested_whatever_is_probed():
    result = unblamed(
        affine_forward, lambda d, c: (affine_backward(d, c)[0], None, d.sum(axis=0)), AFFINE, elements="probe"
    )
    assert codes(result) == ["GC102"]


def test_an_input_without_elements_and_one_with_a_single_one_can_be_probed():
    def forward(x, y):
        return np.sin(x) * (1 + y.sum()), (x, y)

    def backward(dout, cache):
        x, y = cache
        return dout * np.cos(x) * (1 + y.sum()), np.full(y.shape, np.sum(dout * np.sin(x)))

    inputs = {"x": np.array(0.7), "y": np.zeros((0, 3))}
    assert unblamed(forward, backward, inputs, elements="probe").verdict == "pass"
    wrong = unblamed(
        forward, lambda d, c: (1.001 * backward(d, c)[0], backward(d, c)[1]), inputs, elements="probe"
    )
    assert (wrong.verdict, wrong.gradients["x"].worst_index) == ("fail", ())


def test_separable_axes_keep_a_wrong_element_of_a_crowd_apart():
    x = RNG.standard_normal((40, 50, 30))
    factor = np.ones(x.shape)
    factor[31, 7, 22] = 1.001

    def normalise(x):
        return x / (1 + np.sum(x * x, axis=1, keepdims=True)), x

    def backward(dout, x):
        total = 1 + np.sum(x * x, axis=1, keepdims=True)
        return factor * (dout / total - 2 * x * np.sum(dout * x, axis=1, keepdims=True) / total**2)

    result = unblamed(normalise, backward, {"x": x}, elements="probe")
    assert (result.verdict, result.gradients["x"].worst_index) == ("fail", (31, 7, 22))


def test_kinks_in_a_crowd_are_no_false_alarm_and_hide_no_error_everywhere():
    """A third of the elements is exactly at the kink of a relu."""
    x = np.random.default_rng(4).integers(-1, 2, WEIGHTS.shape).astype(float)

    def check(factor):
        return unblamed(
            lambda x: (np.sum(np.maximum(x, 0) * WEIGHTS), x),
            lambda d, x: factor * d * WEIGHTS * (x > 0),
            {"x": x},
            elements="probe",
        )

    assert check(1.0).verdict != "fail"
    assert check(1.01).verdict != "pass"


# --- kinks

STEPS = np.random.default_rng(5).integers(-8, 9, 20_000) / 2.0  # every corner below is hit many times
KINKED = {
    "relu": (lambda x: np.maximum(x, 0), lambda x: 1.0 * (x > 0)),
    "hardsigmoid": (lambda x: np.clip(x / 6 + 0.5, 0, 1), lambda x: (np.abs(x) < 3) / 6),
    "hardswish": (
        lambda x: x * np.clip(x + 3, 0, 6) / 6,
        lambda x: np.where(x < -3, 0, np.where(x > 3, 1, (2 * x + 3) / 6)),
    ),
    "softshrink": (lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0), lambda x: 1.0 * (np.abs(x) > 0.5)),
}


@pytest.mark.parametrize("x", [STEPS, POINT], ids=["at kinks", "beside kinks"])
@pytest.mark.parametrize(("f", "derivative"), KINKED.values(), ids=KINKED)
def test_kinks_keep_nothing_from_being_decided(f, derivative, x):
    def check(factor):
        return unblamed(
            lambda x: (np.sum(f(x) * WEIGHTS), x),
            lambda dout, x: dout * derivative(x) * WEIGHTS * factor,
            {"x": x},
            elements="probe",
        )

    right = check(1.0)
    assert right.passed
    assert (right.gradients["x"].at_kink > 0) == (x is STEPS)
    spoilt = np.ones(x.shape)
    spoilt[np.flatnonzero(derivative(x) > 0.1)[7]] = 1.05
    wrong = check(spoilt)
    assert wrong.verdict == "fail"
    assert wrong.gradients["x"].failing[spoilt != 1].all()


def test_a_gradient_that_is_on_neither_side_of_its_kinks_is_wrong():
    result = unblamed(
        lambda x: (np.sum(np.maximum(x, 0) * WEIGHTS), x),
        lambda dout, x: dout * WEIGHTS * np.where(x == 0, 1.5, x > 0),
        {"x": STEPS},
        elements="probe",
    )
    assert result.verdict == "fail"
    assert STEPS[result.gradients["x"].worst_index] == 0


# --- errors that are plain


@pytest.mark.parametrize("error", ["sign", "row", "element"])
def test_a_plain_error_takes_few_evaluations(error):
    """Of the 150 evaluations some 60 are for the promises of any check."""

    def spoil(gradient):
        if error == "sign":
            return -gradient
        wrong = gradient.copy()
        if error == "row":
            wrong[100:200] = 0
        else:
            wrong[np.argmax(np.abs(wrong))] *= 1.5
        return wrong

    loss, gradient = LOSSES["central"]
    forward = Counted(lambda x: (loss(x), x))
    result = unblamed(forward, lambda dout, x: spoil(dout * gradient(x)), {"x": POINT}, elements="probe")
    assert result.verdict == "fail"
    assert forward.calls <= 150
