"""Lepski's choice: the largest step whose estimate all smaller ones allow, never the one that looks best."""

import numpy as np
import pytest

from gradcli.numeric import JUMP, KINK, NOISE, SMOOTH
from gradcli.numeric.ladder import RATIO, central, evident_noise, lepski, richardson
from gradcli.numeric.slopes import judge

STEPS = (2.0**-3 / RATIO ** np.arange(11, -1, -1))[:, None]


def choose(f, x, rounding=1e-16):
    """Value and uncertainty of f'(x) from a full ladder."""
    plus, minus = f(x + STEPS) - f(x), f(x - STEPS) - f(x)
    choice = lepski(richardson(central(plus, minus, STEPS)), 4 * rounding / STEPS[:-1])
    return float(choice.value[0]), float(choice.uncertainty[0]), int(choice.rung[0])


def test_a_saturated_function_does_not_trap_the_choice():
    """At large steps tanh(20 x) gives estimates that agree with each other and are wrong."""
    x = 0.01
    value, doubt, _ = choose(lambda x: np.tanh(200 * x), x)
    assert value == pytest.approx(200 / np.cosh(200 * x) ** 2, abs=4 * doubt, rel=1e-9)


def test_noise_moves_the_choice_to_larger_steps():
    rng = np.random.default_rng(0)
    quiet = choose(np.sin, 0.7)
    noisy = choose(lambda x: np.sin(x) + 1e-8 * rng.uniform(-1, 1, np.shape(x)), 0.7, rounding=1e-8)
    assert noisy[2] > quiet[2]
    assert abs(noisy[0] - np.cos(0.7)) <= noisy[1]
    assert abs(quiet[0] - np.cos(0.7)) <= quiet[1] < 1e-11


def test_a_straight_line_takes_the_largest_step():
    assert choose(lambda x: 3 * x, 0.25)[2] == len(STEPS) - 2


def test_no_finite_estimate_is_no_value():
    estimates = np.full((4, 2), np.nan)
    estimates[:, 1] = 1.0
    choice = lepski(estimates, np.full((4, 2), 0.1))
    assert np.isnan(choice.value[0])
    assert (choice.uncertainty[0], choice.rung[0]) == (np.inf, -1)
    assert (choice.value[1], choice.rung[1]) == (1.0, 3)


def test_holes_in_the_ladder_are_stepped_over():
    estimates = np.array([[np.nan], [2.0], [np.nan], [2.0], [7.0]])
    choice = lepski(estimates, np.full((5, 1), 0.1))
    assert (choice.value[0], choice.rung[0]) == (2.0, 3)


def test_the_distance_to_the_neighbour_counts_as_uncertainty():
    choice = lepski(np.array([[1.0], [1.15]]), np.array([[0.1], [0.1]]))
    assert choice.uncertainty[0] == pytest.approx(0.25)
    alone = lepski(np.array([[1.0], [3.0]]), np.array([[0.1], [0.1]]))
    assert (alone.value[0], alone.uncertainty[0]) == (1.0, pytest.approx(2.1))


def test_richardson_cancels_the_leading_error():
    assert richardson(5.0 + 3.0 * STEPS**2) == pytest.approx(5.0, rel=1e-12)
    assert richardson(5.0 + 3.0 * STEPS, order=1) == pytest.approx(5.0, rel=1e-12)


def test_noise_shows_in_the_smallest_steps_and_truncation_does_not():
    rng = np.random.default_rng(1)
    smooth = central(np.sin(0.7 + STEPS) - np.sin(0.7), np.sin(0.7 - STEPS) - np.sin(0.7), STEPS)
    assert evident_noise(smooth, np.broadcast_to(STEPS, smooth.shape)) < 1e-15
    noisy = smooth + 1e-9 * rng.choice([-1.0, 1.0], smooth.shape) / STEPS
    assert 1e-10 < evident_noise(noisy, np.broadcast_to(STEPS, noisy.shape))[0] < 1e-8


# --- both sides


def judged(f, x=0.0, rounding=1e-16):
    with np.errstate(all="ignore"):
        return judge(STEPS, f(x + STEPS) - f(x), f(x - STEPS) - f(x), np.array([rounding]))


@pytest.mark.parametrize(
    ("f", "kind", "low", "high"),
    [
        (np.sin, SMOOTH, 1.0, 1.0),
        (np.abs, KINK, -1.0, 1.0),
        (lambda x: np.maximum(x, 0), KINK, 0.0, 1.0),
        (lambda x: -np.abs(x) + 2 * x, KINK, 1.0, 3.0),
        (lambda x: np.where(x < 0, np.sin(x), 0.5 * x), KINK, 0.5, 1.0),
        (lambda x: np.where(x >= 0, np.sin(x), np.nan), SMOOTH, 1.0, 1.0),
        (lambda x: x * np.abs(x), SMOOTH, 0.0, 0.0),
    ],
    ids=["sin", "abs", "relu", "concave", "curved on one side", "edge of the domain", "x |x|"],
)
def test_slopes_on_both_sides(f, kind, low, high):
    slopes = judged(f)
    slack = 4 * slopes.uncertainty[0] + 1e-12
    assert slopes.kind[0] == kind
    assert slopes.low[0] == pytest.approx(low, abs=slack)
    assert slopes.high[0] == pytest.approx(high, abs=slack)
    assert slack < 1e-2


def test_a_jump_has_no_slope():
    for f in (lambda x: np.where(x >= 0, 1.0, 0.0), lambda x: np.where(x > 0, 1.0, 0.0) + x):
        slopes = judged(f)
        assert (slopes.kind[0], slopes.uncertainty[0]) == (JUMP, np.inf)


def test_nothing_finite_is_noise():
    slopes = judged(lambda x: np.where(x == 0, 0.0, np.nan))
    assert (slopes.kind[0], slopes.uncertainty[0]) == (NOISE, np.inf)


def test_the_nearest_admissible_value_lies_between_the_slopes():
    slopes = judged(np.abs)
    assert slopes.nearest(np.array([0.3])) == 0.3
    assert slopes.nearest(np.array([-7.0])) == pytest.approx(-1.0)
    assert slopes.nearest(np.array([7.0])) == pytest.approx(1.0)


def test_far_steps_that_grow_as_a_cube_by_coincidence_are_no_slope():
    """Flat here and beyond a hill: what two steps into it extrapolate to agrees, to -3e-14 in place of 0."""
    steps = 2.0 ** np.arange(-15, 15, 2)[:, None]
    minus = np.where(steps == 8, -7.181261e-12, np.where(steps == 32, -4.885862e-10, 0.0))
    slopes = judge(steps, np.zeros_like(steps), minus, np.array([4.7e-15]))
    assert abs(slopes.low[0]) <= slopes.uncertainty[0]


def test_a_cube_at_zero_is_known_to_be_flat_there():
    cubes = STEPS**3
    slopes = judge(STEPS, cubes, -cubes, np.array([1e-30]))
    assert slopes.low[0] == 0
    assert slopes.uncertainty[0] < 1e-12
