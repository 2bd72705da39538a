"""Systems of equations with their Jacobians, as solvers take them."""

from pathlib import Path

import pytest

from gradcli import check_target
from gradcli.errors import NothingToCheck

LISTS = """
import numpy as np


def func(x):
    return [x[0] + x[1] - 3, x[0] * x[1] - 2]


def dfunc(x):
    return np.array([[1, 1], [x[1], x[0]]])
"""
CAPITAL = """
import numpy as np


def f(x):
    fx = np.zeros(len(x))
    fx[0] = x[0] ** 2 - 2
    return fx


def Df(p):
    J = np.zeros((len(p), len(p)))
    J[0][0] = 2 * p[0]
    return J
"""
DIFFERENCE = """
def f(x):
    return (x - 2) * (x - 3)


def fprime(x, h):
    return (f(x + h) - f(x)) / h
"""


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [(LISTS, "[x[1], x[0]]]", "[x[0], x[1]]]"), (CAPITAL, "2 * p[0]", "p[0]")],
    ids=["lists of numbers", "Df of f"],
)
def test_a_jacobian_of_equations_is_checked(text, right, wrong):
    Path("eq.py").write_text(text)
    assert check_target("eq.py").verdict == "pass"
    assert right in text
    Path("eq.py").write_text(text.replace(right, wrong))
    assert check_target("eq.py").verdict == "fail"


@pytest.mark.usefixtures("folder")
def test_what_only_takes_differences_is_no_derivative_by_hand():
    Path("eq.py").write_text(DIFFERENCE)
    with pytest.raises(NothingToCheck):
        check_target("eq.py")
    # What calls the function, but takes no differences, is one.
    Path("eq.py").write_text(
        "import numpy as np\ndef f(x):\n    return 1 / (1 + np.exp(-x))\n"
        "def fprime(x):\n    return f(x) * (1 - f(x))\n"
    )
    assert check_target("eq.py").verdict == "pass"
