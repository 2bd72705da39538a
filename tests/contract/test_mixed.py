"""Code that takes many points in one call: they are asked for together only where they keep apart."""

import numpy as np
import pytest

from gradcli.checker import run
from gradcli.errors import BrokenPromise
from gradcli.problem import Problem, Run
from gradcli.spec import Settings


class Layer:
    """tanh of a stack of points; `spoil` changes what comes in with several of them."""

    def __init__(self, slope=1.0, spoil=lambda x: x):
        self.slope, self.spoil = slope, spoil
        self.calls = []

    def together(self, points, cotangents):
        self.calls.append(len(points))
        x = np.stack([point["x"] for point in points])
        x = self.spoil(x) if len(points) > 1 else x
        out = np.tanh(x)
        if cotangents is None:
            return [((o,), {}) for o in out]
        weights = np.stack([c[0] for c in cotangents])
        gradients = weights * (self.slope - out**2)
        return [((o,), {"x": g}) for o, g in zip(out, gradients, strict=True)]

    def problem(self, x):
        def forward(arrays):
            if arrays["x"].dtype.kind == "c":
                raise TypeError
            return Run(self.together([arrays], None)[0][0], dict(arrays))

        def backward(cotangents, saved):
            return self.together([saved], [cotangents])[0][1]

        return Problem("tanh", "tanh", forward, backward, {"x": x}, together=self.together)


X = np.random.default_rng(0).normal(size=(3, 6))


@pytest.mark.parametrize(("slope", "verdict"), [(1.0, "pass"), (1.001, "fail")])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_many_points_go_into_one_call(slope, verdict, dtype):
    layer = Layer(slope)
    result = run(layer.problem(X.astype(dtype)), Settings())
    assert (result.verdict, result.compared) == (verdict, 18)
    assert len(layer.calls) < 80
    assert max(layer.calls) > 4
    assert result.remarks == () or verdict == "fail"


def refuse(x):
    raise BrokenPromise("GC108", "one at a time")


@pytest.mark.parametrize(("slope", "verdict"), [(1.0, "pass"), (1.001, "fail")])
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (refuse, "one at a time"),
        (lambda x: x - x.mean(axis=0), "a point gives other numbers with another point beside it"),
        (lambda x: np.cumsum(x, axis=0), "a point gives other numbers with another point beside it"),
        (
            lambda x: np.repeat(x[:1], len(x), axis=0),
            "a point gives other numbers with another point beside it",
        ),
    ],
    ids=["refuses", "centres", "accumulates", "repeats"],
)
def test_points_that_are_mixed_up_are_asked_for_one_at_a_time(spoil, reason, slope, verdict):
    layer = Layer(slope, spoil)
    result = run(layer.problem(X[:1, :3]), Settings())
    assert result.verdict == verdict
    assert max(layer.calls) == 2
    assert f"asked for one point at a time: {reason}" in result.remarks


def negative_raises(x):
    if np.any(x < -0.05):
        raise BrokenPromise("GC108", "negative")
    return x


@pytest.mark.parametrize(("slope", "verdict"), [(1.0, "pass"), (1.001, "fail")])
def test_a_point_at_which_the_code_raises_leaves_the_others_alone(slope, verdict):
    layer = Layer(slope, negative_raises)
    result = run(layer.problem(np.array([0.1, 0.7])), Settings())
    assert (result.verdict, result.compared) == (verdict, 2)
    assert not any("one point at a time" in remark for remark in result.remarks)
