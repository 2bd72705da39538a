"""A slope of what is not elementwise: a defect, unless a cost was meant."""

from pathlib import Path

import pytest

from gradcli import check_target

pytestmark = pytest.mark.usefixtures("folder")


def test_a_cost_of_vectors_is_not_taken_for_a_function_of_matrices():
    Path("cost.py").write_text(
        "import numpy as np\ndef misfit(m, d):\n    r = np.exp(m) - d\n    return 0.5 * r @ r\n"
        "def misfit_grad(m, d):\n    return (np.exp(m) - d) * np.exp(m)\n"
    )
    result = check_target("cost.py")
    assert (result.verdict, result.gradients["m"].numeric.ndim) == ("pass", 1)


def test_the_slope_of_a_softmax_is_wrong_at_several_numbers():
    Path("act.py").write_text(
        "import numpy as np\n"
        "def softmax(x):\n    e = np.exp(x)\n    return e / e.sum(axis=1, keepdims=True)\n"
        "def softmax_prime(x):\n    s = softmax(x)\n    return s * (1 - s)\n"
    )
    result = check_target("act.py")
    assert (result.verdict, result.gradients["x"].shape) == ("fail", (4, 3))
