"""A slight error in one element is seen among many elements at a kink or a tie."""

import numpy as np
import pytest

import gradcli


def relu_forward(x):
    return np.maximum(x, 0), x


def relu_backward(dout, x):
    return dout * (x > 0)


def half_zeros(rng):
    x = rng.standard_normal((6, 10))
    return np.where(rng.random(x.shape) < 0.6, 0.0, x)


def nearly_zeros(rng):
    x = rng.standard_normal((6, 10))
    return np.where(rng.random(x.shape) < 0.6, 1e-9 * x, x)


def median_forward(x):
    place = np.argsort(x, axis=0, kind="stable")[len(x) // 2][None]
    return np.take_along_axis(x, place, 0)[0], (x.shape, place)


def median_backward(dout, cache):
    shape, place = cache
    dx = np.zeros(shape)
    np.put_along_axis(dx, place, dout[None], 0)
    return dx


def some_ties(rng):
    x = rng.standard_normal((7, 8))
    x[:, ::2] = np.round(x[:, ::2])
    return x


def check(forward, backward, x):
    return gradcli.check(forward, backward, {"x": x}, blame=False, elements="all")


@pytest.mark.parametrize(
    ("forward", "backward", "draw"),
    [
        (relu_forward, relu_backward, half_zeros),
        (relu_forward, relu_backward, nearly_zeros),
        (median_forward, median_backward, some_ties),
    ],
    ids=["relu of zeros", "relu beside zero", "median of ties"],
)
def test_a_thousandth_in_one_element_fails(forward, backward, draw):
    x = draw(np.random.default_rng(0))
    right = check(forward, backward, x)
    assert right.verdict == "pass"
    gradient = right.gradients["x"]
    smooth = np.flatnonzero((gradient.analytic != 0) & (x != np.round(x)))
    for place in smooth[[0, len(smooth) // 2, -1]]:

        def wrong(dout, cache, place=place):
            dx = backward(dout, cache)
            dx.flat[place] *= 1.001
            return dx

        result = check(forward, wrong, x)
        assert result.verdict == "fail"
        assert result.gradients["x"].worst_index == np.unravel_index(place, x.shape)


def deviation_forward(x):
    """The median absolute deviation from the median, along the first axis, as places in a sort."""
    middle = np.argsort(x, axis=0, kind="stable")[len(x) // 2][None]
    rest = x - np.take_along_axis(x, middle, 0)
    place = np.argsort(np.abs(rest), axis=0, kind="stable")[len(x) // 2][None]
    return np.take_along_axis(np.abs(rest), place, 0)[0], (rest, middle, place)


def centre_lost(dout, cache):
    rest, _, place = cache
    dx = np.zeros(rest.shape)
    np.put_along_axis(dx, place, dout[None] * np.sign(np.take_along_axis(rest, place, 0)), 0)
    return dx


def deviation_backward(dout, cache):
    rest, middle, _ = cache
    dx = centre_lost(dout, cache)
    through = -dx.sum(axis=0, keepdims=True)
    centre = np.zeros(rest.shape)
    np.put_along_axis(centre, middle, through, 0)
    return dx + centre


@pytest.mark.parametrize("shape", [(8, 1, 2), (5, 3, 4), (9,)])
def test_a_centre_lost_in_a_median_absolute_deviation_fails(shape):
    x = np.random.default_rng(1).standard_normal(shape)
    assert check(deviation_forward, deviation_backward, x).verdict == "pass"
    assert check(deviation_forward, centre_lost, x).verdict == "fail"
