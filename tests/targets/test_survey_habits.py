"""Torch by hand, margins, flat vectors, late layers and models, checked with nothing said but a name."""

from pathlib import Path

import pytest

from gradcli import check_target
from gradcli.errors import GradcliError
from gradcli.targets.inference.guess import drawn
from gradcli.targets.inference.recipes import by_function

HABITS = Path(__file__).parent / "habits"
IN_TORCH = {
    "Linear": ("dout.sum(dim=0)\n\n\ndef layernorm_f", "dout.mean(dim=0)\n\n\ndef layernorm_f", "b"),
    "layernorm": ("- x_hat * (g * x_hat).mean(dim=1, keepdim=True)", "", "x"),
    "rnn": ("(dh[:, t] + carried)", "(dh[:, t] - carried)", "Wh"),
    "softmax_loss": ("return loss, dx / N", "return loss, dx", "x"),
    "binary_loss": ("((1 - Y) / (1 - AL) - Y / AL)", "((1 - Y) / (1 - AL) + Y / AL)", "AL"),
}
MARGINS = {
    "hinge_loss": ("+ lambda_reg * w\n", "+ 2 * lambda_reg * w\n", "w"),
    "squared_hinge": ("return -2 * y_true", "return -y_true", "y_pred"),
    "logistic_func": ("(-y / (1 +", "(y / (1 +", "w"),
    "cross_entropy": (" - y) / len(y)", " + y) / len(y)", "w"),
    "logistic_neg_ll": ("+ penalty\n", "- penalty\n", "beta"),
    "pr": ("-x[1] / x[2] ** 2", "x[1] / x[2] ** 2", "x"),
    "glove_loss_and_gradient": (
        "grad_context_vec = d_inner * center_vec",
        "grad_context_vec = d_inner * context_vec",
        "context_vec",
    ),
    "SoftmaxCrossEntropy": ("(scores) - target", "(scores) + target", "prediction"),
}
FLAT = {
    "nn_cost_function": ("* a[i] * (1 - a[i])", "* (1 - a[i])", "nn_params"),
    "loss_and_grads": ('"b1": dA.sum(axis=0)', '"b1": dA.mean(axis=0)', "b1"),
    "fit_cost": ("np.outer(error, v) *", "np.outer(error, v) +", "theta"),
}
LATE = {
    "BatchNorm": ("error * self.normalized, axis=0)", "error, axis=0)", "gamma"),
    "Dropout": ("return error * self.mask", "return error", "x"),
    "RecurrentCell": ("self.h_prev.T @ da", "self.h.T @ da", "U"),
    "Recurrent": ("self.dW += self", "self.dW -= self", "cell.W"),
    "MaxPooling2D": ("None] * self.mask", "None] * np.ones_like(self.mask)", "images"),
    "Dense": ("error.sum(axis=0, keepdims=True)", "error.mean(axis=0, keepdims=True)", "bias"),
    "Activation": ("1 - y**2", "1 + y**2", "x"),
}
MODELS = {
    "crf_nll": (
        "np.subtract.at(d_transitions, (tags[:-1], tags[1:]), 1)",
        "d_transitions[tags[:-1], tags[1:]] -= 1",
        "transitions",
    ),
    "hmm_loglik": ("d_B[:, obs[t]] += g", "d_B[:, obs[t]] = g", "log_B"),
    "kl_divergence": ("PQ = (P - Q) * num", "PQ = P - Q", "Y"),
    "MatrixFactorization": (
        "np.add.at(dQ, items, -e[:, None] * self.P[users])",
        "dQ[items] += -e[:, None] * self.P[users]",
        "Q",
    ),
    "skipgram": ("np.add.at(dW_in, centers, ds @ W_out)", "dW_in[centers] += ds @ W_out", "W_in"),
    "bpr_loss": ("dn = -s[:, None] * user + reg * neg", "dn = -s[:, None] * user + reg * pos", "neg"),
    "info_nce": ("dz2 = (dv - v * np.sum(dv * v, axis=1, keepdims=True)) / n2", "dz2 = dv / n2", "z2"),
    "RBFRegression": ("np.trace(M) * 2 *", "np.trace(M) *", "params"),
    "bilinear_sample": ("dr = dout * ((1 - fc) *", "dr = dout * ((1 - fr) *", "coords"),
}
FILES = {
    "in_torch.py": IN_TORCH,
    "margins.py": MARGINS,
    "flat_vectors.py": FLAT,
    "late.py": LATE,
    "models.py": MODELS,
}
TARGETS = [(file, name, *bug) for file, bugs in FILES.items() for name, bug in bugs.items()]

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.parametrize(("file", "name", "right", "wrong", "gradient"), TARGETS)
def test_right_code_passes_and_a_planted_bug_is_found(folder, file, name, right, wrong, gradient):
    if file == "in_torch.py":
        pytest.importorskip("torch")
    source = (HABITS / file).read_text()
    assert source.count(right) == 1
    (folder / file).write_text(source)
    result = check_target(f"{file}:{name}", blame=False, budget=30.0)
    assert (result.verdict, [v for v in result.violations if not v.is_warning]) == ("pass", [])
    assert result.compared
    (folder / file).write_text(source.replace(right, wrong))
    result = check_target(f"{file}:{name}", blame=False, budget=30.0)
    assert gradient in [name for name, found in result.gradients.items() if found.verdict == "fail"]


def test_a_backward_of_predictions_and_labels_is_told_not_to_be_that_of_a_softmax(folder):
    (folder / "loss.py").write_text(SOFTMAX)
    with pytest.raises(GradcliError, match="takes y and no cotangent: it differentiates a cost"):
        check_target("loss.py:softmax")


def test_the_weights_of_a_gru_hold_three_gates():
    widths = [by_function("GRU", name)[0] for name in ("Wx", "Wh")]
    assert widths == [drawn("D 3*H|small"), drawn("H 3*H|small")]


SOFTMAX = """
import numpy as np


def softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(pred, y):
    grad = pred.copy()
    grad[range(len(y)), y] -= 1
    return grad / len(y)
"""
