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
HUBER = """
import numpy as np
class Huber:
    def __init__(self, delta=1.0):
        self.delta = delta
    def __call__(self, r):
        a = np.abs(r)
        return np.where(a <= self.delta, 0.5 * r**2, self.delta * (a - 0.5 * self.delta))
    def gradient(self, r):
        return np.where(np.abs(r) <= self.delta, r, self.delta * np.sign(r))
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
        (HUBER, "self.delta * np.sign", "np.sign", "delta=0.7"),
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


def test_the_constructor_of_methods_takes_what_is_said():
    Path("act.py").write_text(HUBER.replace("self.delta * np.sign", "np.sign"))
    result = check_target("act.py:Huber", constants={"delta": 2.0}, blame=False)
    assert (result.verdict, result.constants) == ("fail", {"delta": 2.0})
