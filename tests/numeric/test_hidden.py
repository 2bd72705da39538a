"""Rounding beside numbers about one, that small moves do not show."""

import numpy as np
import pytest

from gradcli.numeric import Function, output_noise, with_hidden

GRAIN = np.finfo(np.float64).eps / 2


def measured(f, x):
    function = Function(lambda arrays: (f(arrays["x"]),), {"x": x})
    noise = output_noise(function, np.random.default_rng(0))
    before = function.evaluations
    (level,) = with_hidden(function, noise, coarse=0.0)
    return level / noise[0], level, function.evaluations - before


@pytest.mark.parametrize("scale", [1e-8, 1e-6, 1e-4])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.log(np.cosh(x)),
        lambda x: np.sqrt(1 + x**2) - 1,
        lambda x: 1 - np.cos(x),
        lambda x: np.sum(np.log(1 + x**2)),
    ],
)
def test_it_is_found(f, scale):
    _, level, _ = measured(f, scale * np.random.default_rng(1).standard_normal(20))
    assert np.all((level > 0.1 * GRAIN) & (level < 100 * GRAIN))


@pytest.mark.parametrize("scale", [1e-8, 1e-6, 1e-4])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * x,
        lambda x: np.log1p(x**2),
        lambda x: x / (1e-6 + np.abs(x)) * 1e-9,
        lambda x: np.maximum(x, 0) * x,
        lambda x: np.sin(1e6 * x) * 1e-6,
        lambda x: np.rint(1e6 * x) * 1e-9,
        lambda x: np.zeros(3),
    ],
)
def test_what_bends_or_jumps_by_itself_hides_nothing(f, scale):
    ratio, _, _ = measured(f, scale * np.random.default_rng(1).standard_normal(20))
    assert np.all(ratio == 1.0)


def test_it_is_not_looked_for_where_outputs_are_not_small():
    assert measured(np.tanh, np.array([1e-6, 0.5, 2.0]))[2] == 0
    assert measured(np.tanh, np.array([1e-6, 1e-5]))[2] <= 44
