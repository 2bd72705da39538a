"""A tiny difference is called an eps on one side, and nothing else is."""

import numpy as np
import pytest

import gradcli

P = np.random.default_rng(0).uniform(0.05, 0.95, (4, 3))
X = np.random.default_rng(1).standard_normal((6, 3)) + 2.0


def log_with_eps(p):
    return -np.log(p + 1e-7), p


def log_without(p):
    return -np.log(p), p


def remarks(forward, backward, inputs, **options):
    result = gradcli.check(forward, backward, inputs, blame=False, **options)
    return result, [text for text in result.remarks if "a tiny constant" in text]


def test_an_eps_that_backward_leaves_out_is_called_that():
    result, (text,) = remarks(log_with_eps, lambda dout, p: (-dout / p,), {"p": P})
    assert result.verdict == "fail"
    assert text.startswith("p: differs by a tiny constant, ")
    assert text.endswith(" of the gradient at every step: an eps in forward (1e-07) that backward leaves out")


def test_an_eps_in_backward_alone_is_called_that():
    result, (text,) = remarks(log_without, lambda dout, p: (-dout / (p + 1e-6),), {"p": P})
    assert result.verdict == "fail"
    assert text.endswith("an eps in backward (1e-06) that forward does not have")


def test_an_eps_in_a_variance_is_called_that():
    def forward(x, eps=1e-5):
        centred = x - x.mean(axis=0)
        return centred / np.sqrt((centred**2).mean(axis=0) + eps), x

    def backward(dout, x):
        centred = x - x.mean(axis=0)
        std = x.std(axis=0)
        hat = centred / std
        return ((dout - dout.mean(axis=0) - hat * (dout * hat).mean(axis=0)) / std,)

    result, (text,) = remarks(forward, backward, {"x": X})
    assert result.verdict == "fail"
    assert text.endswith("an eps in forward (1e-05) that backward leaves out")


def test_different_ones_on_both_sides_are_not_put_on_one():
    _, (text,) = remarks(log_with_eps, lambda dout, p: (-dout / (p + 1e-6),), {"p": P})
    assert text.endswith("backward leaves out (or the reverse), or a number with too few digits")


def test_a_number_with_too_few_digits_is_no_factor_to_declare():
    result, (text,) = remarks(
        lambda x: (np.sin(np.pi * x), x), lambda dout, x: (dout * 3.14159 * np.cos(np.pi * x),), {"x": X}
    )
    assert result.verdict == "fail"
    assert result.remarks == (text,)


@pytest.mark.parametrize(
    "backward",
    [
        lambda dout, p: (-dout / (p + 1e-7),),  # right
        lambda dout, p: (-dout / p * 1.001,),
        lambda dout, p: (dout / p,),
        lambda dout, p: (-dout / p + 1e-3 * (p > 0.5),),
        lambda dout, p: (-dout / np.where(p < 0.1, p * 1.5, p),),
    ],
)
def test_what_is_right_and_what_is_wrong_otherwise_is_not_called_that(backward):
    _, found = remarks(log_with_eps, backward, {"p": P})
    assert found == []


def test_small_elements_that_are_wrong_are_no_tiny_difference():
    scales = np.array([1.0, 1e-6])

    def backward(dout, x):
        return (dout * scales * np.array([1.0, 2.0]) * np.cos(x),)

    result, found = remarks(lambda x: (scales * np.sin(x), x), backward, {"x": X[:, :2]})
    assert result.verdict == "fail"
    assert found == []


def test_float32_is_no_tiny_difference():
    def backward(dout, p):
        return (-(dout.astype(np.float32) / p.astype(np.float32)).astype(np.float64),)

    _, found = remarks(log_without, backward, {"p": P})
    assert found == []
