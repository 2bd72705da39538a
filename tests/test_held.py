"""A value inside forward that backward takes for a constant on purpose."""

from pathlib import Path

import numpy as np
import pytest

import gradcli
from gradcli import archive
from gradcli.errors import UsageError
from gradcli.replay import replay

RNG = np.random.default_rng(0)
INPUTS = {
    "w": RNG.standard_normal(3),
    "now": RNG.standard_normal((4, 3)),
    "later": RNG.standard_normal((4, 3)),
}


def temporal_difference(w, now, later, discount=0.9):
    target = discount * (later @ w)
    error = now @ w - target
    return 0.5 * np.mean(error**2), (now, error)


def semi_gradient(dout, cache):
    now, error = cache
    return {"w": dout * now.T @ error / len(error)}


DECLARED = {"stop_gradient": ["target"], "nograd": ["now", "later"]}


def test_a_semi_gradient_passes_as_declared():
    assert (
        gradcli.check(temporal_difference, semi_gradient, INPUTS, nograd=["now", "later"]).verdict == "fail"
    )
    result = gradcli.check(temporal_difference, semi_gradient, INPUTS, **DECLARED)
    assert result.passed
    assert "declared: no gradient through target, held constant in forward (stop_gradient)" in result.remarks


def test_a_wrong_semi_gradient_fails():
    def wrong(dout, cache):
        return {"w": 2 * semi_gradient(dout, cache)["w"]}

    result = gradcli.check(temporal_difference, wrong, INPUTS, **DECLARED)
    assert result.verdict == "fail"
    assert "w: backward gives 2 times the numeric gradient" in result.remarks[-1]


def test_the_full_gradient_is_none_of_what_is_declared():
    def full(dout, cache):
        now, error = cache
        return {"w": dout * (now - 0.9 * INPUTS["later"]).T @ error / len(error)}

    assert gradcli.check(temporal_difference, full, INPUTS, nograd=["now", "later"]).passed
    assert gradcli.check(temporal_difference, full, INPUTS, **DECLARED).verdict == "fail"


def test_a_value_in_a_loop_is_held_at_each_pass():
    def forward(x):
        total = 0.0
        for row in x:
            scale = np.abs(row).max()
            total = total + np.sum((row / scale) ** 2)
        return total, x

    def backward(dout, x):
        return (2 * dout * x / np.abs(x).max(axis=1, keepdims=True) ** 2,)

    x = {"x": RNG.standard_normal((4, 3))}
    assert gradcli.check(forward, backward, x, blame=False).verdict == "fail"
    assert gradcli.check(forward, backward, x, stop_gradient=["scale"]).passed


def test_float32_is_held_too():
    narrow = {name: array.astype(np.float32) for name, array in INPUTS.items()}
    assert gradcli.check(temporal_difference, semi_gradient, narrow, **DECLARED).passed


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "targe",
            "stop_gradient: temporal_difference has no input 'targe', and forward assigns no such variable; "
            "did you mean 'target'?",
        ),
    ],
)
def test_a_name_that_is_none_is_refused(name, message):
    with pytest.raises(UsageError) as caught:
        gradcli.check(temporal_difference, semi_gradient, INPUTS, stop_gradient=[name])
    assert str(caught.value) == message


def test_what_cannot_be_read_is_refused():
    with pytest.raises(UsageError, match="has no input 'y', and "):
        gradcli.check(np.sin, lambda dout, cache: dout, {"x": np.ones(3)}, stop_gradient=["y"])


LAYER = '''
def scaled_forward(x):
    """x (N, D)"""
    scale = abs(x).max()
    return x / scale, scale


def scaled_backward(dout, scale):
    return dout / scale
'''


def test_every_case_is_held_at_its_own_point_and_replayed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("layer.py").write_text(LAYER)
    assert gradcli.check_target("layer.py", blame=False).verdict == "fail"
    result = gradcli.check_target("layer.py", stop_gradient=["scale"])
    assert result.passed
    assert len(result.cases) > 1
    archive.write(Path("case.npz"), result)
    assert replay(Path("case.npz")).outcome == "STILL RIGHT"
