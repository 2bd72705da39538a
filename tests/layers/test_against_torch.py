"""The built-in layers against PyTorch's own, forward and backward, where PyTorch is installed."""

import numpy as np
import pytest

from gradcli.layers import LAYERS
from tests.layers.cases import CASES, cotangents_for


def by_torch(name, torch):
    F = torch.nn.functional
    return {
        "affine": lambda x, W, b: F.linear(x, W.T, b),
        "batchnorm": lambda x, gamma, beta, eps: F.batch_norm(x, None, None, gamma, beta, True, eps=eps),
        "relu": F.relu,
        "layernorm": lambda x, gamma, beta, eps: F.layer_norm(x, x.shape[1:], gamma, beta, eps),
        "softmax_cross_entropy": F.cross_entropy,
        "leaky_relu": F.leaky_relu,
        "sigmoid": F.sigmoid,
        "tanh": F.tanh,
        "gelu": lambda x: F.gelu(x, approximate="tanh"),
        "silu": F.silu,
        "softmax": lambda x: F.softmax(x, dim=-1),
        "mse": F.mse_loss,
        "dropout": lambda x, mask, p: torch.where(mask, x / (1 - p), 0.0),
        "embedding": F.embedding,
        "conv2d": F.conv2d,
        "maxpool2d": F.max_pool2d,
        "avgpool2d": F.avg_pool2d,
        "rmsnorm": lambda x, gamma, eps: F.rms_norm(x, x.shape[1:], gamma, eps),
        "groupnorm": lambda x, gamma, beta, groups, eps: F.group_norm(x, groups, gamma, beta, eps),
        "scaled_dot_product_attention": lambda q, k, v, causal: F.scaled_dot_product_attention(
            q, k, v, is_causal=causal
        ),
        "rnn_step": lambda x, h_prev, Wx, Wh, b: torch.rnn_tanh_cell(x, h_prev, Wx.T, Wh.T, b, 0 * b),
        "lstm_step": lambda x, h_prev, c_prev, Wx, Wh, b: lstm_cell(torch, x, h_prev, c_prev, Wx, Wh, b),
    }[name]


def lstm_cell(torch, x, h_prev, c_prev, Wx, Wh, b):
    """PyTorch has the blocks in the order i, f, g, o."""

    def reordered(blocks):
        i, f, o, g = blocks.chunk(4, dim=-1)
        return torch.cat((i, f, g, o), dim=-1)

    Wx, Wh, b = reordered(Wx), reordered(Wh), reordered(b)
    return torch.lstm_cell(x, (h_prev, c_prev), Wx.T, Wh.T, b, 0 * b)


OPTIONS_OF_TORCH = {
    "leaky_relu": {"slope": "negative_slope"},
    "maxpool2d": {"kernel": "kernel_size"},
    "avgpool2d": {"kernel": "kernel_size"},
}


def torch_accepts(case):
    """PyTorch refuses to train a batch-norm on a single row."""
    return not (case.layer.name == "batchnorm" and case.complete["batch"] == 1)


@pytest.mark.parametrize("case", [case for case in CASES if torch_accepts(case)], ids=str)
def test_a_layer_agrees_with_pytorch(case):
    torch = pytest.importorskip("torch")
    name = case.layer.name
    inputs = case.draw(seed=9)
    outputs, cache = case.forward(inputs)
    cotangents = cotangents_for(outputs)
    gradients = case.backward(cotangents, cache)

    tensors = {argument: torch.from_numpy(array.copy()) for argument, array in inputs.items()}
    for argument in gradients:
        tensors[argument].requires_grad_()
    renamed = {OPTIONS_OF_TORCH.get(name, {}).get(option, option): v for option, v in case.constants.items()}
    positional = list(tensors.values())
    expected = by_torch(name, torch)(*positional, **renamed)
    expected = expected if isinstance(expected, tuple) else (expected,)
    torch.autograd.backward(expected, [torch.from_numpy(c.copy()) for c in cotangents])

    for out, tensor in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(out, tensor.detach().numpy(), rtol=1e-11, atol=1e-13)
    for argument, gradient in gradients.items():
        np.testing.assert_allclose(gradient, tensors[argument].grad.numpy(), rtol=1e-9, atol=1e-12)


def test_pytorch_knows_every_layer():
    torch = pytest.importorskip("torch")
    assert all(by_torch(name, torch) for name in LAYERS)
