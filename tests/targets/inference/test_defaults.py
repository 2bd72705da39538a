"""What is right for the default of a hyperparameter alone."""

from pathlib import Path

import pytest

from gradcli import check_target

pytestmark = pytest.mark.usefixtures("folder")

ELU = """
import numpy as np
def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * (np.exp(x) - 1))
def elu_derivative(x, alpha=1.0):
    return np.where(x > 0, 1.0, alpha * np.exp(x))
"""
POWER = """
def power_forward(x, gamma=2):
    return x ** (2 * gamma), (x, gamma)
def power_backward(dout, cache):
    x, gamma = cache
    return dout * 2 * gamma * x ** (2 * gamma - 1)
"""
SWISH = """
import numpy as np
class Swish:
    def __init__(self, beta=1.0):
        self.beta = beta
    def forward(self, x):
        self.x, self.s = x, 1 / (1 + np.exp(-self.beta * x))
        return x * self.s
    def backward(self, dout):
        return dout * (self.s + self.beta * self.x * self.s * (1 - self.s))
"""
LEAKY = """
import numpy as np
def leaky(x, slope=0.01):
    return np.where(x > 0, x, slope * x)
def leaky_prime(x):
    return np.where(x > 0, 1.0, 0.01)
"""


@pytest.mark.parametrize(
    ("source", "right", "wrong", "case"),
    [
        (ELU, "alpha * np.exp(x))", "np.exp(x))", "alpha=0.7"),
        (POWER, "2 * gamma * x", "4 * x", "gamma=3"),
        (SWISH, "self.beta * self.x", "self.x", "beta=0.7"),
        (LEAKY, "", "", None),  # its slope is written for the default
    ],
)
def test_a_lost_hyperparameter_shows_at_another_value(source, right, wrong, case):
    Path("act.py").write_text(source)
    result = check_target("act.py", blame=False)
    assert (result.verdict, case is None or case in result.cases) == ("pass", True)
    if case is not None:
        Path("act.py").write_text(source.replace(right, wrong))
        result = check_target("act.py", blame=False)
        assert (result.verdict, result.cases[-1]) == ("fail", case)
