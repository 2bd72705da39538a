"""A planted slip is found on its line in whatever way the code is called: costs, networks, frameworks."""

from pathlib import Path

import pytest

from gradcli import check_target

HABITS = Path(__file__).parents[1] / "targets" / "habits"

# file, what is checked, what is right, the slip in its place
COSTS = [
    ("costs.py", "costFunctionReg", "X.T.dot(h - y) / m", "X.T.dot(h - y)"),
    ("costs.py", "costFunctionReg", "grad[1:] + lambda_ / m * theta[1:]", "grad[1:] + lambda_ * theta[1:]"),
    ("costs.py", "logistic_loss", "db = np.mean(p - y)", "db = np.sum(p - y)"),
    ("costs.py", "nn_cost_function", "* a2[:, 1:] * (1 - a2[:, 1:])", "* (1 - a2[:, 1:])"),
    ("costs.py", "rosenbrock", "+= 200 * (x[1:]", "+= 100 * (x[1:]"),
    ("course_losses.py", "svm_loss", "dx[np.arange(N), y] -= num_pos", "dx[np.arange(N), y] -= 1"),
    ("course_losses.py", "softmax_loss_vectorized", "+ 2 * reg * W", "+ reg * W"),
]
NETWORKS = [
    ("course_network.py", "propagation", "(1 - A1**2)", "(1 - A1)"),
    ("course_network.py", "propagation", "dZ1 @ X.T / m", "dZ1 @ X.T"),
    ("course_deep_network.py", "model", "+ 2 * lambd * W", "+ lambd * W"),
]

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, in which the test stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check_slip(text: str, target: str, right: str, wrong: str, **settings):
    """Check a text with one slip; returns the lines that are named, and that of the slip."""
    assert text.count(right) == 1, right
    Path("slip.py").write_text(text.replace(right, wrong))
    result = check_target(f"slip.py:{target}", **settings)
    assert result.verdict == "fail"
    line = text[: text.index(right)].count("\n") + 1
    return [blame.line for blame in (result.blame, *result.also) if blame is not None], line


@pytest.mark.parametrize(("file", "target", "right", "wrong"), [*COSTS, *NETWORKS])
def test_the_line_of_a_slip_is_named(file, target, right, wrong):
    named, line = check_slip((HABITS / file).read_text(), target, right, wrong)
    assert named == [line]


def test_what_belongs_to_the_value_is_never_blamed():
    """The numeric gradient is that of the value as it is written: where the two differ, the gradient errs."""
    named, line = check_slip(
        (HABITS / "costs.py").read_text(), "costFunctionReg", "-(y.dot(np.log(h))", "-(2 * y.dot(np.log(h))"
    )
    assert line not in named
