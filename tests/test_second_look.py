"""What a first pass leaves open is settled before it counts: beside kinks, at ties, in mixed precisions."""

import numpy as np
import pytest

import gradcli


def maxpool_forward(x):
    n, c, h, w = x.shape
    out = np.zeros((n, c, h // 2, w // 2))
    for i in range(h // 2):
        for j in range(w // 2):
            out[:, :, i, j] = x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max(axis=(2, 3))
    return out, x


def maxpool_backward(dout, x):
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(dout.shape):
        window = x[n, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        a, b = np.unravel_index(np.argmax(window), window.shape)
        dx[n, c, 2 * i + a, 2 * j + b] += dout[n, c, i, j]
    return dx


@pytest.mark.parametrize("seed", range(3))
def test_a_rival_within_the_first_step_is_neither_doubt_nor_cover(seed):
    x = np.random.default_rng(seed).uniform(size=(2, 2, 4, 6))
    right = gradcli.check(maxpool_forward, maxpool_backward, {"x": x}, seed=seed)
    assert right.verdict == "pass"
    gradient = right.gradients["x"]
    assert gradient.allowed.max() <= 1e-3 * np.abs(gradient.numeric).max()

    least_known = tuple(int(i) for i in np.unravel_index(np.argmax(gradient.allowed), x.shape))

    def wrong(dout, x):
        dx = maxpool_backward(dout, x)
        dx[least_known] += 0.04 * dout.flat[0]
        return dx

    assert gradcli.check(maxpool_forward, wrong, {"x": x}, seed=seed, blame=False).verdict == "fail"


def sort_forward(x):
    order = np.argsort(x, kind="stable")
    return x[order], order


def sort_backward(dout, order):
    dx = np.empty_like(dout)
    dx[order] = dout
    return dx


TIED = np.array([1.0, 0.0, 1.0, 2.0, 1.0])


@pytest.mark.parametrize("seed", range(5))
def test_a_gradient_that_is_right_for_values_slightly_apart_is_right_at_their_tie(seed):
    assert gradcli.check(sort_forward, sort_backward, {"x": TIED}, seed=seed).verdict == "pass"


def test_a_gradient_that_is_right_nowhere_near_a_tie_is_wrong_at_it():
    def wrong(dout, order):
        return sort_backward(dout, order) * np.array([1, 1, 1.5, 1, 1])

    assert gradcli.check(sort_forward, wrong, {"x": TIED}).verdict == "fail"


def test_a_gradient_given_to_every_tied_maximum_is_said_to_be_that():
    def forward(x):
        out = x.max(axis=1, keepdims=True)
        return out, (x, out)

    def backward(dout, cache):
        x, out = cache
        return (x == out) * dout

    result = gradcli.check(forward, backward, {"x": np.array([[1.0, 1.0, 0.0], [2.0, 0.0, 1.0]])})
    assert [v.message for v in result.violations if v.code == "GC101"] == [
        "2 tied elements of x share one slope, and their gradients do not add up to it"
    ]


@pytest.mark.parametrize("seed", range(6))
def test_float64_that_was_made_from_float16_is_judged_as_float16(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((5, 3)).astype(np.float16)

    def backward(dout, x):
        rounded = (dout * np.cos(x)).astype(np.float16)
        return rounded.astype(np.float64)

    result = gradcli.check(lambda x: (np.sin(x), x), backward, {"x": x}, seed=seed)
    assert result.gradients["x"].verdict != "fail"


@pytest.mark.parametrize("scale", [30, 300])
def test_subnormal_float32_in_a_float64_array_scales_well_enough(scale):
    x = (scale * np.random.default_rng(1).standard_normal((3, 4))).astype(np.float32)

    def forward(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        return p, p

    def backward(dout, p):
        dx = np.zeros(p.shape)
        dx[:] = p * (dout - (dout * p).sum(axis=1, keepdims=True))
        return dx

    assert not [v for v in gradcli.check(forward, backward, {"x": x}).violations if not v.is_warning]


FAST = np.array([[-1847324.8, 652523.8, 746885.6], [-689428.3, 163458.2, 1339957.0]])


@pytest.mark.parametrize("x", [FAST, FAST[0, 0], FAST[:, :1]], ids=["matrix", "number", "column"])
def test_a_function_far_faster_than_its_input_is_large_is_no_noise(x):
    def forward(x):
        return np.sin(np.abs(x)) * x, x

    def backward(dout, x):
        return dout * (np.cos(np.abs(x)) * np.sign(x) * x + np.sin(np.abs(x)))

    x = np.asarray(x)
    right = gradcli.check(forward, backward, {"x": x})
    assert (right.verdict, right.violations) == ("pass", ())
    assert (
        gradcli.check(forward, lambda d, x: 1.001 * backward(d, x), {"x": x}, blame=False).verdict == "fail"
    )


@pytest.mark.parametrize("shape", [(5, 1), (4,), (2, 3)])
def test_a_gradient_that_is_exactly_zero_is_left_to_the_method_that_says_so(shape):
    """tanh(x) - x goes as x cubed: near 0, differences see the rounding of tanh(x), at 0 there is none."""
    result = gradcli.check(
        lambda x: (np.tanh(x) - x, x), lambda d, x: d * -(np.tanh(x) ** 2), {"x": np.zeros(shape)}
    )
    assert (result.verdict, result.gradients["x"].note) == ("pass", "zero")
