"""Matrices that must be square, or positive definite: by what takes them, and by what refuses others."""

from pathlib import Path

import pytest

from gradcli import check_target

POWER = """
import numpy as np


def twofold(a):
    if a.shape[0] != a.shape[1]:
        raise ValueError("the matrix must be square")
    return a @ a


def twofold_forward(a):
    return twofold(a), a


def twofold_backward(dout, a):
    return a.T @ dout + dout @ a.T
"""
ROOT = """
import numpy as np
from scipy.linalg import solve_sylvester, sqrtm


def root_forward(a):
    b = sqrtm(a.copy())
    return b, b


def root_backward(dout, b):
    return solve_sylvester(b, b, dout)
"""


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        (POWER, "dout @ a.T", "dout @ a"),
        (ROOT, "(b, b, dout)", "(b, 2 * b, dout)"),
    ],
    ids=["refused", "root"],
)
def test_a_matrix_is_square_where_no_other_is_taken(folder, source, right, wrong):
    Path("m.py").write_text(source)
    assert check_target("m.py").verdict == "pass"
    assert right in source
    Path("m.py").write_text(source.replace(right, wrong))
    result = check_target("m.py")
    assert [name for name, gradient in result.gradients.items() if gradient.verdict == "fail"] == ["a"]


def test_a_function_that_is_returned_is_no_output_and_no_defect(folder, invoke):
    (folder / "made.py").write_text(
        "import numpy as np\n"
        "def bowl(x):\n    return np.sum(x**2)\n"
        "def bowl_grad(x):\n    return 2 * x\n"
        "def bowl_function(x):\n    return bowl\n"
        "def bowl_gradient(x):\n    return bowl_grad\n"
    )
    result = invoke("check", "made.py")
    assert "FAIL" not in result.stdout
    assert "made.py:bowl_function" in result.stderr
    assert "forward returned a function: that is what to check" in result.stderr
