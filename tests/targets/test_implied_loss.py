"""Networks whose loss is nowhere in the code: the usual loss that backward differentiates is found."""

from pathlib import Path

import pytest

from gradcli import check_target
from gradcli.errors import UsageError

HABIT = Path(__file__).parent / "habits" / "implied_losses.py"
# target -> the gradients compared, and the loss that is taken
RIGHT = {
    "Updating": ("w_in b_in w_out b_out", "squared error times 0.25"),
    "Nudged": ("first second", "squared error"),
    "OfOneColumn": ("weights[0] weights[1] biases[0] biases[1]", "binary cross entropy"),
    "Penalised": ("W b", "cross entropy times 0.25 and a penalty of W"),
    "prop": ("W1 b1 W2 b2", "cross entropy times 0.25"),
}
SLIPS = [
    ("Updating", "before.sum(axis=0, keepdims=True) / rows", "before.sum(axis=0, keepdims=True)", "b_in"),
    ("Nudged", "(1 - self.mid**2)", "(1 - self.mid)", "first"),
    ("OfOneColumn", "* kept[layer] * (1 - kept[layer])", "* kept[layer]", "weights[0] biases[0]"),
    ("Penalised", "p.sum(axis=0)", "p.sum(axis=0) / len(y)", "b"),
    ("prop", "* (Z1 > 0)", "* (A1 > 0.1)", "W1 b1"),
    ("prop", "db1 = dZ1.sum(axis=1, keepdims=True) / m", "db1 = dZ1.sum() / m", "b1"),
]

pytestmark = pytest.mark.usefixtures("folder", "as_found")


def check(name, right="", wrong=""):
    source = HABIT.read_text()
    assert right in source
    Path("net.py").write_text(source.replace(right, wrong, 1) if right else source)
    return check_target(f"net.py:{name}", blame=False)


@pytest.mark.parametrize(("name", "gradients", "loss"), [(n, *told) for n, told in RIGHT.items()])
def test_a_right_network_passes_and_the_loss_is_named(name, gradients, loss):
    result = check(name)
    assert (result.verdict, set(result.gradients)) == ("pass", set(gradients.split()))
    (told,) = [remark for remark in result.remarks if remark.startswith("no loss is in the code")]
    assert told.startswith(f"no loss is in the code: {loss} is taken, as the gradient of ")


@pytest.mark.parametrize(("name", "right", "wrong", "gradients"), SLIPS)
def test_a_slip_before_the_last_layer_is_found(name, right, wrong, gradients):
    result = check(name, right, wrong)
    failed = {name for name, found in result.gradients.items() if found.verdict == "fail"}
    assert failed == set(gradients.split())


def test_of_a_loss_that_is_none_of_the_usual_ones_nothing_is_said(monkeypatch):
    monkeypatch.setattr("gradcli.targets.inference.search._MOST_TRIES", 10)
    with pytest.raises(UsageError) as caught:
        check("Updating", "(self.out - y) * self.out * (1 - self.out)", "(self.out - y) ** 3")
    assert "the loss is within backward, and it is none of the usual ones (squared error, cross" in str(
        caught.value
    )
    assert "\n" not in str(caught.value)
