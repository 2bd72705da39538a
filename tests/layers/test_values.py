"""Every forward against a slow, literal computation, and the hard cases of each layer by hand."""

import math

import numpy as np
import pytest

from gradcli.layers import LAYERS
from gradcli.layers.avgpool2d import avgpool2d_backward, avgpool2d_forward
from gradcli.layers.batchnorm import batchnorm_backward, batchnorm_forward
from gradcli.layers.conv2d import conv2d_forward
from gradcli.layers.dropout import dropout_backward, dropout_forward
from gradcli.layers.embedding import embedding_backward, embedding_forward
from gradcli.layers.layernorm import layernorm_backward, layernorm_forward
from gradcli.layers.leaky_relu import leaky_relu_backward, leaky_relu_forward
from gradcli.layers.maxpool2d import maxpool2d_backward, maxpool2d_forward
from gradcli.layers.mse import mse_backward, mse_forward
from gradcli.layers.relu import relu_backward, relu_forward
from gradcli.layers.scaled_dot_product_attention import (
    scaled_dot_product_attention_backward,
    scaled_dot_product_attention_forward,
)
from gradcli.layers.sigmoid import sigmoid_backward, sigmoid_forward
from gradcli.layers.silu import silu_backward, silu_forward
from gradcli.layers.softmax import softmax_backward, softmax_forward
from gradcli.layers.softmax_cross_entropy import softmax_cross_entropy_backward, softmax_cross_entropy_forward
from gradcli.layers.tanh import tanh_backward, tanh_forward
from tests.layers.cases import CASES, Case, cotangents_for


def elementwise(function):
    return lambda x, **options: np.vectorize(lambda element: function(element, **options), otypes=[float])(x)


def logistic(x):
    return 1 / (1 + math.exp(-x))


def normalised(values, eps):
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / len(values)
    return np.array([(value - mean) / math.sqrt(variance + eps) for value in values])


def literal_batchnorm(x, gamma, beta, eps):
    return np.stack([normalised(column, eps) for column in x.T], axis=1) * gamma + beta


def literal_layernorm(x, gamma, beta, eps):
    return np.stack([normalised(row, eps) for row in x]) * gamma + beta


def literal_rmsnorm(x, gamma, eps):
    return np.stack([row / math.sqrt(sum(row**2) / len(row) + eps) for row in x]) * gamma


def literal_groupnorm(x, gamma, beta, groups, eps):
    out = np.empty_like(x)
    size = x.shape[1] // groups
    for n in range(x.shape[0]):
        for first in range(0, x.shape[1], size):
            block = x[n, first : first + size]
            out[n, first : first + size] = normalised(list(block.ravel()), eps).reshape(block.shape)
    for channel in range(x.shape[1]):
        out[:, channel] = out[:, channel] * gamma[channel] + beta[channel]
    return out


def literal_softmax(row):
    return np.array([math.exp(element) for element in row]) / sum(math.exp(element) for element in row)


def literal_cross_entropy(logits, y):
    losses = [-math.log(literal_softmax(row)[label]) for row, label in zip(logits, y, strict=True)]
    return sum(losses) / len(losses)


def literal_conv2d(x, W, b, stride, padding):
    N, C, height, width = x.shape
    F, _, KH, KW = W.shape
    OH, OW = (height + 2 * padding - KH) // stride + 1, (width + 2 * padding - KW) // stride + 1
    out = np.zeros((N, F, OH, OW))
    for n, f, i, j in np.ndindex(out.shape):
        out[n, f, i, j] = b[f]
        for c, u, v in np.ndindex(C, KH, KW):
            row, column = i * stride + u - padding, j * stride + v - padding
            if 0 <= row < height and 0 <= column < width:
                out[n, f, i, j] += W[f, c, u, v] * x[n, c, row, column]
    return out


def literal_pool(reduce):
    def pool(x, kernel, stride):
        N, C, height, width = x.shape
        out = np.empty((N, C, (height - kernel) // stride + 1, (width - kernel) // stride + 1))
        for n, c, i, j in np.ndindex(out.shape):
            top, left = i * stride, j * stride
            out[n, c, i, j] = reduce(x[n, c, top : top + kernel, left : left + kernel])
        return out

    return pool


def literal_attention(q, k, v, causal):
    out = np.zeros_like(q)
    for n, h, t in np.ndindex(q.shape[:3]):
        seen = t + 1 if causal else q.shape[2]
        weights = literal_softmax([q[n, h, t] @ k[n, h, s] / math.sqrt(q.shape[3]) for s in range(seen)])
        out[n, h, t] = sum(weights[s] * v[n, h, s] for s in range(seen))
    return out


def literal_lstm_step(x, h_prev, c_prev, Wx, Wh, b):
    i, f, o, g = np.split(x @ Wx + h_prev @ Wh + b, 4, axis=1)
    sigmoid = np.vectorize(logistic, otypes=[float])
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


LITERAL = {
    "affine": lambda x, W, b: np.einsum("nd,dm->nm", x, W) + b,
    "batchnorm": literal_batchnorm,
    "relu": elementwise(lambda x: max(x, 0.0)),
    "layernorm": literal_layernorm,
    "softmax_cross_entropy": literal_cross_entropy,
    "leaky_relu": elementwise(lambda x, slope: max(x, 0.0) + slope * min(x, 0.0)),
    "sigmoid": elementwise(logistic),
    "tanh": elementwise(math.tanh),
    "gelu": elementwise(
        lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    ),
    "silu": elementwise(lambda x: x * logistic(x)),
    "softmax": lambda x: np.stack([literal_softmax(row) for row in x]),
    "mse": lambda prediction, target: sum((prediction - target).ravel() ** 2) / target.size,
    "dropout": lambda x, mask, p: np.where(mask, x / (1 - p), 0.0),
    "embedding": lambda indices, table: np.stack([table[index] for index in indices]),
    "conv2d": literal_conv2d,
    "maxpool2d": literal_pool(np.max),
    "avgpool2d": literal_pool(np.mean),
    "rmsnorm": literal_rmsnorm,
    "groupnorm": literal_groupnorm,
    "scaled_dot_product_attention": literal_attention,
    "rnn_step": lambda x, h_prev, Wx, Wh, b: np.tanh(np.hstack([x, h_prev]) @ np.vstack([Wx, Wh]) + b),
    "lstm_step": literal_lstm_step,
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_forward_computes_what_its_formula_says(case):
    inputs = case.draw(seed=2)
    outputs, _ = case.forward(inputs)
    expected = LITERAL[case.layer.name](**inputs, **case.constants)
    expected = expected if isinstance(expected, tuple) else (expected,)
    for out, literal in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(out, literal, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_convolution_is_the_naive_loop_at_every_stride_and_padding(stride, padding):
    rng = np.random.default_rng(4)
    x, W, b = rng.standard_normal((2, 3, 7, 6)), rng.standard_normal((4, 3, 3, 2)), rng.standard_normal(4)
    out, _ = conv2d_forward(x, W, b, stride=stride, padding=padding)
    np.testing.assert_allclose(out, literal_conv2d(x, W, b, stride, padding), rtol=1e-12, atol=1e-13)


def test_affine_gradients_are_the_textbook_products():
    case = Case(LAYERS["affine"], {"batch": 4})
    inputs = case.draw()
    outputs, cache = case.forward(inputs)
    (dout,) = cotangents_for(outputs)
    gradients = case.backward((dout,), cache)
    np.testing.assert_allclose(gradients["x"], np.einsum("nm,dm->nd", dout, inputs["W"]), rtol=1e-14)
    np.testing.assert_allclose(gradients["W"], np.einsum("nd,nm->dm", inputs["x"], dout), rtol=1e-14)
    np.testing.assert_allclose(gradients["b"], np.einsum("nm->m", dout), rtol=1e-14)


def test_batchnorm_gradient_is_the_closed_form_of_the_derivation():
    case = Case(LAYERS["batchnorm"], {"batch": 6, "features": 4})
    inputs = case.draw()
    outputs, cache = case.forward(inputs)
    (dout,) = cotangents_for(outputs)
    gradients = case.backward((dout,), cache)
    dx_hat = dout * inputs["gamma"]
    projected = dx_hat - dx_hat.mean(axis=0) - cache.x_hat * (dx_hat * cache.x_hat).mean(axis=0)
    np.testing.assert_allclose(gradients["x"], projected / np.sqrt(cache.var + 1e-5), rtol=1e-12, atol=1e-14)


def test_batchnorm_of_a_single_row_is_beta_and_passes_no_gradient_to_x():
    x, gamma, beta = np.array([[1.0, -2.0]]), np.array([3.0, 4.0]), np.array([5.0, 6.0])
    y, cache = batchnorm_forward(x, gamma, beta)
    np.testing.assert_array_equal(y, [beta])
    dx, dgamma, dbeta = batchnorm_backward(np.array([[7.0, 8.0]]), cache)
    np.testing.assert_array_equal(dx, [[0.0, 0.0]])
    np.testing.assert_array_equal(dgamma, [0.0, 0.0])
    np.testing.assert_array_equal(dbeta, [7.0, 8.0])


@pytest.mark.parametrize(
    ("forward", "backward", "x"),
    [
        (batchnorm_forward, batchnorm_backward, np.array([[0.5, 1.0], [0.5, 1.01]])),
        (layernorm_forward, layernorm_backward, np.array([[0.5, 0.5], [1.0, 1.01]])),
    ],
)
def test_a_constant_or_nearly_constant_input_stays_finite_in_float16(forward, backward, x):
    ones, zeros = np.ones(2, np.float16), np.zeros(2, np.float16)
    out, cache = forward(x.astype(np.float16), ones, zeros)
    gradients = backward(np.array([[0.5, -1.0], [0.25, 2.0]], np.float16), cache)
    assert all(np.isfinite(array).all() for array in (out, *gradients))


def test_relu_passes_nothing_at_zero():
    out, cache = relu_forward(np.array([[-1.0, 0.0, 2.0]]))
    np.testing.assert_array_equal(out, [[0.0, 0.0, 2.0]])
    np.testing.assert_array_equal(relu_backward(np.full((1, 3), 5.0), cache)[0], [[0.0, 0.0, 5.0]])


def test_leaky_relu_has_the_negative_slope_at_zero():
    out, cache = leaky_relu_forward(np.array([[-2.0, 0.0, 2.0]]), slope=0.25)
    np.testing.assert_array_equal(out, [[-0.5, 0.0, 2.0]])
    np.testing.assert_array_equal(leaky_relu_backward(np.full((1, 3), 4.0), cache)[0], [[1.0, 1.0, 4.0]])


@pytest.mark.parametrize("x", [-40.0, -20.0, -1.0, 0.0, 1.0, 20.0, 40.0])
def test_saturated_derivatives_keep_their_digits(x):
    _, cache = sigmoid_forward(np.array([x]))
    expected = 1 / (2 + math.exp(x) + math.exp(-x))
    np.testing.assert_allclose(sigmoid_backward(np.ones(1), cache)[0], [expected], rtol=1e-14)
    _, cache = tanh_forward(np.array([x]))
    np.testing.assert_allclose(tanh_backward(np.ones(1), cache)[0], [1 / math.cosh(x) ** 2], rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_far_out_the_squashing_functions_neither_overflow_nor_warn(dtype):
    x, ones = np.array([[-1e4, 1e4]], dtype), np.ones((1, 2), dtype)
    expected = {
        (sigmoid_forward, sigmoid_backward): ([0, 1], [0, 0]),
        (tanh_forward, tanh_backward): ([-1, 1], [0, 0]),
        (silu_forward, silu_backward): ([0, 1e4], [0, 1]),
        (softmax_forward, softmax_backward): ([0, 1], [0, 0]),
    }
    for (forward, backward), (out, gradient) in expected.items():
        computed, cache = forward(x)
        np.testing.assert_array_equal(computed, np.array([out], dtype))
        np.testing.assert_array_equal(backward(ones, cache)[0], np.array([gradient], dtype))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_cross_entropy_is_stable_for_logits_of_a_thousand(dtype):
    logits = np.array([[1e3, 0.0, -1e3], [-1e3, 1e3, 0.0]], dtype)
    loss, cache = softmax_cross_entropy_forward(logits, np.array([0, 2]))
    assert loss == 500  # nothing for the right guess, 1000 for the wrong one, over two rows
    assert loss.shape == ()
    (dlogits,) = softmax_cross_entropy_backward(np.asarray(1, dtype), cache)
    np.testing.assert_array_equal(dlogits, [[0, 0, 0], [0, 0.5, -0.5]])


def test_cross_entropy_gradient_is_softmax_minus_one_hot_over_the_batch():
    rng = np.random.default_rng(5)
    logits, y = rng.standard_normal((4, 3)), np.array([2, 0, 0, 1])
    _, cache = softmax_cross_entropy_forward(logits, y)
    (dlogits,) = softmax_cross_entropy_backward(np.asarray(3.0), cache)
    expected = 3.0 * (np.stack([literal_softmax(row) for row in logits]) - np.eye(3)[y]) / 4
    np.testing.assert_allclose(dlogits, expected, rtol=1e-13, atol=1e-16)


def test_a_loss_multiplies_by_its_cotangent():
    prediction, target = np.array([[1.0, 4.0]]), np.array([[3.0, 1.0]])
    loss, cache = mse_forward(prediction, target)
    assert loss == 6.5
    dprediction, dtarget = mse_backward(np.asarray(10.0), cache)
    np.testing.assert_array_equal(dprediction, [[-20.0, 30.0]])
    np.testing.assert_array_equal(dtarget, [[20.0, -30.0]])


def test_dropout_keeps_the_expectation():
    mask = np.array([[True, False, True, True]])
    out, cache = dropout_forward(np.array([[1.0, 2.0, 3.0, -4.0]]), mask, p=0.75)
    np.testing.assert_array_equal(out, [[4.0, 0.0, 12.0, -16.0]])
    np.testing.assert_array_equal(dropout_backward(np.ones((1, 4)), cache)[0], [[4.0, 0.0, 4.0, 4.0]])


def test_rows_picked_twice_accumulate():
    indices, table = np.array([2, 0, 2, 2]), np.arange(6.0).reshape(3, 2)
    out, cache = embedding_forward(indices, table)
    np.testing.assert_array_equal(out, [[4, 5], [0, 1], [4, 5], [4, 5]])
    (dtable,) = embedding_backward(np.array([[1.0, 2.0], [10.0, 20.0], [3.0, 4.0], [5.0, 6.0]]), cache)
    np.testing.assert_array_equal(dtable, [[10.0, 20.0], [0.0, 0.0], [9.0, 12.0]])


def test_of_equal_maxima_the_first_in_reading_order_receives_the_gradient():
    x = np.zeros((1, 1, 2, 4))
    x[0, 0, :, 2:] = [[1.0, 3.0], [3.0, 3.0]]
    out, cache = maxpool2d_forward(x, kernel=2, stride=2)
    np.testing.assert_array_equal(out, [[[[0.0, 3.0]]]])
    (dx,) = maxpool2d_backward(np.array([[[[5.0, 7.0]]]]), cache)
    np.testing.assert_array_equal(dx, [[[[5.0, 0.0, 0.0, 7.0], [0.0, 0.0, 0.0, 0.0]]]])


def test_an_element_that_wins_several_windows_collects_them_all():
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 1, 1] = 1.0
    _, cache = maxpool2d_forward(x, kernel=2, stride=1)
    (dx,) = maxpool2d_backward(np.array([[[[1.0, 2.0], [4.0, 8.0]]]]), cache)
    np.testing.assert_array_equal(dx, 15.0 * x)


def test_pixels_that_no_window_reaches_have_no_gradient():
    for forward, backward in (
        (maxpool2d_forward, maxpool2d_backward),
        (avgpool2d_forward, avgpool2d_backward),
    ):
        out, cache = forward(np.random.default_rng(6).standard_normal((2, 3, 5, 5)), kernel=2, stride=2)
        (dx,) = backward(np.ones_like(out), cache)
        assert not dx[:, :, 4, :].any()
        assert not dx[:, :, :, 4].any()
        assert dx.sum() == out.size


def test_a_causal_position_sees_no_later_one_in_either_direction():
    rng = np.random.default_rng(7)
    q, k, v = (rng.standard_normal((1, 2, 4, 3)) for _ in range(3))
    out, cache = scaled_dot_product_attention_forward(q, k, v, causal=True)
    assert not np.triu(cache.weights, 1).any()
    np.testing.assert_array_equal(out[:, :, 0], v[:, :, 0])
    changed_k, changed_v = k.copy(), v.copy()
    changed_k[:, :, 3] = changed_v[:, :, 3] = 9.0
    later, _ = scaled_dot_product_attention_forward(q, changed_k, changed_v, causal=True)
    np.testing.assert_array_equal(out[:, :, :3], later[:, :, :3])
    dout = rng.standard_normal(out.shape)
    dout[:, :, 2:] = 0.0  # nothing comes back from the last two positions
    for gradient in scaled_dot_product_attention_backward(dout, cache):
        assert not gradient[:, :, 2:].any()


def test_attention_scores_stay_finite_under_the_mask():
    case = Case(LAYERS["scaled_dot_product_attention"], {"causal": True})
    _, cache = case.forward(case.draw())
    assert np.isfinite(cache.scores).all()


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_stable_for_scores_of_a_thousand(causal):
    rng = np.random.default_rng(8)
    q, k, v = (1e2 * rng.standard_normal((1, 1, 4, 3)) for _ in range(3))
    out, cache = scaled_dot_product_attention_forward(q, k, v, causal=causal)
    gradients = scaled_dot_product_attention_backward(np.ones_like(out), cache)
    assert all(np.isfinite(array).all() for array in (out, *gradients))
