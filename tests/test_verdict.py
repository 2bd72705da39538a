"""The one rule that decides: finite, and no further off than tolerance and uncertainty allow."""

from typing import Any

import numpy as np
import pytest

from gradcli.verdict import RESOLUTION, Comparison, K


def comparison(analytic: Any, numeric: Any, uncertainty: Any = 0.0, tol: float = 1e-7) -> Comparison:
    analytic, numeric = np.atleast_1d(np.asarray(analytic)), np.atleast_1d(np.asarray(numeric, dtype=float))
    return Comparison(analytic, numeric, np.broadcast_to(np.asarray(uncertainty, float), numeric.shape), tol)


def agrees(*args: Any, **more: Any) -> list[bool]:
    return comparison(*args, **more).agrees.tolist()


# --- what never passes


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("other", [0.0, 1.0, np.nan, np.inf, -np.inf])
def test_what_is_not_finite_never_agrees(bad: float, other: float):
    for uncertainty in (0.0, 1.0, np.inf, np.nan):
        assert agrees(bad, other, uncertainty) == [False]
        assert agrees(other, bad, uncertainty) == [False]


def test_an_uncertainty_that_is_not_a_number_allows_nothing():
    assert agrees(1.0, 2.0, np.nan) == [False]


def test_there_is_no_absolute_tolerance():
    assert agrees(1e-300, 2e-300) == [False]
    assert agrees(1e-9, 0.0) == [False]
    assert agrees(5e-324, 0.0) == [False]


def test_an_error_of_a_half_float_does_not_overflow_on_the_way():
    assert comparison(np.float16(60000), -60000.0).error.tolist() == [120000.0]
    assert agrees(np.float16(60000), 60001.0, tol=1e-7) == [False]


# --- what is allowed


def test_allowed_is_relative_to_the_larger_of_the_two_and_adds_the_uncertainty():
    both = comparison([2.0, -1.0, 0.0], [1.0, -4.0, 0.5], [0.0, 0.25, 1.0], tol=1e-2)
    assert both.allowed.tolist() == [0.02, 0.04 + K * 0.25, 0.005 + K]
    assert both.error.tolist() == [1.0, 3.0, 0.5]
    assert both.relative_error.tolist() == [0.5, 0.75, 1.0]


@pytest.mark.parametrize("sign", [1, -1])
def test_an_error_of_exactly_what_is_allowed_agrees_and_one_ulp_more_does_not(sign: int):
    allowed = K * 0.25
    assert agrees(sign * allowed, 0.0, 0.25, tol=0.0) == [True]
    assert agrees(sign * np.nextafter(allowed, 9), 0.0, 0.25, tol=0.0) == [False]


def test_two_zeros_agree_without_any_tolerance():
    both = comparison(0.0, -0.0, tol=0.0)
    assert (both.agrees.tolist(), both.relative_error.tolist(), both.urgency.tolist()) == (
        [True],
        [0.0],
        [0.0],
    )


def test_each_element_is_judged_by_its_own_size():
    assert agrees([1e8, 1e-8], [1e8, 1.1e-8]) == [True, False]


# --- what was resolved


def test_an_element_is_resolved_if_an_error_of_a_hundredth_of_the_scale_would_have_shown():
    scale = 8.0
    limit = RESOLUTION * scale / K
    both = comparison(
        [8.0, 0.0, 0.0, 0.0], [8.0, 0.0, 0.0, 0.0], [0, 0.99 * limit, 1.01 * limit, np.inf], tol=0
    )
    assert both.resolved.tolist() == [True, True, False, False]


def test_the_scale_is_the_largest_finite_numeric_element():
    assert comparison([1e9, 0, 0], [1.0, -3.0, np.nan]).scale == 3.0
    assert comparison([1.0], [np.nan]).scale == 0.0


# --- which element decides


def test_the_most_urgent_element_has_the_largest_error_by_what_is_allowed():
    both = comparison([1.0, 1.0, 5.0], [1.1, 1.001, 5.0], [1.0, 1e-6, 0.0], tol=0.0)
    assert int(np.argmax(both.urgency)) == 1


@pytest.mark.parametrize(("analytic", "numeric"), [(np.nan, 1.0), (1.0, np.nan), (np.inf, np.inf)])
def test_what_is_not_a_number_is_most_urgent(analytic: float, numeric: float):
    assert comparison(analytic, numeric).urgency.tolist() == [np.inf]


def test_nothing_warns():
    with np.errstate(all="raise"):
        both = comparison([np.nan, np.inf, 0.0, 1e308], [np.inf, np.inf, 0.0, -1e308], [np.nan, 0, 0, 1e308])
        assert not both.agrees[[0, 1, 3]].any()
        assert not both.resolved[[0, 1, 3]].any()
        assert np.isinf(both.urgency[[0, 1]]).all()
        assert both.relative_error.shape == (4,)


def test_an_empty_gradient_has_no_scale_and_no_disagreement():
    both = comparison(np.zeros((0, 3)), np.zeros((0, 3)))
    assert (both.scale, both.agrees.size) == (0.0, 0)


LARGE = (700, 40)  # more elements than are compared at once


@pytest.mark.parametrize("index", [(0, 0), (350, 7), (699, 39)])
def test_in_whatever_part_of_a_large_gradient_an_element_is_wrong_it_decides(index):
    numeric = np.random.default_rng(3).standard_normal(LARGE)
    analytic = numeric.copy()
    analytic[index] *= 1.001
    comparison = Comparison(analytic, numeric, np.full(LARGE, 1e-9), 1e-7)
    assert np.argwhere(~comparison.agrees).tolist() == [list(index)]
    assert comparison.most_urgent(np.ones(LARGE, dtype=bool)) == index
    others = np.ones(LARGE, dtype=bool)
    others[index] = False
    assert comparison.most_urgent(others) != index


def test_a_large_gradient_is_judged_element_by_element_like_a_small_one():
    rng = np.random.default_rng(4)
    numeric, doubt, more = (
        rng.standard_normal(LARGE),
        rng.uniform(0, 1e-3, LARGE),
        rng.uniform(0, 1e-2, LARGE),
    )
    analytic = numeric + rng.uniform(-0.05, 0.05, LARGE)
    numeric[::13], analytic[::13, ::2] = 0.0, 0.0
    numeric[5, 5], analytic[600, 1] = np.nan, np.inf
    whole = Comparison(analytic, numeric, doubt, 1e-3, (more,))
    summed = doubt + more
    for start in range(0, LARGE[0], 100):
        rows = slice(start, start + 100)
        part = Comparison(analytic[rows], numeric[rows], summed[rows], 1e-3)
        np.testing.assert_array_equal(whole.agrees[rows], part.agrees)
        np.testing.assert_array_equal(whole.allowed[rows], part.allowed)
        np.testing.assert_array_equal(whole.allowed_within(0.02)[rows], part.allowed <= 0.02)
        np.testing.assert_array_equal(whole.vanishes[rows], part.size == 0)
    assert whole.scale == np.nanmax(np.abs(numeric))
    assert 0 < whole.agrees.sum() < whole.agrees.size
