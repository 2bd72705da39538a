"""The derivations that are shipped, one file for a family of layers."""

from gradcli.explain.derivation import Derivation
from gradcli.explain.derivations import activations, affine, attention, losses, norms, recurrent

DERIVATIONS: dict[str, Derivation] = {
    "affine": affine.AFFINE,
    "batchnorm": norms.BATCHNORM,
    "layernorm": norms.LAYERNORM,
    "rmsnorm": norms.RMSNORM,
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
