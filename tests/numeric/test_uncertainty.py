"""The numeric derivative knows its own error bar: the truth lies within it, and what is off by more fails."""

import numpy as np
import pytest

from gradcli.verdict import K
from tests.numeric.closed_forms import FORMS, Form, check_form, codes, x_of

forms = pytest.mark.parametrize("form", FORMS, ids=str)
methods = pytest.mark.parametrize("method", ["auto", "central"])


@forms
@methods
def test_a_derivative_that_is_off_by_1e_4_fails(form: Form, method: str):
    result = check_form(form.f, form.derivative, form.x, factor=1.0001, method=method)
    assert (result.verdict, codes(result)) == ("fail", ["GC101"])


@forms
@pytest.mark.parametrize("factor", [-1.0, 0.0])
def test_a_lost_sign_and_a_lost_term_fail(form: Form, factor: float):
    assert check_form(form.f, form.derivative, form.x, factor=factor).verdict == "fail"


@forms
@methods
def test_a_correct_derivative_passes_and_lies_within_the_uncertainty(form: Form, method: str):
    for seed in range(3):
        result = check_form(form.f, form.derivative, form.x, method=method, seed=seed)
        gradient = x_of(result)
        assert (result.verdict, codes(result)) == ("pass", []), gradient
        assert np.all(np.abs(gradient.numeric - gradient.analytic) <= K * gradient.uncertainty)


@forms
def test_an_error_bar_is_small_enough_to_mean_something(form: Form):
    gradient = x_of(check_form(form.f, form.derivative, form.x))
    assert gradient.unresolved == 0
    assert gradient.uncertainty.max() < 1e-3 * np.abs(gradient.numeric).max()


@pytest.mark.parametrize("wrong", range(6))
def test_one_wrong_element_is_named(wrong: int):
    factor = np.ones(6)
    factor[wrong] = 1.00001
    gradient = x_of(check_form(np.sin, np.cos, np.arange(1.0, 7.0), factor=factor))
    assert gradient.verdict == "fail"
    assert gradient.worst_index == (wrong,)
    assert gradient.failing is not None
    assert np.flatnonzero(gradient.failing).tolist() == [wrong]


def test_an_error_below_tol_passes_and_the_same_error_above_it_fails():
    assert check_form(np.sin, np.cos, [0.3, 1.2], factor=1 + 1e-6, tol=1e-5).passed
    assert not check_form(np.sin, np.cos, [0.3, 1.2], factor=1 + 1e-6, tol=1e-7).passed


def test_without_a_tolerance_rounding_alone_is_allowed():
    assert check_form(np.sin, np.cos, [0.3, 1.2], tol=0.0).passed
    assert not check_form(np.sin, np.cos, [0.3, 1.2], factor=1 + 1e-12, tol=0.0).passed


# --- code that cannot be evaluated everywhere


def refuses_outside(x):
    """log that raises outside its domain, for complex numbers too."""
    if np.iscomplexobj(x) or np.any(x <= 0):
        raise ValueError("math domain error")
    return np.log(x)


@pytest.mark.parametrize("f", [np.log, refuses_outside], ids=["NaN outside", "raises outside"])
def test_steps_shrink_until_they_stay_in_the_domain(f):
    x = [1e-6, 1e-3, 1.0, 2.0]
    assert check_form(f, lambda x: 1 / x, x).passed
    wrong = x_of(check_form(f, lambda x: 1 / x, x, factor=[1.001, 1, 1, 1]))
    assert (wrong.verdict, wrong.worst_index) == ("fail", (0,))


def test_at_the_edge_of_the_domain_one_side_is_enough():
    x = [0.0, 1.0, 4.0]

    def power(x):
        return np.where(x >= 0, np.abs(x) ** 2.5, np.nan)

    assert check_form(power, lambda x: 2.5 * np.abs(x) ** 1.5, x).passed
    result = check_form(power, lambda x: 2.5 * np.abs(x) ** 1.5 + (x == 0), x)
    assert (result.verdict, x_of(result).worst_index) == ("fail", (0,))


def test_an_infinite_derivative_fails_even_where_it_is_the_truth():
    result = check_form(np.sqrt, lambda x: 0.5 / np.sqrt(x), [0.0, 1.0, 4.0])
    assert result.verdict == "fail"
    assert "GC105" in codes(result)


def test_code_that_works_at_one_point_only_cannot_be_decided():
    only = np.array([0.25, 0.25, 0.5])

    def distribution(x):
        if not np.array_equal(x, only):
            raise ValueError("does not sum to one")
        return 2 * x

    result = check_form(distribution, lambda x: np.full(3, 2.0), only)
    assert (result.verdict, x_of(result).note) == ("inconclusive", "noise")


def test_noise_that_drowns_the_derivative_is_no_verdict():
    """The outputs have a rounding of 1e-16 * 1e20; a slope of one over a spread of one cannot be seen."""
    result = check_form(lambda x: 1e20 + np.abs(x), np.sign, [1.0, -2.0, 3.0])
    assert (result.verdict, x_of(result).note, x_of(result).unresolved) == ("inconclusive", "noise", 3)
