"""The table of nodes and a dump's arrays, whatever way the code is called."""

import json
from pathlib import Path

import numpy as np
import pytest

from gradcli import check_target
from tests.blame.test_blame_reach import LINEAR, RULES, SOFTPLUS

HABITS = Path(__file__).parents[1] / "targets" / "habits"

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, in which the test stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(text, target, inputs=None):
    """By node what backward computes as its gradient, and the verdict; and the result."""
    Path("code.py").write_text(text)
    result = check_target(f"code.py:{target}", inputs=inputs, nodes=True, budget=20.0)
    return {row.name: (row.backward, row.verdict) for row in result.node_table if row.name}, result


def test_a_cost_that_returns_its_gradient_is_read_by_what_belongs_to_the_value():
    rows, result = table((HABITS / "costs.py").read_text(), "logistic_loss")
    assert rows["w"] == ("dw", "pass")
    assert rows["b"] == ("db", "pass")
    assert rows["loss"] == ("1", "pass")
    assert "dw" not in rows
    assert {"p", "loss"} <= set(result.nodes())


def test_a_network_of_three_functions_has_the_nodes_of_its_forward():
    rows, result = table((HABITS / "course_network.py").read_text(), "propagation")
    assert {rows[name][1] for name in ("W1", "b1", "W2", "b2")} == {"pass"}
    assert {"A1", "A2"} <= set(result.nodes())


FRAMEWORKS = [
    (
        "torch",
        LINEAR,
        "Linear",
        {"x": "4x3", "weight": "2x3", "bias": "2"},
        {"x": "grad_x", "bias": "g.sum(0)"},
    ),
    ("jax", SOFTPLUS, "softplus", {"x": "4", "w": "4"}, {"y": "dy", "x": "dx"}),
    ("autograd", RULES, "wave", {"x": "4", "y": "4"}, {"x": "g * np.sin(y)", "y": "g * x * np.cos(y)"}),
]


@pytest.mark.parametrize(("framework", "text", "target", "inputs", "expected"), FRAMEWORKS)
def test_a_rule_of_a_framework_is_read(framework, text, target, inputs, expected):
    pytest.importorskip(framework)
    rows, _ = table(text, target, inputs)
    assert {name: rows[name] for name in expected} == {n: (text, "pass") for n, text in expected.items()}


def test_a_dump_holds_the_gradient_of_a_node_as_backward_computes_it():
    pytest.importorskip("jax")
    rows, result = table(SOFTPLUS, "softplus", {"x": "4", "w": "4"})
    assert rows["y"][0] == "dy"
    expected = result.arrays["cotangent"] * result.arrays["in/w"]
    assert np.allclose(result.node_gradients()["y"], expected)


CELLS = [
    "%matplotlib inline\nimport numpy as np",
    "def affine_forward(x, w):\n    return x @ w, (x, w)",
    "def affine_backward(dout, cache):\n    x, w = cache\n    dx = dout @ w.T\n"
    "    dw = 2 * x.T @ dout\n    return dx, dw",
]


def test_in_a_notebook_cell_and_line_are_named():
    cells = [{"cell_type": "code", "source": text} for text in CELLS]
    Path("book.ipynb").write_text(json.dumps({"cells": cells}))
    blame = check_target("book.ipynb:affine", inputs={"x": "4x3", "w": "3x2"}).blame
    assert (Path(blame.file).name, blame.line) == ("book.ipynb: cell 3", 4)


def test_the_line_in_a_vjp_of_named_cotangents_is_named():
    Path("code.py").write_text(
        "import numpy as np\n\n\n"
        "def forward(inputs):\n"
        "    y = np.tanh(inputs['x'])\n"
        "    return {'out': y * inputs['w']}\n\n\n"
        "def vjp(inputs, cotangents):\n"
        "    g = cotangents['out']\n"
        "    y = np.tanh(inputs['x'])\n"
        "    dy = g * inputs['w']\n"
        "    return {'x': dy * (1 - y), 'w': g * y}\n"
    )
    blame = check_target("code.py", inputs={"x": "4", "w": "4"}).blame
    assert blame.line == 13
