"""Matrices that must be square, or positive definite: by what takes them, and by what refuses others."""

from pathlib import Path

import pytest

from gradcli import check_target
from gradcli.errors import UsageError

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


TOLD = """
import numpy as np


def energy_forward(A, b):
    '''b' A^-1 b, {told}'''
    x = np.linalg.solve(A, b)
    return b @ x, x


def energy_backward(dout, x):
    return -dout * np.outer(x, x), 2 * dout * x


def logdet_forward(A):
    '''log|A| of a symmetric positive definite A (n, n)'''
    L = np.linalg.cholesky(A)
    return 2 * np.log(np.diag(L)).sum(), L


def logdet_backward(dout, L):
    inverse = np.linalg.inv(L)
    return dout * inverse @ inverse.T
"""
DEFINITE = "A (n, n) SPD, b (n,)"


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (DEFINITE, ":definite"),
        ("for a symmetric positive definite matrix A (n, n) and b (n,)", ":definite"),
        ("symmetric A (n, n), b (n,)", ":symmetric"),
    ],
)
def test_a_docstring_says_that_a_matrix_is_symmetric(folder, told, kind):
    (folder / "told.py").write_text(TOLD.replace("{told}", told))
    result = check_target("told.py:energy", blame=False)
    assert result.verdict == "pass"
    assert any(f"A=4x4{kind}" in remark for remark in result.remarks)


@pytest.mark.parametrize(
    ("right", "wrong", "name"), [("(x, x)", "(x, 2 * x)", "A"), ("2 * dout * x", "dout * x", "b")]
)
def test_bugs_that_a_symmetric_matrix_shows_are_found(folder, right, wrong, name):
    (folder / "told.py").write_text(TOLD.replace("{told}", DEFINITE).replace(right, wrong))
    result = check_target("told.py:energy", blame=False)
    assert [one for one, found in result.gradients.items() if found.verdict == "fail"] == [name]


@pytest.mark.parametrize("told", ["A (n, n), not symmetric, b (n,)", "A (n, n), b (n,)"])
def test_a_matrix_that_is_not_called_symmetric_is_none(folder, told):
    (folder / "told.py").write_text(TOLD.replace("{told}", told))
    assert check_target("told.py:energy", blame=False).verdict == "fail"


def test_a_matrix_of_which_one_half_is_read_is_not_guessed(folder):
    """One row and column would show nothing of what is wrong."""
    (folder / "told.py").write_text(TOLD)
    with pytest.raises(UsageError, match=r"logdet: no shape for A: cholesky reads .*--input A=4x4:definite"):
        check_target("told.py:logdet")
