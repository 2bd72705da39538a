"""What is taken for a number, and code that raises whatever it is given."""

from pathlib import Path

import pytest

from gradcli import check_target
from gradcli.errors import UsageError

SOURCE = """
import numpy as np


def power_forward(x, n):
    return x**n, (x, n)


def power_backward(dout, cache):
    x, n = cache
    return dout * n * x ** (n - 1)


def gain_forward(x, scale):
    return x * scale, scale


def gain_backward(dout, scale):
    return dout * scale


def soft_forward(x, beta):
    return np.log1p(np.exp(beta * x)) / beta, (x, beta)


def soft_backward(dout, cache):
    x, beta = cache
    return dout / (1 + np.exp(-beta * x))


def widths_forward(x, k):
    return np.tanh(x * k), (x, k)


def widths_backward(dout, cache):
    x, k = cache
    return dout * k * (1 - np.tanh(x * k) ** 2)
"""
ROWS = """
import numpy as np


def rows_forward(x, {name}):
    return np.tanh(x) * {name}, (x, {name})


def rows_backward(dout, cache):
    x, {name} = cache
    t = np.tanh(x)
    return dout * {name} * (1 - t**2), (dout * t).sum(axis=0)
"""
RAISES = """def f_forward(x):
    raise {}("no licence")


def f_backward(dout, cache):
    return dout
"""

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.parametrize("name", ["power", "gain", "soft", "widths"])
def test_data_are_arrays_and_what_has_no_gradient_is_a_number(name):
    Path("pairs.py").write_text(SOURCE)
    result = check_target(f"pairs.py:{name}")
    assert (result.verdict, list(result.gradients)) == ("pass", ["x"])


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("power", "dout * n * x", "dout * x"),
        ("power", "dout * n * x ** (n - 1)", "dout * n"),
        ("gain", "dout * scale", "dout * 2"),
        ("soft", "-beta * x", "-x"),
        ("widths", "dout * k *", "dout *"),
    ],
)
def test_a_factor_that_is_lost_shows_at_another_number(name, right, wrong):
    assert SOURCE.count(right) == 1
    Path("pairs.py").write_text(SOURCE.replace(right, wrong))
    result = check_target(f"pairs.py:{name}", blame=False)
    assert result.gradients["x"].verdict == "fail"


@pytest.mark.parametrize("name", ["gamma", "scale", "beta", "shift", "k", "sigma"])
def test_what_may_be_a_number_is_an_array_where_it_has_a_gradient(name):
    right = ROWS.format(name=name)
    Path("right.py").write_text(right)
    result = check_target("right.py:rows")
    assert (result.verdict, list(result.gradients)) == ("pass", ["x", name])
    Path("wrong.py").write_text(right.replace("(dout * t)", "(2 * dout * t)"))
    assert check_target("wrong.py:rows", blame=False).gradients[name].verdict == "fail"


def test_what_is_raised_whatever_is_given_fails_with_its_line():
    Path("pairs.py").write_text(RAISES.format("RuntimeError"))
    result = check_target("pairs.py:f")
    (violation,) = result.violations
    assert (result.verdict, violation.code, violation.line) == ("fail", "GC108", 2)
    assert violation.message == "forward raised RuntimeError: no licence"


def test_a_refusal_of_all_guesses_is_told_with_its_line():
    Path("pairs.py").write_text(RAISES.format("ValueError"))
    with pytest.raises(UsageError) as caught:
        check_target("pairs.py:f")
    assert str(caught.value).endswith("guesses were tried: pairs.py:2: forward raised ValueError: no licence")


PASSED_IN = """
import numpy as np


def draw(dataset):
    return dataset.sample_index()


def dense_forward(x, W, activation):
    return activation(x @ W), (x, W)


def dense_backward(dout, cache):
    x, W = cache
    return dout @ W.T, x.T @ dout


def sampled_loss_and_grad(x, dataset):
    return np.sum(x) * draw(dataset), x * 0 + draw(dataset)


class Layer:
    def __init__(self, n_in, n_out, solver):
        self.solver = solver

    def forward(self, x):
        return self.solver.relax(x)

    def backward(self, dout):
        return self.solver.relax(dout)
"""


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("dense", r"activation is a function \(activation"),
        ("sampled_loss_and_grad", r"dataset is an object \(dataset.sample_index is used\)"),
        ("Layer", r"solver is an object \(solver.relax is used\)"),
    ],
)
def test_what_no_flag_can_give_is_said(folder, target, what):
    (folder / "passed.py").write_text(PASSED_IN)
    with pytest.raises(UsageError, match=f"^passed.py:{target}: {what}.*which no flag can give"):
        check_target(f"passed.py:{target}")
