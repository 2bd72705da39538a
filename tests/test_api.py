"""The Python API: what it accepts, what it refuses, and what a failed assertion says."""

import doctest
import inspect
import threading
from pathlib import Path

import numpy as np
import pytest

import gradcli
from gradcli.errors import ConfigError, UsageError
from gradcli.spec import InputSpec

X = np.array([[1.0, -2.0], [3.0, 0.5]])
W = np.array([[2.0, 1.0], [-1.0, 4.0]])
SCALE = "def scale_forward(x): return 2 * x\ndef scale_backward(dout): return 2 * dout\n"


def product(x, w, scale=1.0):
    return scale * x * w, (x, w, scale)


def product_backward(dout, cache):
    x, w, scale = cache
    return scale * dout * w, scale * dout * x


def wrong_backward(dout, cache):
    dx, dw = product_backward(dout, cache)
    dw = dw.copy()
    dw[1, 0] *= 1.01
    return dx, dw


def refused(function, *args, error=UsageError, **more):
    with pytest.raises(error) as caught:
        function(*args, **more)
    return str(caught.value)


# --- check


def test_a_correct_pair_passes():
    result = gradcli.check(product, product_backward, {"x": X, "w": W}, {"scale": 3.0})
    assert (result.verdict, result.passed, list(result.gradients)) == ("pass", True, ["x", "w"])


def test_a_wrong_gradient_fails_and_only_that_one():
    result = gradcli.check(product, wrong_backward, {"x": X, "w": W})
    verdicts = {name: gradient.verdict for name, gradient in result.gradients.items()}
    assert verdicts == {"x": "pass", "w": "fail"}
    assert result.gradients["w"].worst_index == (1, 0)


@pytest.mark.parametrize(
    "inputs",
    [
        {"x": X.tolist(), "w": W.tolist()},
        {"x": X.astype(np.float32), "w": W.astype(np.float32)},
        {"x": 1.5, "w": np.float64(2.5)},
        {"x": X, "w": np.array([[1, 2], [3, 4]])},
    ],
    ids=["lists", "float32", "scalars", "an integer array"],
)
def test_whatever_is_an_array_is_an_input(inputs):
    def backward(dout, cache):
        dx, dw = product_backward(dout, cache)
        return dx, None if cache[1].dtype.kind == "i" else dw

    assert gradcli.check(product, backward, inputs).passed


def test_a_lambda_is_called_by_position():
    result = gradcli.check(lambda a, b: a @ b, lambda d, a, b: (d @ b.T, a.T @ d), {"x": X, "w": W})
    assert (result.verdict, result.id, list(result.gradients)) == ("pass", "<lambda>", ["x", "w"])


def test_a_cotangent_may_be_given():
    cotangent = np.array([[1.0, 0.0], [0.0, 0.0]])
    result = gradcli.check(product, product_backward, {"x": X, "w": W}, cotangent=cotangent)
    np.testing.assert_array_equal(result.arrays["cotangent"], cotangent)
    np.testing.assert_array_equal(result.gradients["x"].analytic, cotangent * W)


def test_several_outputs_take_a_tuple_of_cotangents():
    result = gradcli.check(
        lambda x: ((2 * x, x.sum()), None),
        lambda dy, ds, cache: 2 * dy + ds,
        {"x": X},
        cotangent=(W, 3),
    )
    assert result.passed


def test_the_callers_arrays_and_constants_are_never_changed():
    x, w, table = X.copy(), W.copy(), {"seen": []}

    def forward(x, w, table):
        x *= 2
        table["seen"].append(1)
        return x * w, (x, w)

    gradcli.check(forward, lambda dout, cache: (dout, dout), {"x": x, "w": w}, {"table": table})
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(w, W)
    assert table == {"seen": []}


def test_a_constant_that_cannot_be_copied_is_passed_on():
    lock = threading.Lock()
    result = gradcli.check(
        lambda x, held: (2 * x, held is lock), lambda d, same: 2 * d if same else d, {"x": X}, {"held": lock}
    )
    assert result.passed


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"forward": 3}, "forward must be a function, got int"),
        ({"backward": None}, "backward must be a function, got NoneType"),
        ({"inputs": [X, W]}, None),
        ({"inputs": {0: X}}, None),
        ({"inputs": {"x": X + 1j, "w": W}}, "input x has dtype complex128; expected {known}"),
        ({"inputs": {"x": "4x3", "w": W}}, "input x has dtype <U3; expected {known}"),
        ({"inputs": {"x": None, "w": W}}, "input x has dtype object; expected {known}"),
        ({"inputs": {"x": [[1.0], [1.0, 2.0]], "w": W}}, None),
        (
            {"inputs": {"x": [1, 2], "w": [3, 4]}},
            "product: no floating-point input, so there is no gradient to check (x is int64, w is int64)",
        ),
        (
            {"inputs": {"x": X}},
            'product: nothing for argument w (and no default). Add: inputs={{"w": …}}',
        ),
        (
            {"inputs": {"x": X, "w": W, "b": X, "c": X}},
            "product: forward has no argument 'c'. Its arguments: x, w, scale",
        ),
        (
            {"constants": {"sclae": 1.0}},
            "product: forward has no argument 'sclae'; did you mean 'scale'? Its arguments: x, w, scale",
        ),
        ({"constants": {"x": 1.0}}, "product: x is given twice, as an input and as a constant"),
        ({"cotangent": "ones"}, "cotangent has dtype <U4; expected {known}"),
        ({"tol": -1}, "tol must be a finite number, 0 or more, got -1"),
        ({"seed": 1.5}, "seed must be an integer, 0 or more, got 1.5"),
        ({"elements": "some"}, "elements must be auto, all, probe or a number above 0, got 'some'"),
        ({"step": float("inf")}, "step must be a finite number above 0, got inf"),
        ({"tol": -1, "step": -1}, None),
    ],
)
def test_arguments_that_make_no_check_are_refused(more, message):
    arguments = {"forward": product, "backward": product_backward, "inputs": {"x": X, "w": W}, **more}
    found = refused(gradcli.check, **arguments)
    if message is not None:
        assert found == message.format(known="float64, float32, float16, an integer type or bool")


def test_inputs_without_names_are_refused_with_an_example():
    assert refused(gradcli.check, product, product_backward, [1.0]) == (
        "inputs must be a mapping by argument name, such as {'x': x}, got [1.0]"
    )


def test_all_wrong_settings_are_said_at_once():
    message = refused(gradcli.check, product, product_backward, {"x": X, "w": W}, tol=-1, step=-1)
    assert message.splitlines() == [
        "tol must be a finite number, 0 or more, got -1",
        "step must be a finite number above 0, got -1",
    ]


# --- check_target


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("layers.py").write_text(SCALE)
    return tmp_path


def test_a_layer_is_checked_with_its_options():
    result = gradcli.check_target("batchnorm", batch=4, features=2, eps=1e-3, seed=5)
    assert (result.verdict, result.id) == ("pass", "batchnorm[batch=4,features=2,eps=0.001]")
    assert result.rerun == "gradcli check batchnorm --batch 4 --features 2 --eps 0.001 --seed 5"


@pytest.mark.parametrize("x", ["4x3", InputSpec((4, 3)), np.ones((4, 3))], ids=["text", "spec", "array"])
def test_an_input_of_a_file_is_a_shape_or_an_array(folder, x):
    result = gradcli.check_target("layers.py:scale", inputs={"x": x})
    assert result.passed
    assert result.gradients["x"].shape == (4, 3)


def test_a_path_object_is_a_target_too(folder):
    assert gradcli.check_target(Path("layers.py"), inputs={"x": "3"}).passed


def test_several_pairs_need_a_name(folder):
    Path("layers.py").write_text(SCALE + SCALE.replace("scale", "more"))
    assert refused(gradcli.check_target, "layers.py", inputs={"x": "3"}) == (
        "layers.py: holds 2 pairs; name one: layers.py:scale, layers.py:more"
    )


def test_a_config_with_one_check_is_a_target(folder):
    Path("net.yaml").write_text("version: 1\nchecks:\n  - {target: batchnorm, batch: 3, seed: 4}\n")
    result = gradcli.check_target("net.yaml")
    assert (result.verdict, result.id, result.seed) == ("pass", "batchnorm[batch=3,features=3]", 4)
    assert gradcli.check_target("net.yaml", seed=9).seed == 9


def test_a_config_with_several_checks_is_refused_with_their_ids(folder):
    Path("net.yaml").write_text("version: 1\nchecks:\n  - {target: relu}\n  - {target: affine}\n")
    assert refused(gradcli.check_target, "net.yaml") == (
        "net.yaml: holds 2 checks, expected one: "
        "relu[batch=2,features=3], affine[batch=2,in_features=3,out_features=2]"
    )


def test_a_config_says_its_inputs_itself(folder):
    Path("net.yaml").write_text("version: 1\nchecks:\n  - {target: relu}\n")
    assert refused(gradcli.check_target, "net.yaml", batch=3) == (
        "net.yaml: a config says inputs, constants and options itself"
    )
    Path("net.yaml").write_text("version: 1\nchecks: 3\n")
    refused(gradcli.check_target, "net.yaml", error=ConfigError)


def test_a_shape_that_is_none_is_refused(folder):
    assert refused(gradcli.check_target, "layers.py:scale", inputs={"x": "4x"}) == (
        "--input x=4x: '4x' is not a shape; write 4x3, 3 or scalar"
    )


# --- assert_gradients


def test_a_correct_pair_is_silent():
    assert gradcli.assert_gradients(product, product_backward, inputs={"x": X, "w": W}) is None


def test_a_wrong_gradient_is_named_with_its_numbers():
    message = refused(
        gradcli.assert_gradients, product, wrong_backward, {"x": X, "w": W}, error=AssertionError, seed=3
    )
    first, second, *_, last = message.splitlines()
    assert first == "product: 1 of 2 gradients wrong"
    assert second.startswith("  w at (1, 0): analytic ")
    assert " ± " in second
    assert ", error " in second
    assert ", allowed " in second
    assert second.endswith("; 1 of 4 elements disagree")
    assert "GC101" not in message
    assert last == "  run again: the same call with seed=3"


def test_a_broken_promise_is_named_with_its_code():
    message = refused(
        gradcli.assert_gradients, product, lambda dout, cache: (dout,), {"x": X, "w": W}, error=AssertionError
    )
    assert message.splitlines() == [
        "product: a promise is broken",
        "  GC102: backward returned 1 gradient; x and w need 2",
        "  run again: the same call with seed=0",
    ]


def test_code_that_raises_is_named_with_its_line():
    def forward(x):
        raise ZeroDivisionError("no")

    line = inspect.getsourcelines(forward)[1] + 1
    message = refused(gradcli.assert_gradients, forward, lambda d: d, {"x": X}, error=AssertionError)
    assert f"  GC108: forward raised ZeroDivisionError: no ({__file__}:{line})" in message.splitlines()


def test_what_cannot_be_decided_does_not_pass():
    rng = np.random.default_rng(0)

    def noisy(x):
        return x + rng.standard_normal(x.shape)

    message = refused(
        gradcli.assert_gradients, noisy, lambda dout: dout * 1.0, {"x": X}, error=AssertionError
    )
    assert message.startswith("noisy: ")
    assert "GC106" in message


def test_both_functions_take_the_same_keywords():
    def keywords(function):
        parameters = inspect.signature(function).parameters.values()
        return [(parameter.name, parameter.default) for parameter in parameters]

    assert keywords(gradcli.check) == keywords(gradcli.assert_gradients)
    shared = {"seed": 0, "tol": 1e-7, "method": "auto", "step": None, "elements": "auto", "budget": 10.0}
    for function in (gradcli.check, gradcli.check_target):
        assert shared.items() <= dict(keywords(function)).items()


def test_the_examples_in_the_docstrings_are_true():
    failed, tried = doctest.testmod(gradcli.api)
    assert tried >= 5
    assert failed == 0
