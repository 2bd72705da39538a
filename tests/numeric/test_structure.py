"""Separable axes are discovered, never assumed; cost grows with what they leave."""

import numpy as np
import pytest

import gradcli
from gradcli.layers.batchnorm import batchnorm_backward, batchnorm_forward
from gradcli.numeric import Function, output_noise
from gradcli.numeric.structure import Structure, discover

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape)


def structure_of(forward, inputs, name="x") -> Structure:
    """What is discovered about one input; forward returns one output or a tuple."""
    rng = np.random.default_rng(1)

    def call(arrays):
        out = forward(**arrays)
        return tuple(np.asarray(o) for o in (out if isinstance(out, tuple) else (out,)))

    function = Function(call, inputs)
    return discover(function, name, output_noise(function, rng), rng)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention(q, k, v):
    return softmax(q @ k.swapaxes(-1, -2) / 2) @ v


BATCHNORM = {"x": normal(6, 4), "gamma": normal(4), "beta": normal(4)}
AFFINE = {"x": normal(16, 64), "W": normal(64, 32), "b": normal(32)}
ATTENTION = {name: normal(2, 3, 5, 4) for name in "qkv"}


def batchnorm(**inputs):
    return batchnorm_forward(**inputs)[0]


def affine(x, W, b):
    return x @ W + b


@pytest.mark.parametrize(
    ("forward", "inputs", "name", "separable"),
    [
        (np.sin, normal(3, 4, 5), "x", (0, 1, 2)),
        (lambda x: x.T**2, normal(4, 4), "x", (0, 1)),
        (lambda x: np.moveaxis(x, 0, 2), normal(2, 3, 4), "x", (0, 1, 2)),
        (softmax, normal(5, 7), "x", (0,)),
        (lambda x: np.sum(x**2), normal(3, 4), "x", ()),
        (lambda x: x + x.T, normal(4, 4), "x", ()),
        (lambda x: np.cumsum(x, axis=0), normal(5, 7), "x", (1,)),
        (lambda x: np.roll(x, 1, axis=0), normal(5, 7), "x", (1,)),
        (batchnorm, BATCHNORM, "x", (1,)),
        (batchnorm, BATCHNORM, "gamma", (0,)),
        (batchnorm, BATCHNORM, "beta", (0,)),
        (affine, AFFINE, "x", (0,)),
        (affine, AFFINE, "W", (1,)),
        (affine, AFFINE, "b", (0,)),
        (attention, ATTENTION, "q", (0, 1, 2)),
        (attention, ATTENTION, "k", (0, 1)),
        (attention, ATTENTION, "v", (0, 1, 3)),
        (np.sin, normal(), "x", ()),
        (np.sin, normal(1, 1), "x", ()),
    ],
)
def test_the_axes_along_which_rows_are_independent(forward, inputs, name, separable):
    given = inputs if isinstance(inputs, dict) else {"x": inputs}
    call = forward if isinstance(inputs, dict) else lambda x: forward(x)
    assert structure_of(call, given, name).separable == separable


def test_one_row_that_reads_another_one_undoes_an_axis():
    """Row 5 of 64 also reads row 40: found whichever two rows they are."""
    for reader, read in ((5, 40), (0, 63), (62, 63), (32, 0)):

        def forward(x, reader=reader, read=read):
            out = np.sin(x)
            out[reader] += 1e-3 * x[read]
            return out

        assert structure_of(forward, {"x": normal(64, 3)}).separable == (1,)


def test_rows_that_a_common_shift_ties_by_rounding_only_stay_separable():
    def stabilised_by_the_global_maximum(x):
        e = np.exp(x - x.max())
        return e / e.sum(axis=-1, keepdims=True)

    assert structure_of(stabilised_by_the_global_maximum, {"x": normal(5, 7)}).separable == (0,)


def test_two_outputs_must_both_be_separable_along_an_axis():
    x = {"x": normal(5, 7)}
    assert structure_of(lambda x: (x**2, np.exp(x)), x).separable == (0, 1)
    both = structure_of(lambda x: (x**2, x.sum(axis=0)), x)
    assert (both.separable, both.partners) == ((1,), ((1,), (0,)))
    assert structure_of(lambda x: (x**2, x.sum()), x).separable == ()


def test_an_axis_of_the_output_serves_one_axis_of_the_input():
    assert structure_of(lambda x: x.T**2, {"x": normal(4, 4)}).partners == ((1, 0),)


@pytest.mark.parametrize("length", [2, 3, 7, 64, 100])
def test_a_separable_axis_costs_two_evaluations_for_each_bit_of_its_length(length):
    calls = []

    def forward(x):
        calls.append(1)
        return np.sin(x)

    function = Function(lambda arrays: (forward(arrays["x"]),), {"x": normal(length)})
    noise = output_noise(function, np.random.default_rng(0))
    calls.clear()
    assert discover(function, "x", noise, np.random.default_rng(0)).separable == (0,)
    width = (length - 1).bit_length()
    assert len(calls) <= width + width.bit_length()


def test_separable_rows_may_differ_by_many_orders_of_magnitude():
    x = normal(6, 3) * 10.0 ** np.array([[-8], [-4], [0], [0], [2], [4]])
    assert structure_of(lambda x: x / np.sqrt(np.sum(x**2, axis=1, keepdims=True)), {"x": x}).separable == (
        0,
    )


# --- what it is for


def evaluations(forward, backward, inputs, **settings) -> dict[str, int]:
    result = gradcli.check(forward, backward, inputs, **settings)
    assert result.passed
    return {name: gradient.evaluations for name, gradient in result.gradients.items()}


def batchnorm_inputs(n, d):
    return {"x": normal(n, d), "gamma": normal(d), "beta": normal(d)}


@pytest.mark.parametrize("method", ["auto", "central"])
def test_batchnorm_takes_evaluations_by_the_batch_and_not_by_the_features(method):
    def cost(n, d):
        return evaluations(batchnorm_forward, batchnorm_backward, batchnorm_inputs(n, d), method=method)

    narrow, wide, tall = cost(8, 16), cost(8, 256), cost(31, 16)
    # The search for the axes of all three is shared. In x, where central differences were too blunt for some
    # element, there is a full ladder for the batch that it is in.
    ladder = {"auto": 0, "central": 22}[method]
    assert wide["x"] <= narrow["x"] + 8 * ladder
    assert all(wide[name] <= narrow[name] for name in ("gamma", "beta"))
    assert tall["x"] - narrow["x"] >= 31 - 8
    assert tall["gamma"] == narrow["gamma"]


def test_batchnorm_64_by_256_takes_no_more_evaluations_than_its_columns_are_long():
    result = gradcli.check(batchnorm_forward, batchnorm_backward, batchnorm_inputs(64, 256))
    assert result.passed
    assert result.gradients["x"].evaluations < 64
    assert result.gradients["gamma"].evaluations < 8
    assert result.evaluations < 90


@pytest.mark.parametrize(
    ("f", "derivative"),
    [(np.sin, np.cos), (np.abs, np.sign), (lambda x: 3 * x, lambda x: np.full(x.shape, 3.0))],
    ids=["complex", "central", "linear"],
)
def test_an_elementwise_layer_takes_as_many_evaluations_at_every_size(f, derivative):
    costs = [
        evaluations(lambda x: (f(x), x), lambda d, x: d * derivative(x), {"x": normal(n, n)})["x"]
        for n in (4, 64)
    ]
    # Only the search for the axes grows, with the number of bits.
    assert costs[1] - costs[0] <= 2 * (4 + 1)


def test_a_scalar_loss_takes_one_evaluation_for_each_element():
    cost = evaluations(lambda x: (np.sum(np.sin(x)), x), lambda d, x: d * np.cos(x), {"x": normal(10, 20)})
    assert 200 <= cost["x"] <= 230


def test_an_error_in_one_row_of_many_that_move_together_is_found_there():
    factor = np.ones((50, 40))
    factor[17, 33] = 1.0001
    result = gradcli.check(
        lambda x: (softmax(x), softmax(x)),
        lambda d, y: factor * y * (d - np.sum(d * y, axis=-1, keepdims=True)),
        {"x": normal(50, 40)},
    )
    gradient = result.gradients["x"]
    assert (gradient.verdict, gradient.worst_index) == ("fail", (17, 33))
    assert gradient.failing is not None
    assert gradient.failing.sum() == 1


@pytest.mark.parametrize(
    ("f", "derivative"),
    [
        (lambda x: np.abs(x) ** 3, lambda x: 3 * np.abs(x) * x),
        (np.sin, np.cos),
        (np.negative, lambda x: -1.0),
    ],
    ids=["central", "complex", "linear"],
)
@pytest.mark.parametrize("elements", ["all", "probe"])
def test_a_lone_number_is_an_input_like_any_other(f, derivative, elements):
    x = {"x": np.array(1e-3)}

    def verdict(factor):
        return gradcli.check(
            lambda x: (f(x), x), lambda d, x: factor * d * derivative(x), x, elements=elements, blame=False
        ).verdict

    assert (verdict(1.0), verdict(1.01)) == ("pass", "fail")
