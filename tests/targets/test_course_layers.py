"""Words that choose, a forward without a suffix, a slope that is one number: checked by name alone."""

from pathlib import Path

import pytest

from gradcli import check_target
from gradcli.targets.inference.modes import by_comparison

SOURCE = (Path(__file__).parent / "habits" / "course_layers.py").read_text()
BUGS = {
    "relu": ("dZ[cache <= 0] = 0", "dZ[cache <= 0.2] = 0", "Z"),
    "linear_activation": (" else 1 - A**2", " else 1 - A", "A_prev"),  # the word that is not tried first
    "identity": ("return 1\n", "return 2\n", "x"),
    "ReLU": ("return z > 0", "return z > 0.2", "z"),
    "logistic": ("return math.exp(-z) /", "return math.exp(z) /", "z"),
    "softsign": ("(1 + np.abs(Z)) ** 2", "(1 + np.abs(Z)) ** 3", "Z"),
    "layer_norm": ("dout.sum(axis=0)\n", "dout.mean(axis=0)\n", "b"),
    "squared_loss": ("return 2 * (pred", "return (pred", "pred"),
    "squash": ("return dA * (1 - A**2)", "return dA * (1 - A)", "Z"),
}

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.parametrize("name", BUGS)
def test_right_code_passes(folder, name):
    (folder / "course.py").write_text(SOURCE)
    result = check_target(f"course.py:{name}")
    assert (result.verdict, [v for v in result.violations if not v.is_warning]) == ("pass", [])


@pytest.mark.parametrize(("name", "bug"), BUGS.items())
def test_a_planted_bug_is_found(folder, name, bug):
    right, wrong, gradient = bug
    assert SOURCE.count(right) == 1
    (folder / "course.py").write_text(SOURCE.replace(right, wrong))
    result = check_target(f"course.py:{name}", blame=False)
    assert result.gradients[gradient].verdict == "fail"


def chooses(x, mode, kind, axis, unit):
    if mode.lower() == "train" or mode in ("test", "train"):
        return x
    if "seed" in x:
        return x
    match kind:
        case "mean" | "sum":
            return x.sum()
    return axis == 1 or unit == "cm"


def test_the_words_that_an_argument_is_compared_with_in_their_order():
    assert by_comparison(chooses, ["x", "mode", "kind", "axis", "unit"]) == {
        "mode": ["train", "test"],
        "kind": ["mean", "sum"],
        "unit": ["cm"],
    }


def test_a_function_without_source_compares_nothing():
    assert by_comparison(len, ["obj"]) == {}
