"""Tape engines in several habits: the table of their values, and the line at fault."""

from pathlib import Path

import numpy as np
import pytest

from gradcli import check_target
from tests.targets.test_tape import MICROGRAD, TENSOR

ENGINES = Path(__file__).parents[1] / "targets" / "engines"
GLOBAL, GRAD_FN, CONTEXTS = (
    (ENGINES / f"{name}.py").read_text() for name in ("global_tape", "grad_fn", "contexts")
)

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, in which the test stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(text, target, *, nodes=False):
    Path("engine.py").write_text(text)
    return check_target(f"engine.py:{target}", nodes=nodes, budget=20.0)


def table(text, target):
    """By value what backward computes for it, and the verdict."""
    result = checked(text, target, nodes=True)
    assert result.verdict == "pass"
    return {row.name: (row.backward, row.verdict) for row in result.node_table}


def test_the_values_of_closures_in_methods_are_compared():
    assert table(MICROGRAD, "Value.truediv") == {
        "a": ("other.data * out.grad", "pass"),
        "b": ("other * self.data ** (other - 1) * out.grad", "pass"),
        "pow": ("self.data * out.grad", "pass"),
        "mul": ("1", "pass"),
    }


POWER = """
    def fourth(self):
        out = self
        for _ in range(3):
            out = out * self
        return out
"""


def test_values_of_a_loop_are_passes_of_one():
    result = checked(MICROGRAD + POWER, "Value.fourth", nodes=True)
    rows = {row.name: (row.verdict, row.note) for row in result.node_table}
    assert rows == {"a": ("pass", ""), "mul": ("pass", "3 passes")}
    assert result.nodes()["mul"].shape == result.node_gradients()["mul"].shape == (3,)


def test_the_values_of_operations_with_a_context_are_compared():
    rows = table(CONTEXTS, "Tensor.diamond")
    assert {name: verdict for name, (_, verdict) in rows.items()} == dict.fromkeys(
        ("a", "b", "mul", "add", "mul_2", "add_2"), "pass"
    )
    assert table(CONTEXTS, "Tensor.matmul")["b"][0] == "db"


def test_the_values_of_recursive_lambdas_are_compared():
    assert table(TENSOR, "Tensor.diamond")["mul_2"] == ("unbroadcast(g, self.data.shape)", "pass")


def test_the_values_of_a_tape_that_all_share_are_compared():
    rows = table(GLOBAL, "Var.softplus")
    assert rows["a"] == ("a.accumulate(g * e)", "pass")
    assert [verdict for _, verdict in rows.values()] == ["pass"] * 4


def test_the_values_of_objects_that_compute_gradients_are_compared():
    rows = table(GRAD_FN, "Tensor.diamond")
    assert [verdict for _, verdict in rows.values()] == ["pass"] * 6


def test_what_a_tape_shares_does_not_carry_one_operation_into_the_next():
    for operation in ("matmul", "add_left", "sigmoid_twice"):
        assert checked(GLOBAL, f"Var.{operation}").passed


SLIPS = [
    (MICROGRAD, "Value.mul", "other.data * out.grad", "self.data * out.grad", "a wrong variable"),
    (MICROGRAD, "Value.tanh_twice", "(1 - t**2) * out.grad", "(1 - t**2)", "a factor is missing"),
    (CONTEXTS, "Tensor.used_twice", "t.grad = g if t.grad is None else t.grad + g", "t.grad = g", "add up"),
    (TENSOR, "Tensor.used_twice", "grad if self.grad is None else self.grad + grad", "grad", "add up"),
    (GLOBAL, "Var.softplus", "g / a.value", "g * a.value", "a wrong operator"),
    (GRAD_FN, "Tensor.mul", "grad_a = grad * b.data", "grad_a = grad * a.data", "a wrong variable"),
    (GRAD_FN, "Tensor.diamond", "grads[id(parent)] + pg if id(parent) in grads else pg", "pg", "add up"),
]


@pytest.mark.parametrize(("text", "target", "right", "wrong", "said"), SLIPS)
def test_the_line_of_a_slip_in_an_engine_is_named(text, target, right, wrong, said):
    before = set(vars(np))
    result = checked(text.replace(right, wrong, 1), target)
    assert set(vars(np)) == before  # what is tried leaves modules as they are
    line = text[: text.index(right)].count("\n") + 1
    assert (result.verdict, result.blame and result.blame.line) == ("fail", line)
    assert said in result.blame.diagnosis


def test_a_gradient_that_nothing_gives_is_looked_for_where_the_other_comes_from():
    line = "            other.grad += self.data * out.grad\n"
    result = checked(MICROGRAD.replace(line, ""), "Value.mul")
    assert "def _backward" in result.blame.source
    assert result.blame.diagnosis == "_backward adds nothing to the gradient of b"
    assert result.blame.line == MICROGRAD[: MICROGRAD.index(line)].count("\n") - 1


@pytest.mark.parametrize(
    ("text", "target", "right", "wrong"),
    [
        (MICROGRAD, "Value.diamond", "for v in reversed(topo)", "for v in topo[:1]"),
        (GRAD_FN, "Tensor.mean", "/ a.data.size", "/ len(a.data) ** 2"),
    ],
)
def test_no_line_is_named_where_nothing_shows_which(text, target, right, wrong):
    result = checked(text.replace(right, wrong, 1), target)
    line = text[: text.index(right)].count("\n") + 1
    assert result.verdict == "fail"
    assert result.blame is None or result.blame.line == line


def test_a_wrong_value_on_the_tape_shows_in_the_table():
    wrong = GLOBAL.replace("g / a.value", "g * a.value", 1)
    rows = {row.name: row.verdict for row in checked(wrong, "Var.softplus", nodes=True).node_table}
    assert rows == {"a": "fail", "softplus": "fail", "add": "fail", "softplus_2": "pass"}


def test_an_engine_whose_addition_is_wrong_still_takes_a_cotangent():
    wrong = GRAD_FN.replace("node.grad = g if", "node.grad = 2 * g if", 1)
    result = checked(wrong, "Tensor.add")
    assert [v.code for v in result.violations] == ["GC101", "GC101"]


MEAN = """
    def average(self):
        def fn(g):
            return np.ones_like(self.data) * g / self.data.size

        return Tensor(self.data.mean(), True, [(self, fn)])
"""


def test_a_factor_that_a_closure_lacks_is_named():
    assert checked(TENSOR + MEAN, "Tensor.average").verdict == "pass"
    blame = checked(TENSOR + MEAN.replace(" / self.data.size", ""), "Tensor.average").blame
    assert blame.source == "return np.ones_like(self.data) * g"
    assert "a constant factor: it must be multiplied by 1/12 (0.0833333)" in blame.diagnosis
