import ast
import inspect
import re

import numpy as np
import pytest

from gradcli.layers import LAYERS
from gradcli.layers.declaration import evaluate
from tests.layers.cases import CASES

DECLARED = list(LAYERS.values())
SYMBOLIC = re.compile(r", (\((?:.*,.*)?\))$")


def names_of(layers):
    return [layer.name for layer in layers]


def test_every_promised_layer_is_there():
    assert names_of(DECLARED) == [
        "affine",
        "batchnorm",
        "relu",
        "layernorm",
        "softmax_cross_entropy",
        "leaky_relu",
        "sigmoid",
        "tanh",
        "gelu",
        "silu",
        "softmax",
        "mse",
        "dropout",
        "embedding",
        "conv2d",
        "maxpool2d",
        "avgpool2d",
        "rmsnorm",
        "groupnorm",
        "scaled_dot_product_attention",
        "rnn_step",
        "lstm_step",
    ]


@pytest.mark.parametrize("layer", DECLARED, ids=names_of(DECLARED))
def test_the_pair_takes_what_the_declaration_says(layer):
    module = layer.module()
    forward = getattr(module, f"{layer.name}_forward")
    backward = getattr(module, f"{layer.name}_backward")
    arguments = inspect.signature(forward).parameters
    assert list(arguments) == [item.name for item in (*layer.inputs, *layer.options)]
    assert {
        name: argument.default
        for name, argument in arguments.items()
        if argument.default is not argument.empty
    } == {option.name: option.default for option in layer.options}
    assert list(inspect.signature(backward).parameters) == ["dout", "cache"]


@pytest.mark.parametrize("layer", DECLARED, ids=names_of(DECLARED))
def test_the_declaration_explains_itself(layer):
    assert layer.summary
    assert layer.formula
    assert layer.source
    assert all(parameter.help for parameter in layer.parameters)
    names = [item.name for item in (*layer.inputs, *layer.parameters)]
    assert len(names) == len(set(names))
    assert all(item.kind in ("normal", "weight", "positive", "integer", "mask") for item in layer.inputs)
    assert all(item.help for item in layer.inputs if not item.has_gradient)


@pytest.mark.parametrize("layer", DECLARED, ids=names_of(DECLARED))
def test_the_defaults_are_valid_and_exercise_every_array(layer):
    values = layer.validate({})
    assert all(np.prod(shape) > 0 for shape in layer.shapes(values).values())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_output_has_the_declared_shape(case):
    outputs, _ = case.forward(case.draw())
    declared = ast.parse(f"[{case.layer.output}]", mode="eval").body
    shapes = [
        tuple(evaluate(ast.unparse(length), case.complete) for length in shape.elts)
        if isinstance(shape, ast.Tuple)
        else (evaluate(ast.unparse(shape), case.complete),)
        for shape in declared.elts
    ]
    assert [out.shape for out in outputs] == shapes
    assert len(outputs) == len(case.layer.output_names)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_declared_intermediate_is_in_the_cache_with_its_shape(case):
    _, cache = case.forward(case.draw())
    for name, meaning in case.layer.intermediates:
        value = getattr(cache, name)
        assert isinstance(value, np.ndarray)
        symbolic = SYMBOLIC.search(meaning)
        if symbolic and "windows" not in meaning:
            lengths = ast.parse(symbolic[1], mode="eval").body.elts
            assert value.shape == tuple(evaluate(ast.unparse(length), case.complete) for length in lengths)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_computed_array_in_the_cache_is_declared(case):
    _, cache = case.forward(case.draw())
    computed = {name for name, value in cache._asdict().items() if isinstance(value, np.ndarray)}
    inputs = {item.name for item in case.layer.inputs}
    assert computed - inputs == {name for name, _ in case.layer.intermediates}
