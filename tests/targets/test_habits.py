"""Files in the style of what people have, checked with nothing said but their name."""

from pathlib import Path

import pytest

from gradcli import check_target

HABITS = Path(__file__).parent / "habits"

# The function or class, what is right in it, what is written in its place, the gradients that are wrong then.
ASSIGNMENT = {
    "affine": ("np.sum(dout, axis=0)\n    return dx, dw", "np.mean(dout, axis=0)\n    return dx, dw", "b"),
    "relu": ("dout * (x > 0)", "dout * (x > -0.3)", "x"),
    "affine_relu": ("affine_backward(da, fc_cache)", "affine_backward(dout, fc_cache)", "x w b"),
    "batchnorm": ("dx_hat.sum(axis=0) - x_hat", "x_hat", "x"),
    "dropout": ("return dout * mask if", "return dout * (mask > 0) if", "x"),
    "conv_naive": ("dxp[:, :, rows, columns] += np", "dxp[:, :, rows, columns] = np", "x"),
    "max_pool_naive": ("dx[:, :, rows, columns] += mask *", "dx[:, :, rows, columns] += ", "x"),
    "rnn_step": ("(1 - next_h**2)", "(1 - next_h)", "x prev_h Wx Wh b"),
    "rnn": ("dWh += dWh_t", "dWh = dWh_t", "Wh"),
    "lstm_step": ("dc * f, x", "dc, x", "prev_c"),
    "word_embedding": ("np.add.at(dW, x, dout)", "dW[x] += dout", "W"),
    "svm_loss": ("dx[np.arange(N), y] -= dx.sum(axis=1)", "dx[np.arange(N), y] -= 1", "x"),
    "softmax_loss_vectorized": ("+ 2 * reg * W", "+ reg * W", "W"),
}
COSTS = {
    "sigmoid": ("return s * (1 - s)", "return s * (1 + s)", "z"),
    "tanh": ("1.0 - y**2", "1.0 - y**4", "x"),
    "costFunctionReg": ("lambda_ / m * theta[1:]\n    return", "lambda_ * theta[1:]\n    return", "theta"),
    "linear_reg_cost": ("X.T @ residual / len(y)", "X.T @ residual / (len(y) - 1)", "theta"),
    "nn_cost_function": ("* a2[:, 1:] * (1 - a2[:, 1:])", "* a2[:, 1:]", "nn_params"),
    "logistic_loss": ("db = np.mean(p - y)", "db = np.sum(p - y)", "b"),
    "rosenbrock": ("d[1:] += 200", "d[1:] += 100", "x"),
    "rosenbrock_der": ("= H[i + 1, i] = -400", "= H[i + 1, i] = -200", "x"),
    "huber_loss": ("delta * np.sign(r)) / r.size\n    return", "delta) / r.size\n    return", "pred"),
}
PLAIN = {
    "linear": ("gy.T @ x, gy.sum(axis=0)", "gy.T @ x, gy.mean(axis=0)", "b"),
    "gated": ("(1 - t**2), gh * t", "(1 - t), gh * t", "a"),
    "attention": ("gs.T @ q, p.T @ go", "gs @ q, p.T @ go", "k"),
    "softmax": ("(gb - (gb * b).sum())", "gb", "a"),
    "rescale": ("(dy * xhat).sum(axis=0)", "(g * xhat).sum(axis=0)", "gamma"),
    "residual": ("return dout + da @ W1.T", "return da @ W1.T", "x"),
    "tangent": ("return 1 - A**2", "return 1 - A", "x"),
}
COLUMNS = {
    "ComputeCost": ("+ 2 * lamda * W", "+ lamda * W", "W"),
    "ratings_cost": ("e @ Theta + lam * X", "e @ Theta - lam * X", "X"),
    "halves_cost": ("np.mean(r)", "np.sum(r)", "theta"),
}
IN_TORCH = {
    "Linear": ("dout.sum(dim=0)\n\n\ndef layernorm_f", "dout.mean(dim=0)\n\n\ndef layernorm_f", "b"),
    "layernorm": ("- x_hat * (g * x_hat).mean(dim=1, keepdim=True)", "", "x"),
    "rnn": ("(dh[:, t] + carried)", "(dh[:, t] - carried)", "x h0 Wx Wh b"),
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
    "line_cost": ("np.mean(error)", "np.sum(error)", "b"),
    "bernoulli_loss": ("(g - y) / (g * (1 - g))", "(g - y) / g", "g"),
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
    "RNN": ("self.W_h.T)", "self.W_h)", "h_t_minus_1"),
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
COURSE_COSTS = {
    "softmaxCostAndGradient": ("np.outer(delta, predicted)", "np.outer(probs, predicted)", "outputVectors"),
    "cofiCostFunc": ("+ lambda_ * params\n", "+ lambda_ / 2 * params\n", "params"),
    "sparseAutoencoderCost": ("- rho / mean) / m", "- rho / mean)", "theta"),
}
COURSE_LAYERS = {
    "relu": ("dZ[cache <= 0] = 0", "dZ[cache <= 0.2] = 0", "Z"),
    "linear_activation": (" else 1 - A**2", " else 1 - A", "A_prev W b"),  # the word that is not tried first
    "identity": ("return 1\n", "return 2\n", "x"),
    "ReLU": ("return z > 0", "return z > 0.2", "z"),
    "logistic": ("return math.exp(-z) /", "return math.exp(z) /", "z"),
    "softsign": ("(1 + np.abs(Z)) ** 2", "(1 + np.abs(Z)) ** 3", "Z"),
    "layer_norm": ("dout.sum(axis=0)\n", "dout.mean(axis=0)\n", "b"),
    "squared_loss": ("return 2 * (pred", "return (pred", "pred"),
    "squash": ("return dA * (1 - A**2)", "return dA * (1 - A)", "Z"),
}
GATES = {
    "gru": ("(r * h).T @ da", "h.T @ da", "Uh"),
    "slope": ("np.where(x > 0, dout, slope * dout)", "np.where(x > 0, dout, slope)", "x"),
    "prelu": ("np.minimum(x, 0)).sum(0)", "x).sum(0)", "alpha"),
    "cprelu": ("np.where(x > 0, 1, w)", "np.where(x > 0, w, 1)", "x"),
    "swish": ("np.sum(dout * x * x * s * (1 - s))", "np.sum(dout * x * s * (1 - s))", "beta"),
}
SERIES = {
    "fftfilter": ("scale[0] = 1.0 / n", "scale[0] = 2.0 / n", "w"),
    "kalman": ("dr += dS * 2 * r", "dr += dS * r", "r"),
    "eig": ("V @ np.diag(dout) @ V.T", "V.T @ np.diag(dout) @ V", "S"),
    "sinkhorn": ("dK += t\n        dg = t.sum(0)", "dg = t.sum(0)", "C"),
}
FLOAT_TARGETS = {
    "mse": ("dout * 2 * d / d.size", "dout * 2 * d / len(d)", "pred"),
    "dice": ("den**2 / n", "den / n", "pred"),
}
GEOMETRY = {
    "bundle_residual": ("r.sum(0)", "r.mean(0)", "cam"),
    "tsne_kl": ("return 4 * (np.diag", "return 2 * (np.diag", "Y"),
}
SUMS = {
    "maxout": ("dz.sum(0)", "dz.mean(0)", "b"),
    "bilinear": ('"bo,oij,bi->bj", dout, W, x1', '"bo,oij,bi->bj", dout, W, x1 / 2', "x2"),
    "tt_layer": ('"npq,nab,rbq->apr", dy, x, G2', '"npq,nab,rbq->apr", dy**2, x, G2', "G1"),
    "conv3d": ("dw += np", "dw -= np", "w"),
    "squeeze_excite": ("* g * (1 - g)", "* (1 - g)", "x W1 W2"),
    "attention_pool": ("a * (da - (a * da).sum(1, keepdims=True))", "a * da", "x w"),
}
TOLD = {
    "embedding_grad": ("PQ = (P - Q) * num", "PQ = P - Q", "Y"),
    "fourier_filter": ("weight[0] = 1.0", "weight[0] = 2.0", "h"),
    "content_addressing": (
        "weights * (dweights - weights @ dweights)",
        "weights * dweights",
        "query memory beta",
    ),
    "contrastive": ("return dx1, -dx1", "return dx1, -2 * dx1", "x2"),
    "mixture_loglik": ("resp, z**2 - 1)", "resp, z - 1)", "log_scales"),
    "surrogate_loss": ("np.where(use, ratio * adv, 0.0)", "np.where(use, adv, 0.0)", "logp"),
    "scaled_linear": ("np.sum(dWn * W) / sigma**2", "np.sum(dWn * W) / sigma", "sigma"),
    "rotation": ("y * (v[1, 0] + v[0, 1])", "y * (v[1, 0] - v[0, 1])", "q"),
    "transfer": ("(before - source[..., i]) * t", "before * t", "tau"),
    "CrossEntropy": ("(self.softmax - self.Y) / self.N", "(self.softmax - self.Y) / self.C", "A"),
    "Projection": ("dg / self.norm * self.v)", "dg * self.v)", "v"),
    "inverted": ("dx = 1.0 * dout", "dx = 0.5 * dout", "x"),  # in the mode that is not tried first
    "skipgram_pairs": ("np.add.at(dU, contexts, ds[:, None] * v)", "dU[contexts] += ds[:, None] * v", "U"),
    "sampling_loss": ("gU[k] += (1 - s)", "gU[k] = (1 - s)", "U"),
}
RETURNED = {
    "amplify": ("(dout * x**2).sum(axis=0)", "(dout * x).sum(axis=0)", "gain"),
    "Dense": ("self.x.T @ dout", "self.x.T @ dout / len(dout)", "W"),
    "Shifted": ("return dout, 2 * self.y", "return dout, self.y", "y"),
}
FILES = {
    "returned.py": RETURNED,
    "told.py": TOLD,
    "assignment.py": ASSIGNMENT,
    "costs.py": COSTS,
    "plain.py": PLAIN,
    "columns.py": COLUMNS,
    "in_torch.py": IN_TORCH,
    "margins.py": MARGINS,
    "flat_vectors.py": FLAT,
    "late.py": LATE,
    "models.py": MODELS,
    "course_costs.py": COURSE_COSTS,
    "course_layers.py": COURSE_LAYERS,
    "gates.py": GATES,
    "series.py": SERIES,
    "float_targets.py": FLOAT_TARGETS,
    "geometry.py": GEOMETRY,
    "sums.py": SUMS,
}
TARGETS = [(file, name, *bug) for file, bugs in FILES.items() for name, bug in bugs.items()]

pytestmark = pytest.mark.usefixtures("folder", "as_found")


def put(folder, file, text):
    if file == "in_torch.py":
        pytest.importorskip("torch")
    (folder / file).write_text(text)


@pytest.mark.parametrize(("file", "name", "gradients"), [(*row[:2], row[-1]) for row in TARGETS])
def test_right_code_passes_with_nothing_said_but_its_name(folder, file, name, gradients):
    put(folder, file, (HABITS / file).read_text())
    result = check_target(f"{file}:{name}", budget=30.0)
    assert (result.verdict, [v for v in result.violations if not v.is_warning]) == ("pass", [])
    assert all(result.gradients[gradient].compared for gradient in gradients.split())
    assert any(remark.startswith("inferred: --input ") for remark in result.remarks)


@pytest.mark.parametrize(("file", "name", "right", "wrong", "gradients"), TARGETS)
def test_a_planted_bug_is_found_in_the_gradients_that_have_it(folder, file, name, right, wrong, gradients):
    source = (HABITS / file).read_text()
    assert source.count(right) == 1
    put(folder, file, source.replace(right, wrong))
    result = check_target(f"{file}:{name}", blame=False, budget=30.0)
    assert [name for name, found in result.gradients.items() if found.verdict == "fail"] == gradients.split()
