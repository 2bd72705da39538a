"""Declarations in a config: read, placed where they are wrong, and in the schema."""

from pathlib import Path

import jsonschema
import pytest

from gradcli import config
from gradcli.config.mistakes import Mistakes
from gradcli.config.yaml import read as read_yaml
from gradcli.declarations import read
from gradcli.errors import ConfigError
from tests.config.test_config_schema import plain

VALIDATOR = jsonschema.Draft7Validator(config.schema())


def load(lines):
    text = "version: 1\nchecks:\n  - target: relu\n" + "".join(f"    {line}\n" for line in lines)
    path = Path("net.yaml")
    path.write_text(text)
    node = read_yaml(path, Mistakes(path))
    valid = VALIDATOR.is_valid(plain(node))
    try:
        return config.load(path)[0].declarations, valid
    except ConfigError as error:
        return str(error), valid


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("line", "declared"),
    [
        ("scale: {x: 1/m}", {"scale": {"x": "1/m"}}),
        ("scale: 0.25", {"scale": 0.25}),
        ("sign: -1", {"sign": -1}),
        ("sign: {x: -1}", {"sign": {"x": -1}}),
        ("stop_gradient: [x]", {"stop_gradient": ["x"]}),
        ("nograd: x", {"nograd": ["x"]}),
        ("surrogate: straight-through estimator", {"surrogate": "straight-through estimator"}),
        ("surrogate: {reason: why, gradients: [x]}", {"surrogate": {"reason": "why", "gradients": ["x"]}}),
        ("xfail: {reason: why, until: 2027-01-31}", {"xfail": {"reason": "why", "until": "2027-01-31"}}),
    ],
)
def test_a_declaration_is_read(line, declared):
    assert load([line]) == (read(**declared), True)


@pytest.mark.parametrize(
    ("lines", "mistake"),
    [
        (["scale: {x: true}"], "net.yaml:4:12: checks[0].scale: must be a number or text such as 1/4 or 1/m"),
        (["sign: {x: 2}"], "net.yaml:4:11: checks[0].sign: must be -1 (or 1), got 2"),
        (["nograd: []"], "net.yaml:4:13: checks[0].nograd: must be a list of inputs"),
        (["surrogate: {gradients: [x]}"], "net.yaml:4:16: checks[0].surrogate: needs a reason"),
        (["xfail: {reason: r, until: soon}"], "net.yaml:4:12: checks[0].xfail: until must be a date"),
    ],
)
def test_a_mistake_is_placed_and_the_schema_sees_it_too(lines, mistake):
    found, valid = load(lines)
    assert found.startswith(mistake)
    assert not valid


@pytest.mark.parametrize("line", ["order: 3", "order: 2", "f: x", "grad: x", "{f: x, grad: y}"])
def test_what_is_for_files_is_refused_for_a_layer_by_both(line):
    found, valid = load([line.strip("{}").replace(", ", "\n    ")])
    assert isinstance(found, str)
    assert not valid


def test_declarations_that_exclude_each_other_are_refused():
    found, _ = load(["nograd: [x]", "scale: {x: 2}"])
    assert found.startswith("net.yaml:3:5: checks[0]: nograd: x is declared scale too")


def test_a_misspelt_key_is_named():
    found, _ = load(["surogate: r"])
    assert found == "net.yaml:4:5: checks[0].surogate: unknown key; did you mean 'surrogate'?"
