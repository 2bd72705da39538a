"""At a kink any subgradient is right and nothing else; next to one there is a derivative."""

from functools import partial

import numpy as np
import pytest

import gradcli
from tests.numeric.closed_forms import check_form, codes, x_of

unblamed = partial(gradcli.check, blame=False)  # no line is asked for, which takes longer than a check

POINTS = np.array([0.0, 1.0, -1.0, 0.0, 2.5, -0.3])
AT_ZERO = POINTS == 0


def relu(x):
    return np.maximum(x, 0)


def slope_at_zero(value, elsewhere):
    return lambda x: np.where(x == 0, value, elsewhere(x))


# name: forward, its derivative off the kink, slopes on both sides of 0
BENT = {
    "relu": (relu, lambda x: 1.0 * (x > 0), (0.0, 1.0)),
    "leaky relu": (lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1.0, 0.1), (0.1, 1.0)),
    "abs": (np.abs, np.sign, (-1.0, 1.0)),
    "minus abs": (lambda x: 3 * x - np.abs(x), lambda x: 3 - np.sign(x), (2.0, 4.0)),
    "elu": (
        lambda x: np.where(x > 0, x, 0.5 * np.expm1(np.minimum(x, 0))),
        lambda x: np.where(x > 0, 1.0, 0.5 * np.exp(np.minimum(x, 0))),
        (0.5, 1.0),
    ),
}
bent = pytest.mark.parametrize(("f", "derivative", "slopes"), BENT.values(), ids=BENT.keys())


@bent
def test_a_value_outside_the_slopes_is_wrong(f, derivative, slopes):
    low, high = slopes
    for value in (low - 0.1, high + 0.1, np.nan):
        result = check_form(f, slope_at_zero(value, derivative), POINTS)
        assert result.verdict == "fail"
        failing = x_of(result).failing
        assert failing is not None
        assert failing.tolist() == AT_ZERO.tolist()


@bent
def test_every_value_between_the_slopes_is_right_and_counted(f, derivative, slopes):
    low, high = slopes
    for value in (low, high, 0.5 * (low + high)):
        result = check_form(f, slope_at_zero(value, derivative), POINTS)
        assert result.verdict == "pass"
        # A value that a central difference confirms was never suspected of anything.
        assert x_of(result).at_kink in (0, 2)
        assert (codes(result) == ["GC202"]) == (x_of(result).at_kink == 2)


def test_the_note_says_how_many_elements_are_at_a_kink():
    result = check_form(relu, lambda x: 1.0 * (x > 0), POINTS)
    assert x_of(result).note == "2 at a kink"
    (warning,) = result.violations
    assert (warning.code, warning.message) == (
        "GC202",
        "2 of 6 elements of x are at a kink: any value between the slopes on its two sides passes",
    )


@bent
def test_an_error_elsewhere_is_not_excused_by_a_kink(f, derivative, slopes):
    factor = np.where(np.arange(6) == 1, 1.0001, 1.0)
    result = check_form(f, derivative, POINTS, factor=factor)
    assert (result.verdict, x_of(result).worst_index) == ("fail", (1,))


# --- next to a kink


@pytest.mark.parametrize("gap", [1e-3, 1e-5, 1e-7, 1e-9, 1e-12])
@bent
def test_next_to_a_kink_there_is_a_derivative(f, derivative, slopes, gap):
    x = np.array([gap, -gap, 1.0, -1.0, 0.4])
    assert check_form(f, derivative, x).verdict == "pass"


@pytest.mark.parametrize("gap", [1e-3, 1e-5, 1e-7, 1e-9])
@bent
def test_the_slope_of_the_other_side_is_wrong_next_to_a_kink(f, derivative, slopes, gap):
    x = np.array([gap, -gap, 1.0, -1.0, 0.4])
    result = check_form(f, lambda x: np.where(np.abs(x) < 1e-2, derivative(-x), derivative(x)), x)
    assert result.verdict == "fail"


def test_a_threshold_of_5e_8_in_place_of_zero_is_found():
    x = np.array([1e-9, 1.0, -1.0, 2.0])
    assert check_form(relu, lambda x: 1.0 * (x > 5e-8), x).verdict == "fail"


# --- several places


def test_clip_at_both_bounds():
    x = np.array([-1.0, 1.0, 0.0, 0.3, 2.0, -3.0])
    for derivative in (lambda x: 1.0 * (np.abs(x) <= 1), lambda x: 1.0 * (np.abs(x) < 1)):
        result = check_form(lambda x: np.clip(x, -1, 1), derivative, x)
        assert (result.verdict, x_of(result).at_kink) == ("pass", 2)
    wrong = check_form(lambda x: np.clip(x, -1, 1), lambda x: 1.0 * (x > -1), x)
    assert (wrong.verdict, x_of(wrong).worst_index) == ("fail", (4,))


def test_the_corner_of_huber_has_a_derivative():
    def huber(x):
        return np.where(np.abs(x) <= 1, 0.5 * x**2, np.abs(x) - 0.5)

    x = np.array([-1.0, 1.0, 0.0, 0.3, 2.0, -3.0])
    right = check_form(huber, lambda x: np.clip(x, -1, 1), x)
    assert (right.verdict, x_of(right).at_kink) == ("pass", 0)
    wrong = check_form(huber, lambda x: np.where(np.abs(x) <= 1, 0.9 * x, np.sign(x)), x)
    assert wrong.verdict == "fail"


@pytest.mark.parametrize("size", [1.0, 0.6])
def test_the_norm_at_zero_takes_any_vector_of_the_unit_ball_by_element(size):
    direction = np.array([size, 0.0, 0.0])

    def check(gradient):
        return unblamed(lambda x: (np.linalg.norm(x), x), lambda dout, x: dout * gradient, {"x": np.zeros(3)})

    assert check(direction).verdict == "pass"
    assert check(np.zeros(3)).verdict == "pass"
    assert check(2 * direction / size).verdict == "fail"
    assert check(np.full(3, np.nan)).verdict == "fail"


def test_a_function_that_bends_twice_at_a_point_may_have_a_derivative_there():
    """relu(x) - relu(-x) is x: the subgradients of its parts do not add up to one of its own."""
    f = lambda x: relu(x) - relu(-x)  # noqa: E731
    assert check_form(f, lambda x: np.ones(x.shape), POINTS).verdict == "pass"
    wrong = check_form(f, lambda x: 1.0 * (x != 0), POINTS)
    assert wrong.verdict == "fail"
    assert x_of(wrong).failing.tolist() == AT_ZERO.tolist()


# --- ties


def tied(share):
    """max over the last axis; share says what each of the tied gets."""

    def backward(dout, x):
        return dout[:, None] * share(x, x == x.max(axis=-1, keepdims=True))

    return lambda x: (x.max(axis=-1), x), backward


def first(x, ties):
    return 1.0 * (np.arange(x.shape[-1]) == ties.argmax(axis=-1)[:, None])


def last(x, ties):
    return first(x, ties[:, ::-1])[:, ::-1]


def shared(x, ties):
    return ties / ties.sum(axis=-1, keepdims=True)


def counted_twice(x, ties):
    return 1.0 * ties


def forgotten(x, ties):
    return 1.0 * (ties & (ties.sum(axis=-1, keepdims=True) == 1))


TIES = np.array([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, -1.0], [5.0, 4.0, 1.0, 0.0]])


@pytest.mark.parametrize("share", [first, last, shared])
def test_a_tie_may_go_to_one_or_be_shared(share):
    result = unblamed(*tied(share), {"x": TIES})
    assert (result.verdict, result.gradients["x"].note) == ("pass", "5 at a kink")


@pytest.mark.parametrize("share", [counted_twice, forgotten])
def test_a_tie_that_is_counted_twice_or_not_at_all_is_wrong(share):
    result = unblamed(*tied(share), {"x": TIES})
    assert result.verdict == "fail"
    assert codes(result)[0] == "GC101"
    assert result.gradients["x"].failing[2].sum() == 0


def test_a_max_without_ties_is_smooth():
    result = unblamed(*tied(counted_twice), {"x": TIES + np.arange(12).reshape(3, 4) * 1e-3})
    assert (result.verdict, codes(result)) == ("pass", [])


def pool(x):
    """2x2 max-pooling of (H, W), with stride 2."""
    windows = x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2).swapaxes(1, 2)
    top = windows.max(axis=(2, 3), keepdims=True)
    return top[..., 0, 0], (windows, top)


def pool_backward(dout, cache, *, once):
    windows, top = cache
    mask = 1.0 * (windows == top)
    if once:
        mask /= mask.sum(axis=(2, 3), keepdims=True)
    grad = mask * dout[:, :, None, None]
    return grad.swapaxes(1, 2).reshape(2 * dout.shape[0], 2 * dout.shape[1])


def test_ties_in_max_pooling_are_counted_once():
    x = np.array([[1.0, 1, 0, 2], [0, 1, 2, 2], [3, 1, 0, 0], [1, 2, 0, 0]])
    assert unblamed(pool, lambda d, c: pool_backward(d, c, once=True), {"x": x}).verdict == "pass"
    wrong = unblamed(pool, lambda d, c: pool_backward(d, c, once=False), {"x": x})
    assert wrong.verdict == "fail"


# --- jumps


@pytest.mark.parametrize(
    "f",
    [lambda x: np.where(x >= 0, 1.0, 0.0), np.sign, lambda x: np.where(x > 0, 1.0, 0.0) + x],
    ids=["step", "sign", "step on a slope"],
)
def test_at_a_jump_nothing_can_be_decided(f):
    result = check_form(f, lambda x: np.zeros(1), np.zeros(1))
    assert result.verdict == "inconclusive"
    assert x_of(result).unresolved == 1


def test_a_jump_is_unresolved_and_leaves_the_other_elements_alone():
    def f(x):
        return np.where(x >= 0, 1.0, 0.0) + x

    x = np.array([0.0, 1.0, -1.0])
    right = check_form(f, lambda x: np.ones(3), x)
    assert right.verdict != "fail"
    assert x_of(right).unresolved == 1
    wrong = check_form(f, lambda x: np.array([1.0, 1.0001, 1.0]), x)
    assert (wrong.verdict, x_of(wrong).worst_index) == ("fail", (1,))


# --- crowds


def test_a_crowd_of_kinks_does_not_need_a_look_at_each():
    """All of 900 small integers, a third of them exactly 0."""
    x = np.random.default_rng(0).integers(-1, 2, (30, 30)).astype(float)
    right = check_form(relu, lambda x: 1.0 * (x > 0), x)
    assert (right.verdict, x_of(right).at_kink) == ("pass", int(np.sum(x == 0)))
    assert right.evaluations < 400
    spoilt = np.ones(x.shape)
    spoilt[tuple(np.argwhere(x > 0)[7])] = 1.001
    assert check_form(relu, lambda x: 1.0 * (x > 0), x, factor=spoilt).verdict == "fail"


def test_kinks_inside_a_sum_are_judged_output_by_output():
    """Two relus of the same zero, one with weight 1 and one with weight -1, both subgradients at 0."""

    def forward(x):
        return np.stack([relu(x), 2 * relu(-x)]), x

    def backward(dout, x):
        return dout[0] * (x > 0) - 2 * dout[1] * (x < 0)

    for seed in range(8):
        assert unblamed(forward, backward, {"x": POINTS}, seed=seed).verdict == "pass"
