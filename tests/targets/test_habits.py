"""Files in the style of what people have, checked with nothing said but their name."""

from pathlib import Path

import pytest

from gradcli import check_target

HABITS = Path(__file__).parent / "habits"

ASSIGNMENT = {
    "affine": ("np.sum(dout, axis=0)\n    return dx, dw", "np.mean(dout, axis=0)\n    return dx, dw", "b"),
    "relu": ("dout * (x > 0)", "dout * (x > -0.3)", "x"),
    "affine_relu": ("affine_backward(da, fc_cache)", "affine_backward(dout, fc_cache)", "x"),
    "batchnorm": ("dx_hat.sum(axis=0) - x_hat", "x_hat", "x"),
    "dropout": ("return dout * mask if", "return dout * (mask > 0) if", "x"),
    "conv_naive": ("dxp[:, :, rows, columns] += np", "dxp[:, :, rows, columns] = np", "x"),
    "max_pool_naive": ("dx[:, :, rows, columns] += mask *", "dx[:, :, rows, columns] += ", "x"),
    "rnn_step": ("(1 - next_h**2)", "(1 - next_h)", "x"),
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
TARGETS = [("assignment.py", name, *bug) for name, bug in ASSIGNMENT.items()]
TARGETS += [("costs.py", name, *bug) for name, bug in COSTS.items()]
TARGETS += [("plain.py", name, *bug) for name, bug in PLAIN.items()]
TARGETS += [("columns.py", name, *bug) for name, bug in COLUMNS.items()]

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.parametrize(("file", "name"), [(file, name) for file, name, *_ in TARGETS])
def test_right_code_passes_with_nothing_said_but_its_name(folder, file, name):
    (folder / file).write_text((HABITS / file).read_text())
    result = check_target(f"{file}:{name}")
    assert (result.verdict, [v for v in result.violations if not v.is_warning]) == ("pass", [])
    assert result.compared
    assert any(remark.startswith("inferred: --input ") for remark in result.remarks)


@pytest.mark.parametrize(("file", "name", "right", "wrong", "gradient"), TARGETS)
def test_a_planted_bug_is_found_in_the_gradient_that_has_it(folder, file, name, right, wrong, gradient):
    source = (HABITS / file).read_text()
    assert source.count(right) == 1
    (folder / file).write_text(source.replace(right, wrong))
    result = check_target(f"{file}:{name}", blame=False)
    assert gradient in [name for name, found in result.gradients.items() if found.verdict == "fail"]
