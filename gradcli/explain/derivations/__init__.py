"""The derivations that are shipped, one file for a family of layers."""

from gradcli.explain.derivation import Derivation
from gradcli.explain.derivations import (
    activations,
    affine,
    attention,
    images,
    losses,
    norms,
    picks,
    recurrent,
)

DERIVATIONS: dict[str, Derivation] = {
    "affine": affine.AFFINE,
    "batchnorm": norms.BATCHNORM,
    "layernorm": norms.LAYERNORM,
    "groupnorm": norms.GROUPNORM,
    "rmsnorm": norms.RMSNORM,
    "conv2d": images.CONV2D,
    "maxpool2d": images.MAXPOOL2D,
    "avgpool2d": images.AVGPOOL2D,
    "dropout": picks.DROPOUT,
    "embedding": picks.EMBEDDING,
    "relu": activations.RELU,
    "leaky_relu": activations.LEAKY_RELU,
    "sigmoid": activations.SIGMOID,
    "tanh": activations.TANH,
    "silu": activations.SILU,
    "gelu": activations.GELU,
    "softmax": losses.SOFTMAX,
    "softmax_cross_entropy": losses.SOFTMAX_CROSS_ENTROPY,
    "mse": losses.MSE,
    "scaled_dot_product_attention": attention.ATTENTION,
    "rnn_step": recurrent.RNN_STEP,
    "lstm_step": recurrent.LSTM_STEP,
}
