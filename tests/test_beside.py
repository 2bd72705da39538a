"""A gradient that lies between the slopes at its kinks by luck is asked for beside them as well."""

import numpy as np
import pytest

import gradcli
from tests.numeric.closed_forms import codes


def pool(x):
    """The maximum over pairs of neighbours."""
    pairs = x.reshape(len(x), -1, 2)
    out = pairs.max(axis=2)
    return out, pairs == out[..., None]


def pool_backward(dout, mask):
    return (dout[..., None] * mask / mask.sum(axis=2, keepdims=True)).reshape(len(dout), -1)


def swapped(dout, mask):
    """Each pair gets what the other one should: at a tie of all, half of it lies between the slopes."""
    return pool_backward(dout[:, ::-1], mask)


COTANGENT = np.array([[1.0, 1.25], [-0.75, -0.5]])


@pytest.mark.parametrize("x", [np.zeros((2, 4)), np.ones((2, 4)), np.full((2, 4), 1e-3)])
def test_gradients_of_other_rows_are_wrong_where_all_are_tied(x):
    assert gradcli.check(pool, pool_backward, {"x": x}, cotangent=COTANGENT).verdict == "pass"
    result = gradcli.check(pool, swapped, {"x": x}, cotangent=COTANGENT)
    assert (result.verdict, codes(result)[0]) == ("fail", "GC101")
    gradient = result.gradients["x"]
    assert gradient.note == "beside its kinks"
    assert gradient.beside is not None
    assert np.max(np.abs(gradient.beside - x)) < 1e-3
    assert result.violations[0].message.endswith("(right at the kinks by luck, wrong right beside them)")


def test_the_line_is_looked_for_beside_the_kinks():
    result = gradcli.check(pool, swapped, {"x": np.zeros((2, 4))}, cotangent=COTANGENT)
    assert result.blame is not None
    assert result.blame.source.startswith("return pool_backward(dout[:, ::-1], mask)")


def test_a_backward_that_holds_at_the_point_alone_is_not_asked_elsewhere():
    x = np.array([0.0, 1.0, -2.0, 0.0])
    slope = 0.5 * (1 + np.sign(x))
    result = gradcli.check(lambda x: np.maximum(x, 0), lambda dout, _: dout * slope, {"x": x})
    assert result.verdict == "pass"


def test_what_holds_on_a_surface_is_not_held_against_points_off_it():
    """For x of norm 1 the gradient of the norm is x itself."""
    x = np.array([0.0, 0.6, 0.0, -0.8])

    def forward(x):
        return np.linalg.norm(x) + np.abs(x), x

    result = gradcli.check(forward, lambda dout, x: dout.sum() * x + dout * np.sign(x), {"x": x})
    assert (result.verdict, result.gradients["x"].at_kink) == ("pass", 2)


def test_a_point_at_the_edge_of_the_domain_is_not_left():
    x = np.array([0.0, 1.0, 4.0])

    def forward(x):
        if np.any(x < 0):
            raise ValueError("negative")
        return np.minimum(x, 2.0) ** 2 + np.maximum(x, 1.0), x

    def backward(dout, x):
        return dout * np.where(x < 2, 2 * x, 0) + dout * (x > 1)

    assert gradcli.check(forward, backward, {"x": x}).verdict != "fail"
