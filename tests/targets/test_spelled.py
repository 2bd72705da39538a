"""Functions that belong together by the user's word."""

from pathlib import Path

import pytest

from gradcli import check_target, config
from gradcli.checker import run
from gradcli.errors import ConfigError, TargetError
from gradcli.spec import CheckSpec, Loading, Settings
from gradcli.targets import resolve
from gradcli.targets.spelling import roles_of, spelled

SOURCE = """
import numpy as np


def ahead(x, w):
    return np.tanh(x @ w), (x, w)


def back(g, saved):
    x, w = saved
    d = g * (1 - np.tanh(x @ w) ** 2)
    return d @ w.T, x.T @ d


def misfit(m, d):
    r = np.exp(m) - d
    return 0.5 * r @ r


def sensitivity(m, d):
    return (np.exp(m) - d) * np.exp(m)


def curvature(m, d):
    e = np.exp(m)
    return np.diag(e * e + (e - d) * e)


class Pair:
    def go(self, x):
        return x**3, x

    def come(self, g, x):
        return 3 * g * x**2


def whole(inputs):
    return {"y": inputs["x"] ** 2}


def adjoint(inputs, cotangents):
    return {"x": 2 * inputs["x"] * cotangents["y"]}


pair = Pair()
raise_if_run = open("missing.txt")
"""
RIGHT = {
    "forward=ahead,backward=back": ["x", "w"],
    "f=misfit,grad=sensitivity": ["m"],
    "f=sensitivity,grad=curvature": ["m"],
    "forward=pair.go,backward=pair.come": ["x"],
}

pytestmark = pytest.mark.usefixtures("folder")


def check(symbol, source=SOURCE):
    Path("adjoint.py").write_text(source.replace('raise_if_run = open("missing.txt")\n', ""))
    return check_target(f"adjoint.py:{symbol}")


@pytest.mark.parametrize(("symbol", "gradients"), RIGHT.items())
def test_functions_of_any_names_are_checked_together(symbol, gradients):
    result = check(symbol)
    assert (result.verdict, list(result.gradients)) == ("pass", gradients)
    assert f"adjoint.py:{symbol}" in result.rerun


@pytest.mark.parametrize(
    ("symbol", "right", "wrong"),
    [
        ("forward=ahead,backward=back", "x.T @ d", "2 * x.T @ d"),
        ("f=misfit,grad=sensitivity", "- d) * np.exp(m)", "- d) * np.exp(-m)"),
        ("f=sensitivity,grad=curvature", "e * e +", "e +"),
    ],
)
def test_a_slip_is_found_in_them(symbol, right, wrong):
    assert check(symbol, SOURCE.replace(right, wrong)).verdict == "fail"


@pytest.mark.parametrize(
    ("source", "verdict"), [(SOURCE, "pass"), (SOURCE.replace("2 * inputs", "inputs"), "fail")]
)
def test_functions_on_dictionaries_are_named_too(source, verdict):
    Path("adjoint.py").write_text(source.replace('raise_if_run = open("missing.txt")\n', ""))
    result = check_target("adjoint.py:forward=whole,vjp=adjoint", inputs={"x": "4x3"})
    assert (result.verdict, list(result.gradients)) == (verdict, ["x"])


def test_only_they_are_run():
    Path("adjoint.py").write_text(SOURCE)
    spec = CheckSpec("adjoint.py:forward=ahead,backward=back", loading=Loading(only_symbol=True))
    (problem,) = resolve(spec)
    assert run(problem, Settings()).verdict == "pass"


def test_a_config_names_them_one_by_one():
    Path("adjoint.py").write_text(SOURCE)
    Path("net.yaml").write_text(
        "version: 1\nchecks:\n"
        "  - {target: adjoint.py, forward: ahead, backward: back}\n"
        "  - {target: adjoint.py, f: misfit, grad: sensitivity}\n"
    )
    assert [spec.target.partition(":")[2] for spec in config.load(Path("net.yaml"))] == list(RIGHT)[:2]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("target: adjoint.py, forward: ahead", "'forward' needs 'backward' beside it"),
        ("target: adjoint.py, grad: g", "'grad' needs 'f' beside it"),
        ("target: 'adjoint.py:f=a,grad=b', f: a, grad: b", "'f' is for a file, or a class in it"),
        ("target: batchnorm, f: a, grad: b", "'f' is for a file, or a class in it"),
        ("target: adjoint.py, f: a, grad: b, vjp: c", "'vjp' cannot stand beside 'f' and 'grad'"),
        ("target: adjoint.py, f: a b, grad: c", "a b, c: no names of functions"),
    ],
)
def test_what_does_not_name_functions_is_a_mistake_in_a_config(keys, message):
    Path("adjoint.py").write_text(SOURCE)
    Path("net.yaml").write_text(f"version: 1\nchecks:\n  - {{{keys}}}\n")
    with pytest.raises(ConfigError) as caught:
        config.load(Path("net.yaml"))
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize(
    ("symbol", "message"),
    [
        ("f=misfit,grad=sensitivty", "adjoint.py: no 'sensitivty'; did you mean 'sensitivity'?"),
        ("forward=pair.go,backward=pair.back", "adjoint.py:45: pair has no 'back'"),
        ("forward=Pair,backward=back", "adjoint.py:29: Pair is no function"),
        ("forward=ahead.go,backward=ahead.come", "adjoint.py:5: ahead has no 'go'"),
    ],
)
def test_what_is_not_there_is_said(symbol, message):
    with pytest.raises(TargetError) as caught:
        check(symbol)
    assert str(caught.value).startswith(message)


def test_a_symbol_reads_back():
    roles = {"forward": "net.ahead", "backward": "back"}
    assert roles_of(spelled(roles)) == roles
    assert roles_of("batchnorm") == roles_of("forward=a") == roles_of("f=1,grad=g") == {}
