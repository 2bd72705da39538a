"""What is written on a command line is read strictly, and what is written back reads the same."""

import math

import pytest

from gradcli.errors import UsageError
from gradcli.spec import InputSpec
from gradcli.targets.notation import (
    format_constant,
    format_input,
    format_shape,
    parse_constant,
    parse_input,
    parse_shape,
)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("4x3", (4, 3)),
        ("4X3", (4, 3)),
        ("4,3", (4, 3)),
        ("(4, 3)", (4, 3)),
        ("[4, 3]", (4, 3)),
        ("(4,)", (4,)),
        ("4", (4,)),
        ("0x3", (0, 3)),
        ("scalar", ()),
        ("()", ()),
        (" 2 x 3 x 4 ", (2, 3, 4)),
    ],
)
def test_a_shape_is_read(text, shape):
    assert parse_shape(text) == shape


@pytest.mark.parametrize(
    "text", ["4x", "x3", "", "4xx3", "-1x3", "4x-3", "4.5", "abc", "(4,3", "4;3", "٤x3", "1e3"]
)
def test_what_is_no_shape_is_refused(text):
    with pytest.raises(UsageError) as caught:
        parse_shape(text)
    assert str(caught.value) == f"{text!r} is not a shape; write 4x3, 3 or scalar"


def test_a_shape_with_too_many_axes_is_refused():
    with pytest.raises(UsageError, match="has 33 axes; NumPy has at most 32"):
        parse_shape("x".join(["1"] * 33))


@pytest.mark.parametrize(
    ("text", "name", "spec"),
    [
        ("x=4x3", "x", InputSpec((4, 3))),
        ("x=4x3:float32", "x", InputSpec((4, 3), "float32")),
        ("x=4:float", "x", InputSpec((4,))),
        ("y=4:int:10", "y", InputSpec((4,), "int64", high=10)),
        ("y=4:uint8", "y", InputSpec((4,), "uint8")),
        ("mask=4x4:bool", "mask", InputSpec((4, 4), "bool")),
        ("loss=scalar", "loss", InputSpec(())),
    ],
)
def test_an_input_is_read(text, name, spec):
    assert parse_input(text) == (name, spec)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x=4x", "--input x=4x: '4x' is not a shape; write 4x3, 3 or scalar"),
        ("x", "--input x: write NAME=SHAPE, for example --input x=4x3"),
        ("=4x3", "--input =4x3: write NAME=SHAPE, for example --input x=4x3"),
        ("x=", "--input x=: '' is not a shape; write 4x3, 3 or scalar"),
        (
            "z=4:complex128",
            "--input z=4:complex128: 'complex128' is not a dtype of an input; "
            "write float, int or one of float64, float32, float16, "
            "int8, int16, int32, int64, uint8, uint16, uint32, uint64, bool, sign, symmetric, definite, "
            "joint, onehot, onehot_columns",
        ),
        ("x=4:float64:3", "--input x=4:float64:3: only integers have an upper bound, not float64"),
        (
            "y=4:int:0",
            "--input y=4:int:0: '0' is not an upper bound; "
            "integers are drawn from 0 up to, not including, it",
        ),
        (
            "y=4:int:2:3",
            "--input y=4:int:2:3: write NAME=SHAPE:DTYPE:HIGH, for example --input y=4:int:10",
        ),
    ],
)
def test_a_wrong_input_is_named_with_its_option(text, message):
    with pytest.raises(UsageError) as caught:
        parse_input(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("1e5", 1e5),
        ("1E5", 1e5),
        (".5", 0.5),
        ("-3", -3),
        ("+3", 3),
        ("true", True),
        ("False", False),
        ("none", None),
        ("null", None),
        ("inf", math.inf),
        ("-inf", -math.inf),
        ("[1, 2]", [1, 2]),
        ("[true, null]", [True, None]),
        ("(1, 2)", (1, 2)),
        ("{'stride': 1}", {"stride": 1}),
        ("'true'", "true"),
        ("train", "train"),
        ("no", "no"),
        ("1:30", "1:30"),
        ("a=b", "a=b"),
        ("9" * 5000, math.inf),
    ],
)
def test_a_constant_is_read_with_its_type(text, value):
    name, found = parse_constant(f"c={text}")
    assert (name, found, type(found)) == ("c", value, type(value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("eps", "--set eps: write NAME=VALUE, for example --set eps=1e-5"),
        ("=1", "--set =1: write NAME=VALUE, for example --set eps=1e-5"),
        ("k=[1, 2", "--set k=[1, 2: '[1, 2' is neither a Python nor a JSON literal"),
        ("k=(lambda: 1)", "--set k=(lambda: 1): '(lambda: 1)' is neither a Python nor a JSON literal"),
    ],
)
def test_a_wrong_constant_is_named_with_its_option(text, message):
    with pytest.raises(UsageError) as caught:
        parse_constant(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "value",
    [
        *(1e-5, 1e5, 3, -2, True, False, None, math.inf, math.nan),
        *("train", "true", "1", "a b", "[x", "it's", ""),
        *([1, 2], (1,), {"stride": 1, "pad": (0, 1)}),
    ],
)
def test_a_constant_written_back_reads_as_the_same_value(value):
    text = format_constant("c", value)
    assert text is not None
    found = parse_constant(text)[1]
    assert repr(found) == repr(value)


def test_a_constant_that_no_text_gives_back_is_not_written():
    assert format_constant("c", object()) is None


@pytest.mark.parametrize(
    "spec", [InputSpec((4, 3)), InputSpec(()), InputSpec((4,), "int32", high=7), InputSpec((2, 0), "bool")]
)
def test_an_input_written_back_reads_as_the_same_spec(spec):
    assert parse_input(format_input("x", spec)) == ("x", spec)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("x=4*2", InputSpec((4,), scale=2.0)),
        ("x=4x3*0.5+1", InputSpec((4, 3), scale=0.5, offset=1.0)),
        ("x=scalar+3", InputSpec((), offset=3.0)),
        ("x=4*1e20", InputSpec((4,), scale=1e20)),
    ],
)
def test_a_scale_and_an_offset_follow_the_shape(text, spec):
    assert parse_input(text) == ("x", spec)
    assert format_input("x", spec) == text


def test_flags_cannot_say_a_negative_offset():
    assert format_input("x", InputSpec((4,), offset=-2.0)) is None


def test_a_scalar_shape_has_a_word():
    assert format_shape(()) == "scalar"
