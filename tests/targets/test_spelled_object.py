"""Classes in which nothing is called as usual: a config says how they are made and where they keep what."""

from pathlib import Path

import pytest

from gradcli import check_target

SOURCE = """
import numpy as np


class Mixer:
    def __init__(self, rows, cols, squash):
        rng = np.random.default_rng(0)
        self.bag = {"mix": rng.standard_normal((rows, cols)), "lift": np.zeros(cols)}
        self.ledger = [None, None]
        self.squash = squash

    def ahead(self, x):
        self.seen = x
        self.z = x @ self.bag["mix"] + self.bag["lift"]
        return self.squash(self.z)

    def unwind(self, up):
        d = up * (1 - np.tanh(self.z) ** 2)
        self.ledger[0] = self.seen.T @ d
        self.ledger[1] = d.sum(axis=0)
        self.down = d @ self.bag["mix"].T


class Chain:
    def __init__(self, *parts):
        self.parts = parts

    def ahead(self, x):
        for part in self.parts:
            x = part.ahead(x)
        return x

    def unwind(self, up):
        for part in reversed(self.parts):
            part.unwind(up)
            up = part.down
        return up


class Misfit:
    def __init__(self, n, power):
        self.theta = np.ones(n)
        self.power = power

    def badness(self, X, y):
        return np.sum((X @ self.theta - y) ** self.power)

    def push(self, X, y):
        return self.power * X.T @ (X @ self.theta - y) ** (self.power - 1)


chain = Chain(Mixer(3, 2, np.tanh), Mixer(2, 4, np.tanh))
"""
MIXER = """
  - target: odd.py:Mixer
    forward: ahead
    backward: unwind
    constructor: "Mixer(3, 2, np.tanh)"
    inputs: {x: 4x3}
    parameters: {mix: "bag['mix']", lift: "self.bag['lift']"}
    gradients: {mix: "ledger[0]", lift: "ledger[1]", x: down}
"""
CHAIN = """
  - target: odd.py:chain
    forward: ahead
    backward: unwind
    inputs: {x: 4x3}
    parameters: {m0: "parts[0].bag['mix']", m1: "parts[1].bag['mix']"}
    gradients: {m0: "parts[0].ledger[0]", m1: "parts[1].ledger[0]"}
"""
MISFIT = """
  - target: odd.py:Misfit
    f: badness
    grad: push
    constructor: {n: 3, power: 3}
    inputs: {X: 5x3, y: 5}
"""

MADE = "odd.py:Chain\n    constructor: Chain(Mixer(3, 2, np.tanh), Mixer(2, 1, np.tanh))"

pytestmark = pytest.mark.usefixtures("folder")


def config(check, source=SOURCE):
    Path("odd.py").write_text(source)
    Path("net.yaml").write_text(f"version: 1\nchecks:{check}")
    return "net.yaml"


@pytest.mark.parametrize(
    ("check", "gradients"),
    [
        (MIXER, ["x", "mix", "lift"]),
        (CHAIN, ["x", "m0", "m1"]),
        (CHAIN.replace("odd.py:chain", MADE), ["x", "m0", "m1"]),
        (MISFIT, ["theta"]),
    ],
)  # fmt: skip
def test_an_object_of_any_names_is_checked_as_a_config_spells_it_out(check, gradients):
    result = check_target(config(check))
    assert (result.verdict, list(result.gradients), result.violations) == ("pass", gradients, ())


@pytest.mark.parametrize(
    ("check", "right", "wrong", "gradients"),
    [
        (MIXER, "d.sum(axis=0)", "d.mean(axis=0)", ["lift"]),
        (MIXER, "self.down = d @", "self.down = up @", ["x"]),
        (CHAIN, "up = part.down", "up = 2 * part.down", ["x", "m0"]),
        (MISFIT, "self.power * X.T", "X.T", ["theta"]),
    ],
)
def test_a_slip_in_it_is_found(check, right, wrong, gradients):
    assert SOURCE.count(right) == 1
    result = check_target(config(check, SOURCE.replace(right, wrong)), blame=False)
    assert [name for name, found in result.gradients.items() if found.verdict == "fail"] == gradients


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (
            MIXER.replace("bag['mix']", "bag['mux']"),
            "parameters.mix: after forward there is no bag['mux']. It holds seen, z, bag['mix'], bag['lift']",
        ),
        (MIXER.replace('"ledger[1]"', '"ledger[2]"'), "after backward there is no ledger[2]. It"),
        (MIXER.replace("bag['mix']", "ledger"), "ledger is a list; expected an array of floats"),
        (MIXER.replace('mix: "bag', 'mux: "bag'), "mix is neither an argument of forward nor a"),
        (MIXER.replace("bag['mix']", "seen"), "parameters.mix: forward makes seen anew: it is no parameter"),
        (MIXER.replace("bag['mix']", "bag['mix'"), ":8:23: checks[0].parameters.mix: must be a place"),
        (MIXER.replace("Mixer(3, 2, np", "Mixr(3, 2, np"), "speaks of 'Mixr', which is not there"),
        (MIXER.replace("Mixer(3, 2, np.tanh)", "Mixer(3)"), "raised TypeError: Mixer.__init__() missing"),
        (MIXER.replace("Mixer(3, 2, np.tanh)", "Chain()"), "'Chain()' makes a Chain; expected a Mixer"),
        (MISFIT.replace("{n: 3", "{m: 3"), "constructor: Misfit takes no 'm'. There are n, power"),
        (MISFIT.replace("{n: 3, power: 3}", "7"), "must be a mapping of arguments to values, or"),
        (MIXER.replace("backward: unwind", "backward: rewind"), "Mixer has no 'rewind'"),
        (MIXER.replace("backward: unwind", "backward: unwind\n    f: ahead"), "'f' cannot stand beside"),
        (MIXER + "    tape: {}\n", "checks[0].tape: is for engines, and what else is"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line_and_no_verdict(invoke, check, message):
    result = invoke("check", config(check))
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1), result.output
    assert message in result.stderr


def test_what_is_for_objects_is_refused_of_functions(invoke):
    source = (
        "def a_forward(x):\n    return x * 2, None\n\n\ndef a_backward(dout, cache):\n    return dout * 2\n"
    )
    result = invoke("check", config("\n  - {target: odd.py:a, parameters: {W: w}}\n", source))
    assert result.exit_code == 2
    assert "odd.py:a: is a_forward(x); 'constructor', 'parameters' and 'gradients' are for" in result.stderr


def test_methods_are_named_in_a_flag_too():
    Path("odd.py").write_text(SOURCE)
    result = check_target("odd.py:f=Misfit.badness,grad=Misfit.push", constants={"n": 3, "power": 2})
    assert (result.verdict, list(result.gradients)) == ("pass", ["theta"])
