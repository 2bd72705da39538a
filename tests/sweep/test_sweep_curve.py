"""A curve shows what the textbooks say, and the step that is marked is a good one."""

import numpy as np
import pytest

from gradcli.spec import Settings
from gradcli.sweep import FLOOR, Curve, sweep
from gradcli.targets.label import Label
from gradcli.targets.pair import make_problem
from tests.sweep.pairs import (
    POINT,
    SMOOTH,
    curve_of,
    error_at_choice,
    least_error,
    problem_of,
    reliable,
    swept,
)

SIN = SMOOTH["sin"]
smooth = pytest.mark.parametrize("pair", SMOOTH.values(), ids=SMOOTH.keys())


def slope(curve: Curve, errors: np.ndarray, low: float, high: float) -> float:
    """Of a straight line through the errors at steps from low to high, both axes logarithmic."""
    there = (curve.steps >= low) & (curve.steps <= high)
    return float(np.polyfit(np.log(curve.steps[there]), np.log(errors[there]), 1)[0])


# --- the shape


def test_the_steps_run_from_1e_15_to_1e_1_five_to_a_decade():
    curve = curve_of(*SIN)
    assert curve.steps[0] == pytest.approx(1e-15, rel=0.12)
    assert curve.steps[-1] == pytest.approx(1e-1)
    assert len(curve.steps) == len(curve.errors2) == len(curve.errors4) == 71


@smooth
def test_truncation_grows_as_the_square_and_the_fourth_power_of_the_step(pair):
    curve = curve_of(*pair)
    assert slope(curve, curve.errors2, 1e-3, 1e-1) == pytest.approx(2, abs=0.1)
    if pair is not SMOOTH["cube"]:  # whose 4th order is exact
        assert slope(curve, curve.errors4, 1e-2, 1e-1) == pytest.approx(4, abs=0.5)


@smooth
def test_round_off_grows_as_the_inverse_of_the_step(pair):
    curve = curve_of(*pair)
    assert slope(curve, reliable(curve.errors2), 1e-14, 1e-7) == pytest.approx(-1, abs=0.2)
    assert slope(curve, reliable(curve.errors4), 1e-14, 1e-7) == pytest.approx(-1, abs=0.2)


@smooth
def test_the_least_error_lies_between_and_that_of_4th_order_is_smaller(pair):
    curve = curve_of(*pair)
    errors = reliable(curve.errors2)
    assert 1e-7 < curve.steps[np.nanargmin(errors)] < 1e-3
    assert np.nanmin(errors) < 1e-5 * np.nanmax(errors[:20])
    assert np.nanmin(errors) < 1e-5 * errors[-1]
    assert least_error(curve) < np.nanmin(errors)


# --- the step


@smooth
@pytest.mark.parametrize("method", ["auto", "central"])
def test_the_chosen_step_is_within_a_factor_10_of_the_best(pair, method):
    for seed in range(5):
        curve = curve_of(*pair, np.random.default_rng(seed).normal(2.0, 0.5, 4), method=method, seed=seed)
        assert error_at_choice(curve) <= 10 * least_error(curve)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e6])
def test_steps_and_choice_follow_the_scale_of_the_input(scale):
    near, far = (curve_of(*SMOOTH["log of a square"], POINT * s, method="central") for s in (1.0, scale))
    assert far.steps == pytest.approx(near.steps * scale)
    assert far.chosen == pytest.approx(near.chosen * scale, rel=16)
    assert error_at_choice(far) <= 10 * least_error(far)


def test_a_step_that_was_asked_for_is_the_one_that_is_marked():
    curve = curve_of(*SIN, step=1e-5)
    assert (curve.chosen, curve.method) == (1e-5, "central")


@pytest.mark.parametrize(
    ("function", "derivative", "method"),
    [
        (np.sin, np.cos, "complex"),
        (lambda x: 3 * x, lambda x: 3.0, "linear"),
        (lambda x: np.log(np.abs(x)), lambda x: 1 / x, "central"),
    ],
)
def test_the_method_is_that_of_the_check(function, derivative, method):
    curve = curve_of(function, derivative)
    assert curve.method == method
    assert curve.level < (1e-13 if method != "central" else 1e-9)


# --- the element


def test_the_element_is_the_one_that_decides_in_the_check():
    def derivative(x):
        return np.cos(x) * np.array([1.0, 1.001, 1.0])

    found = swept(np.sin, derivative)
    assert found.result.verdict == "fail"
    assert [curve.label for curve in found.curves] == ["x[1] of pair"]


def test_a_wrong_backward_does_not_bend_the_curve():
    right, wrong = curve_of(*SIN), curve_of(np.sin, lambda x: 7.0)
    assert wrong.errors2.min() < 1e-9
    assert wrong.level == pytest.approx(right.level, abs=1e-13)


def test_every_gradient_has_a_curve():
    problem = make_problem(
        lambda x, w: (x * w, (x, w)),
        lambda dout, cache: (dout * cache[1], dout * cache[0]),
        {"x": POINT, "w": POINT + 1},
        {},
        Label.of("pair"),
        by_position=True,
    )
    labels = [curve.label.split("[")[0] for curve in sweep(problem, Settings()).curves]
    assert labels == ["x", "w"]


def test_a_scalar_input_needs_no_index():
    assert curve_of(*SIN, np.array(0.5)).label == "x of pair"


def test_an_input_that_was_probed_is_measured_at_one_element_all_the_same():
    curve = curve_of(*SIN, np.linspace(0.1, 1.4, 50), elements="probe")
    assert curve.method == "probe"
    assert error_at_choice(curve) < 1e-9


# --- what has no slope


def test_at_a_kink_there_is_no_step_to_choose():
    curve = curve_of(np.abs, np.sign, np.zeros(2))
    assert curve.at_kink
    assert curve.chosen is None


def test_errors_of_a_derivative_of_zero_are_absolute():
    curve = curve_of(lambda x: 0 * x, lambda x: 0.0)
    assert not curve.relative
    assert np.all(curve.errors2 == 0)
    assert curve.floor == FLOOR


def test_steps_that_leave_the_domain_leave_a_gap():
    def function(x):
        if np.any(x <= 0):
            raise ValueError("log of a negative number")
        return np.log(x)

    curve = curve_of(function, lambda x: 1 / x, np.array([0.01, 1.0, 3.0]) * np.array([5, 1, 1]))
    assert np.isnan(curve.errors4[-1]) or curve.label != "x[0] of pair"
    assert np.isfinite(curve.errors4[40:60]).all()


def test_an_empty_input_is_left_out_and_said_so():
    found = swept(*SIN, np.zeros((0, 3)))
    assert (found.curves, found.left_out) == ((), ("x: it is empty",))


def test_code_that_raises_has_no_curve():
    def function(x):
        raise RuntimeError("no")

    found = swept(function, np.cos)
    assert (found.curves, found.result.verdict) == ((), "fail")


def test_code_that_draws_numbers_is_measured_with_a_fixed_seed():
    def function(x):
        return np.sin(x) * np.random.random(x.shape)  # noqa: NPY002

    curve = curve_of(function, np.cos)
    assert slope(curve, curve.errors2, 1e-3, 1e-1) == pytest.approx(2, abs=0.1)


def test_arguments_are_not_changed_by_code_that_writes_into_them():
    def function(x):
        x *= 2
        return np.sin(x)

    curve = curve_of(function, lambda x: 2 * np.cos(x), POINT.copy())
    assert curve.errors2.min() < 1e-9


def test_an_interrupted_check_interrupts_the_sweep():
    calls = []

    def function(x):
        calls.append(None)
        if len(calls) > 20:
            raise KeyboardInterrupt
        return np.sin(x)

    with pytest.raises(KeyboardInterrupt):
        sweep(problem_of(function, np.cos), Settings())


def test_the_cost_is_a_check_and_some_148_evaluations_for_each_gradient():
    calls = []

    def function(x):
        calls.append(None)
        return np.sin(x)

    found = sweep(problem_of(function, np.cos), Settings())
    assert len(calls) - found.result.evaluations <= 170
