"""Networks in three functions with a dictionary of parameters: checked by name alone."""

from pathlib import Path

import pytest

from gradcli import check_target
from gradcli.errors import TargetError

HABITS = Path(__file__).parent / "habits"
BUGS = [
    ("course_network.py", "propagation", "(1 - A1**2)", "A1 * (1 - A1)", {"W1", "b1"}),
    ("course_network.py", "propagation", "dZ2 @ A1.T / m", "dZ2 @ A1.T", {"W2"}),
    ("course_deep_network.py", "model", "+ 2 * lambd * W", "+ lambd * W", {"W1", "W2"}),
    (
        "course_deep_network.py",
        "model",
        "dZ.sum(axis=0, keepdims=True)",
        "dA.sum(axis=0, keepdims=True)",
        {"b1", "b2"},
    ),
]

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.parametrize(
    ("file", "name"), [("course_network.py", "propagation"), ("course_deep_network.py", "model")]
)
def test_a_right_network_passes_in_all_its_parameters(folder, file, name):
    (folder / file).write_text((HABITS / file).read_text())
    result = check_target(f"{file}:{name}")
    assert (result.verdict, [v for v in result.violations if not v.is_warning]) == ("pass", [])
    assert set(result.gradients) == {"W1", "b1", "W2", "b2"}


@pytest.mark.parametrize(("file", "name", "right", "wrong", "gradients"), BUGS)
def test_a_planted_bug_is_found_in_the_parameters_that_have_it(folder, file, name, right, wrong, gradients):
    source = (HABITS / file).read_text()
    assert source.count(right) == 1
    (folder / file).write_text(source.replace(right, wrong))
    result = check_target(f"{file}:{name}", blame=False)
    assert {name for name, found in result.gradients.items() if found.verdict == "fail"} == gradients


def test_gradients_in_a_tuple_are_told_apart_by_what_they_are_called(folder):
    source = (HABITS / "course_network.py").read_text()
    left = '    return {"dZ2": dZ2, "dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}'
    (folder / "net.py").write_text(source.replace(left, "    return dW2, db2, dW1, db1"))
    assert check_target("net.py:propagation").verdict == "pass"


def test_a_backward_of_a_cost_that_is_not_there_is_checked_against_a_usual_one(folder):
    source = (HABITS / "course_network.py").read_text().replace("def compute_cost", "def other")
    (folder / "net.py").write_text(source)
    result = check_target("net.py:propagation")
    assert result.verdict == "pass"
    assert any("binary cross entropy times 0.25 is taken" in remark for remark in result.remarks)


def test_a_backward_of_a_cost_that_is_not_there_says_what_it_takes(folder):
    source = (HABITS / "course_network.py").read_text().replace("def compute_cost", "def other")
    source = source.replace("def backward_propagation(", "def backward_propagation(momenta, ")
    (folder / "net.py").write_text(source)
    with pytest.raises(TargetError) as caught:
        check_target("net.py:propagation")
    assert str(caught.value) == (
        "net.py:propagation: backward_propagation takes Y and no cotangent: it differentiates a cost that "
        "forward_propagation does not return. Put both into one function that returns cost and gradients, "
        "and check that"
    )


def test_a_pair_with_a_cotangent_is_no_network(folder):
    source = (HABITS / "course_network.py").read_text()
    (folder / "layer.py").write_text(
        source.partition("def forward")[0] + "def compute_cost(A, Y):\n    return ((A - Y) ** 2).sum()\n"
        "def forward(x, weights):\n    return x @ weights, (x, weights)\n"
        "def backward(dout, cache):\n    x, weights = cache\n    return dout @ weights.T, x.T @ dout\n"
    )
    result = check_target("layer.py:forward")
    assert (result.verdict, set(result.gradients)) == ("pass", {"x", "weights"})
