import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from gradcli.errors import UsageError
from gradcli.layers import LAYERS, Dim, Input, Layer, Option
from gradcli.layers.declaration import Requirement, evaluate

SAMPLE = Layer(
    name="sample",
    summary="",
    formula="",
    source="",
    dims=(Dim("batch", 2, ""), Dim("channels", 4, "", minimum=2)),
    inputs=(
        Input("x", ("batch", "channels // groups")),
        Input("labels", ("batch", 7), kind="integer"),
    ),
    output="",
    options=(
        Option("eps", 1e-5, "", minimum=0.0),
        Option("p", 0.5, "", maximum=0.75),
        Option("rate", 0.5, "", above=0.0, below=1.0),
        Option("groups", 2, "", minimum=1),
        Option("causal", False, ""),
    ),
    requirements=(Requirement("channels % groups == 0", "groups must divide channels, got groups {groups}"),),
)
DEFAULTS = {"batch": 2, "channels": 4, "eps": 1e-5, "p": 0.5, "rate": 0.5, "groups": 2, "causal": False}
KNOWN = "batch, channels, eps, p, rate, groups, causal"


def test_what_is_not_given_has_its_default():
    assert SAMPLE.validate({}) == DEFAULTS
    assert SAMPLE.validate({"batch": 5}) == DEFAULTS | {"batch": 5}


def test_the_parameters_are_the_dimensions_and_then_the_options():
    assert [parameter.name for parameter in SAMPLE.parameters] == KNOWN.split(", ")


def test_the_constants_are_the_options_alone():
    assert SAMPLE.constants({"batch": 9, "p": 0.25}) == {
        "eps": 1e-5,
        "p": 0.25,
        "rate": 0.5,
        "groups": 2,
        "causal": False,
    }


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("eps", 1, 1.0),
        ("eps", 0, 0.0),
        ("eps", np.float32(0.5), 0.5),
        ("eps", Fraction(1, 4), 0.25),
        ("batch", np.int64(3), 3),
        ("p", 0.75, 0.75),
        ("causal", True, True),
    ],
)
def test_a_value_comes_out_as_the_type_of_its_parameter(name, value, expected):
    converted = SAMPLE.validate({name: value})[name]
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"batch": -3}, "batch must be at least 1, got -3"),
        ({"channels": 1}, "channels must be at least 2, got 1"),
        ({"batch": 1.5}, "batch must be an integer, got 1.5"),
        ({"batch": 2.0}, "batch must be an integer, got 2.0"),
        ({"batch": "three"}, "batch must be an integer, got 'three'"),
        ({"batch": True}, "batch must be an integer, got True"),
        ({"batch": None}, "batch must be an integer, got None"),
        ({"batch": [2]}, "batch must be an integer, got [2]"),
        ({"groups": 0}, "groups must be at least 1, got 0"),
        ({"eps": -1.0}, "eps must be at least 0, got -1.0"),
        ({"eps": "1e-5"}, "eps must be a number, got '1e-5'"),
        ({"eps": False}, "eps must be a number, got False"),
        ({"eps": 1j}, "eps must be a number, got 1j"),
        ({"eps": float("nan")}, "eps must be a finite number, got nan"),
        ({"eps": float("inf")}, "eps must be a finite number, got inf"),
        ({"eps": -float("inf")}, "eps must be a finite number, got -inf"),
        ({"p": 1.0}, "p must be at most 0.75, got 1.0"),
        ({"rate": 0}, "rate must be greater than 0, got 0"),
        ({"rate": 1.0}, "rate must be less than 1, got 1.0"),
        ({"causal": 1}, "causal must be true or false, got 1"),
        ({"causal": "yes"}, "causal must be true or false, got 'yes'"),
        ({"groups": 3}, "sample: groups must divide channels, got groups 3"),
        ({"channel": 3}, f"sample has no option 'channel'; did you mean 'channels'? It has: {KNOWN}"),
        ({"depth": 3}, f"sample has no option 'depth'. It has: {KNOWN}"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_what_is_expected(values, message):
    with pytest.raises(UsageError) as caught:
        SAMPLE.validate(values)
    assert str(caught.value) == message


def test_an_integer_beyond_the_floats_is_refused():
    with pytest.raises(UsageError, match=r"^eps must be a finite number, got 10{400}$"):
        SAMPLE.validate({"eps": 10**400})


def test_all_mistakes_are_told_at_once_one_per_line():
    with pytest.raises(UsageError) as caught:
        LAYERS["batchnorm"].validate({"feature": 3, "batch": 0, "eps": -1.0})
    assert str(caught.value).splitlines() == [
        "batchnorm has no option 'feature'; did you mean 'features'? It has: batch, features, eps",
        "batch must be at least 1, got 0",
        "eps must be at least 0, got -1.0",
    ]


def test_values_are_judged_together_only_when_each_is_sound():
    with pytest.raises(UsageError) as caught:
        SAMPLE.validate({"groups": 3, "batch": 0})
    assert str(caught.value) == "batch must be at least 1, got 0"


def test_shapes_follow_dimensions_options_and_defaults():
    assert SAMPLE.shapes({}) == {"x": (2, 2), "labels": (2, 7)}
    assert SAMPLE.shapes({"batch": 5, "groups": 4}) == {"x": (5, 1), "labels": (5, 7)}


def test_values_that_do_not_fit_together_have_no_shapes():
    with pytest.raises(UsageError) as caught:
        SAMPLE.shapes({"groups": 3})
    assert str(caught.value) == "sample: groups must divide channels, got groups 3"


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "groupnorm",
            {"channels": 4, "groups": 3},
            "groupnorm: groups must divide channels, got groups 3 and channels 4",
        ),
        ("maxpool2d", {"kernel": 5}, "maxpool2d: kernel 5 is larger than the image's height 4"),
        ("avgpool2d", {"width": 1}, "avgpool2d: kernel 2 is larger than the image's width 1"),
        (
            "conv2d",
            {"kernel_height": 7, "height": 4, "padding": 1},
            "conv2d: kernel_height 7 is larger than the padded image: height 4 + 2 * padding 1",
        ),
        (
            "conv2d",
            {"kernel_width": 3, "width": 2, "padding": 0},
            "conv2d: kernel_width 3 is larger than the padded image: width 2 + 2 * padding 0",
        ),
        ("dropout", {"p": 1.0}, "p must be less than 1, got 1.0"),
    ],
)
def test_a_layer_refuses_what_it_cannot_compute(name, values, message):
    with pytest.raises(UsageError) as caught:
        LAYERS[name].validate(values)
    assert str(caught.value).splitlines()[0] == message


@pytest.mark.parametrize(
    ("expression", "value"),
    [(3, 3), ("3", 3), ("n", 8), ("4 * n", 32), ("n // 3 + 1", 3), ("(n - 2) % 4", 2), ("2 * (n + 1)", 18)],
)
def test_an_expression_is_integer_arithmetic_of_names(expression, value):
    assert evaluate(expression, {"n": 8}) == value


@pytest.mark.parametrize("expression", ["n / 2.5", "f(n)", "n.real", "[n]", "-n", "n if n else n"])
def test_nothing_else_is_an_expression(expression):
    with pytest.raises((ValueError, KeyError)):
        evaluate(expression, {"n": 8})


def test_the_declarations_need_no_numpy():
    code = "import sys; from gradcli.layers import LAYERS; LAYERS['conv2d'].shapes({})"
    code += "; print('numpy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
