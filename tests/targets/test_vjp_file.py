"""A file with `forward(inputs)` and `vjp(inputs, cotangents)`."""

import pytest

from gradcli import check_target
from gradcli.errors import UsageError

FILE = """
import numpy as np

def forward(inputs):
    return {"y": np.sin(inputs["x"]) * inputs["a"], "z": inputs["x"] ** 2}

def vjp(inputs, cotangents):
    x, a, g = inputs["x"], inputs["a"], cotangents["y"]
    return {"x": g * np.cos(x) * a + cotangents["z"] * 2 * x, "a": np.sum(g * np.sin(x))}
"""

pytestmark = pytest.mark.usefixtures("folder")


def test_right_gradients_pass(folder):
    (folder / "layer.py").write_text(FILE)
    result = check_target("layer.py", inputs={"x": "4x3", "a": "scalar"})
    assert (result.verdict, result.compared) == ("pass", 13)


@pytest.mark.parametrize(
    ("right", "wrong", "gradient"), [("* a +", "+", "x"), ("np.sum(g", "np.mean(g", "a")]
)
def test_a_planted_bug_fails_and_names_its_input(folder, right, wrong, gradient):
    (folder / "layer.py").write_text(FILE.replace(right, wrong))
    result = check_target("layer.py", inputs={"x": "4x3", "a": "scalar"})
    assert [n for n, g in result.gradients.items() if g.verdict == "fail"] == [gradient]


def test_a_lone_output_has_a_lone_cotangent(folder):
    (folder / "layer.py").write_text(
        "def forward(inputs): return inputs['x'] ** 3\n"
        "def vjp(inputs, cotangent): return {'x': cotangent * 3 * inputs['x'] ** 2}\n"
    )
    assert check_target("layer.py", inputs={"x": "4"}).passed


def test_inputs_have_to_be_named(folder):
    (folder / "layer.py").write_text(FILE)
    with pytest.raises(UsageError, match="say which: --input NAME=SHAPE"):
        check_target("layer.py")


def test_what_is_no_dictionary_of_gradients_is_said(folder):
    (folder / "layer.py").write_text(FILE.replace('return {"x": g', 'return 0, {"x": g'))
    result = check_target("layer.py", inputs={"x": "4", "a": "scalar"})
    assert [v.message for v in result.violations] == ["vjp returned tuple; expected gradients by input name"]
