"""The JSON Schema says the same as the validator, as far as a schema of draft 7 can."""

import json
from pathlib import Path

import jsonschema
import pytest

from gradcli import config
from gradcli.config.mistakes import Mistakes
from gradcli.config.yaml import read
from gradcli.errors import ConfigError
from gradcli.layers import LAYERS
from tests.config.test_config_yaml import plain

SCHEMA = config.schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("layers.py").write_text("")
    Path("case.npz").write_bytes(b"")


def both(text):
    """The answers of the schema and of the validator to one config."""
    path = Path("net.yaml")
    path.write_text(text)
    data = plain(read(path, Mistakes(path)))
    try:
        config.load(path)
    except ConfigError:
        return VALIDATOR.is_valid(data), False
    return VALIDATOR.is_valid(data), True


def test_the_schema_is_a_schema_of_draft_7():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_the_schema_is_json_and_its_examples_fit_it():
    assert json.loads(json.dumps(SCHEMA, allow_nan=False)) == SCHEMA
    for example in SCHEMA["examples"]:
        VALIDATOR.validate(example)


def test_every_object_of_the_schema_is_closed():
    open_objects = [
        name
        for name, definition in SCHEMA["definitions"].items()
        if definition.get("type") == "object" and "additionalProperties" not in definition
    ]
    assert open_objects == ["check"]  # which hands on to one definition for each layer
    assert SCHEMA["additionalProperties"] is False


def test_every_option_of_every_layer_is_described_with_its_default():
    for name, layer in LAYERS.items():
        properties = SCHEMA["definitions"][f"layer-{name}"]["properties"]
        for parameter in layer.parameters:
            assert properties[parameter.name]["description"] == parameter.help
            assert properties[parameter.name]["default"] == parameter.default


GOOD = [
    "{target: affine}",
    "{target: affine, batch: 3, in_features: 1e1, seed: 3.0}",
    "{target: batchnorm, eps: 1e-5, tol: 1e5, step: 1E-5, budget: 3, blame: false}",
    "{target: batchnorm, eps: 0, elements: all, method: complex, dtype: float32, id: a}",
    "{target: batchnorm, constants: {eps: 1e-3}, inputs: {x: [2, 3]}}",
    "{target: batchnorm, elements: 100, matrix: {eps: [1e-5, 1], dtype: [float32], tol: [1e-5]}}",
    "{target: scaled_dot_product_attention, causal: true}",
    "{target: layers.py}",
    "{target: 'layers.py:batchnorm', batch: 3, eps: 1}",
    "{target: 'layers.py:mine', inputs: {x: 4x3, y: [4, 3], z: 3, s: [], t: scalar}}",
    "{target: 'layers.py:mine', constants: {a: [1, {b: c}], d: true}}",
    "{target: 'layers.py:mine', inputs: case.npz, constants: {eps: 1e-5, axis: null}}",
    "{target: 'pkg.mod:mine', inputs: {x: {shape: 4x3, scale: 2, offset: -1.5, dtype: float32}}}",
    "{target: pkg.mod, inputs: {y: {shape: 4, dtype: int, high: 3}, m: {shape: 4, dtype: bool}}}",
    "{target: layers.py, matrix: {seed: [1, 2, 3]}}",
]

BAD = [
    "{}",
    "[]",
    "affine",
    "{batch: 3}",
    "{target: 3}",
    "{target: ''}",
    "{target: batchnrom}",
    "{target: other.yaml}",
    "{target: affine, features: 3}",
    "{target: affine, batch: 0}",
    "{target: affine, batch: 2.5}",
    "{target: affine, batch: '2'}",
    "{target: affine, batch: true}",
    "{target: affine, batch: [2]}",
    "{target: affine, id: 3}",
    "{target: affine, id: ''}",
    "{target: affine, seed: -1}",
    "{target: affine, tol: -1}",
    "{target: affine, tol: '1e-5'}",
    "{target: affine, tol: }",
    "{target: affine, step: 0}",
    "{target: affine, budget: 0}",
    "{target: affine, method: guess}",
    "{target: affine, dtype: int64}",
    "{target: affine, elements: 0}",
    "{target: affine, elements: some}",
    "{target: affine, elements: true}",
    "{target: affine, blame: no}",
    "{target: affine, stepp: 1}",
    "{target: affine, inputs: {z: [3]}}",
    "{target: affine, constants: {eps: 3}}",
    "{target: batchnorm, eps: -1}",
    "{target: batchnorm, constants: {eps: -1}}",
    "{target: dropout, p: 1}",
    "{target: scaled_dot_product_attention, causal: 1}",
    "{target: affine, matrix: {}}",
    "{target: affine, matrix: {batch: 3}}",
    "{target: affine, matrix: {batch: []}}",
    "{target: affine, matrix: {batch: [1, 1]}}",
    "{target: affine, matrix: {batch: [0]}}",
    "{target: affine, matrix: {features: [1]}}",
    "{target: affine, matrix: {budget: [1]}}",
    "{target: layers.py, batch: 3}",
    "{target: 'layers.py:mine', eps: 3}",
    "{target: layers.py, inputs: {}}",
    "{target: layers.py, inputs: {x: }}",
    "{target: layers.py, inputs: {x: 4y3}}",
    "{target: layers.py, inputs: {x: [-1]}}",
    "{target: layers.py, inputs: {3x: [1]}}",
    "{target: layers.py, inputs: {x: {scale: 1}}}",
    "{target: layers.py, inputs: {x: {shape: 3, sale: 1}}}",
    "{target: layers.py, inputs: {x: {shape: 3, high: 3}}}",
    "{target: layers.py, inputs: {x: {shape: 3, dtype: int, high: 0}}}",
    "{target: layers.py, inputs: {x: {shape: 3, dtype: int8, scale: 1}}}",
    "{target: layers.py, inputs: {x: {shape: 3, dtype: bool, high: 3}}}",
    "{target: layers.py, inputs: {x: {shape: 3, dtype: complex128}}}",
    "{target: layers.py, constants: {}}",
    "{target: layers.py, constants: {a b: 3}}",
]


@pytest.mark.parametrize("check", GOOD)
def test_a_good_check_is_good_to_both(check):
    assert both(f"version: 1\nchecks: [{check}]\n") == (True, True)


@pytest.mark.parametrize("check", BAD)
def test_a_bad_check_is_bad_to_both(check):
    assert both(f"version: 1\nchecks: [{check}]\n") == (False, False)


@pytest.mark.parametrize(
    "text",
    [
        "checks: [{target: affine}]",
        "version: 1",
        "version: 2\nchecks: [{target: affine}]",
        "version: '1'\nchecks: [{target: affine}]",
        "version: 1\nchecks: []",
        "version: 1\nchecks: {target: affine}",
        "version: 1\nchekcs: 1\nchecks: [{target: affine}]",
        "version: 1\ndefaults: {batch: 2}\nchecks: [{target: affine}]",
        "version: 1\ndefaults: []\nchecks: [{target: affine}]",
        "- 1",
    ],
)
def test_a_bad_frame_is_bad_to_both(text):
    assert both(text) == (False, False)


@pytest.mark.parametrize(
    "check",
    [
        "{target: gone.py}",  # whether a file exists
        "{target: layers.py, inputs: gone.npz}",
        "{target: affine, tol: .inf}",  # infinity is a number to a schema
        "{target: affine, batch: 2, matrix: {batch: [3]}}",  # one key in two places
        "{target: layers.py, inputs: {x: 3}, constants: {x: 3}}",
        "{target: groupnorm, groups: 3, channels: 4}",  # two keys together
        "{target: layers.py, constants: {a: }}",  # an empty value is a null that is not written
    ],
)
def test_what_only_the_validator_can_see(check):
    assert both(f"version: 1\nchecks: [{check}]\n") == (True, False)
