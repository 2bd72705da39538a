"""Tape engines in which nothing is called as usual: a config says how they are used."""

from pathlib import Path

import pytest

from gradcli import check_target

ENGINE = """
import numpy as np


class Node:
    def __init__(self, payload, parents=()):
        self.payload = payload
        self.adjoint = None
        self.parents = parents

    def __add__(self, other):
        return Node(self.payload + other.payload, ((self, lambda g: g), (other, lambda g: g)))

    def __mul__(self, other):
        pulls = (self, lambda g: g * other.payload), (other, lambda g: g * self.payload)
        return Node(self.payload * other.payload, pulls)

    def tanh(self):
        t = np.tanh(self.payload)
        return Node(t, ((self, lambda g: g * (1 - t * t)),))

    def matmul(self, other):
        pulls = (self, lambda g: g @ other.payload.T), (other, lambda g: self.payload.T @ g)
        return Node(self.payload @ other.payload, pulls)


def leaf(a):
    return Node(np.asarray(a, dtype=float))


def _order(node, seen):
    if id(node) in seen:
        return []
    seen.add(id(node))
    return [one for parent, _ in node.parents for one in _order(parent, seen)] + [node]


def sweep(out, seed):
    order = _order(out, set())
    for node in order:
        node.adjoint = np.zeros_like(node.payload)
    out.adjoint = seed
    for node in reversed(order):
        for parent, pull in node.parents:
            parent.adjoint = parent.adjoint + pull(node.adjoint)


def adjoints(out, seed):
    found = {out: seed}
    for node in reversed(_order(out, set())):
        for parent, pull in node.parents:
            found[parent] = found.get(parent, 0.0) + pull(found[node])
    return found


def neuron(x, w):
    return x.matmul(w).tanh()


def halves(x):
    return x + x, x * x
"""
SPELLED = {"wrap": "leaf(x)", "unwrap": "out.payload", "run": "sweep(out, g)", "read": "x.adjoint"}
MICRO = """
class Value:
    def __init__(self, data, pulls=()):
        self.data, self.pulls, self.grad = data, pulls, 0.0

    def __add__(self, other):
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))

    def backward(self, seed=1.0):
        self.grad += seed
        for parent, slope in self.pulls:
            parent.backward(seed * slope)


def dot(v, w):
    total = Value(0.0)
    for a, b in zip(v, w):
        total = total + a * b
    return total


def rows(m, v):
    return [dot(row, v) for row in m]
"""

pytestmark = pytest.mark.usefixtures("folder")


def config(target, spelled, inputs="", source=ENGINE, file="engine.py"):
    Path(file).write_text(source)
    said = ", ".join(f"{key}: '{text}'" for key, text in spelled.items())
    given = f", inputs: {{{inputs}}}" if inputs else ""
    Path("net.yaml").write_text(
        f"version: 1\nchecks:\n  - {{target: {file}:{target}, tape: {{{said}}}{given}}}\n"
    )
    return "net.yaml"


@pytest.mark.parametrize("target", ["neuron", "Node.tanh", "Node.matmul", "Node.used_twice", "halves"])
def test_an_engine_of_any_names_is_checked_as_a_config_spells_it_out(target):
    result = check_target(config(target, SPELLED))
    assert (result.verdict, result.violations) == ("pass", ())


@pytest.mark.parametrize(
    ("target", "right", "wrong", "gradient"),
    [
        ("neuron", "g * (1 - t * t)", "g * (1 - t)", "x"),
        ("Node.matmul", "self.payload.T @ g", "2 * self.payload.T @ g", "b"),
        ("Node.used_twice", "parent.adjoint = parent.adjoint + pull", "parent.adjoint = pull", "a"),
        ("halves", "(other, lambda g: g * self.payload)", "(other, lambda g: g)", "x"),
    ],
)
def test_a_slip_in_it_is_found(target, right, wrong, gradient):
    assert ENGINE.count(right) == 1
    result = check_target(config(target, SPELLED, source=ENGINE.replace(right, wrong)), blame=False)
    assert result.gradients[gradient].verdict == "fail"


def test_its_line_is_named():
    wrong = ENGINE.replace("(1 - t * t)", "(1 - t)")
    result = check_target(config("neuron", SPELLED, "x: 4x3, w: 3x2", source=wrong))
    assert result.blame is not None
    assert wrong.splitlines()[result.blame.line - 1].strip().startswith("return Node(t,")


def test_what_running_assigns_is_there_for_reading():
    spelled = {**SPELLED, "run": "found = adjoints(out, g)", "read": "found[x]"}
    assert check_target(config("neuron", spelled, "x: 4x3, w: 3x2")).verdict == "pass"


@pytest.mark.parametrize(
    ("target", "inputs", "gradient"), [("dot", "v: 3, w: 3", "w"), ("rows", "m: 2x3, v: 3", "v")]
)
def test_what_shows_is_inferred_and_arrays_are_lists_of_values(target, inputs, gradient):
    assert check_target(config(target, {}, inputs, MICRO, "micro.py")).verdict == "pass"
    wrong = MICRO.replace("(other, self.data))", "(other, self.grad))")
    assert check_target(config(target, {}, inputs, wrong, "micro.py")).gradients[gradient].verdict == "fail"


@pytest.mark.parametrize(
    ("spelled", "message"),
    [
        (
            {"wrap": "lef(x)"},
            "net.yaml:3:5: engine.py:neuron: tape.wrap: 'lef(x)' speaks of 'lef', which is not there; "
            "did you mean 'leaf'? Beside what the file defines there are x, np",
        ),
        (
            {"wrap": "leaf(x"},
            "checks[0].tape.wrap: is no Python expression: '(' was never closed",
        ),
        ({"unwrap": "out.parents"}, "'out.parents' gives a tuple of no numbers"),
        ({"unwrap": "out"}, "'out' gives a Node; expected numbers or an array of them"),
        ({"read": "x"}, "tape.read: 'x' is the value itself; write where its gradient is, such as 'x.grad'"),
        ({"read": "x.adj"}, "'x.adj' raised AttributeError: 'Node' object has no attribute 'adj'"),
        (
            {"run": "sweep(out, 1, g)"},
            "raised TypeError: sweep() takes 2 positional arguments but 3 were given",
        ),
        ({"run": "sweep(out, 1)"}, "; write where the cotangent g goes in"),
        ({"rum": "sweep(out)"}, "checks[0].tape.rum: unknown key; did you mean 'run'?"),
    ],
)
@pytest.mark.parametrize("target", ["neuron", "Node.tanh"])
def test_what_cannot_be_is_one_line_and_no_verdict(invoke, target, spelled, message):
    given = "x: 4x3, w: 3x2" if target == "neuron" else ""
    result = invoke("check", config(target, {**SPELLED, **spelled}, given))
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    if "run" in spelled and "takes no" in message and target == "Node.tanh":
        return
    assert message.replace("engine.py:neuron", f"engine.py:{target}") in result.stderr


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nuron", "engine.py: no 'nuron'; did you mean 'neuron'?"),
        ("Node.sinh", "Node.sinh cannot be run on values"),
    ],
)
def test_a_target_that_is_not_there_is_said(invoke, target, message):
    result = invoke("check", config(target, SPELLED))
    assert (result.exit_code, message in result.stderr) == (2, True)


def test_a_dump_runs_no_python_of_a_config(invoke):
    invoke("check", config("neuron", SPELLED, "x: 4x3, w: 3x2"), "--dump", "case.npz")
    result = invoke("replay", "case.npz")
    assert result.exit_code == 2
    assert "is spelled out in a config, which no dump can hold: gradcli check net.yaml -k" in result.stderr
