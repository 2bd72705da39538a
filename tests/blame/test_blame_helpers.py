"""A slip in what backward calls, or in what it leaves in an object, is found where it stands."""

import linecache

import numpy as np
import pytest

import gradcli

SOURCE = """\
import numpy as np


def affine_pulled(d, x, w):
    dx = d @ w.T
    dw = x.T @ d
    return dx, dw, d.sum(axis=0)


def swish(z):
    return z / (1 + np.exp(-z))


def swish_slope(z):
    s = 1 / (1 + np.exp(-z))
    return s + z * s * (1 - s)


def net_forward(x, w, b, v, c):
    z = x @ w + b
    a = swish(z)
    return a @ v + c, (x, w, z, a, v)


def net_backward(dy, cache):
    x, w, z, a, v = cache
    da, dv, dc = affine_pulled(dy, a, v)
    dz = da * swish_slope(z)
    dx, dw, db = affine_pulled(dz, x, w)
    return dx, dw, db, dv, dc


class Attention:
    def forward(self, q, k, v):
        self.q, self.k, self.v = q, k, v
        self.attn = self._softmax(q @ k.T)
        return self.attn @ v

    def _softmax(self, s):
        e = np.exp(s - s.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def _softmax_pulled(self, da):
        inner = (da * self.attn).sum(axis=1, keepdims=True)
        return self.attn * (da - inner)

    def backward(self, dy):
        ds = self._softmax_pulled(dy @ self.v.T)
        self.grads = {"q": ds @ self.k, "k": ds.T @ self.q}
        return self.grads["q"], self.grads["k"], self.attn.T @ dy


class InPlace:
    def forward(self, x, a):
        self.x, self.a = x, a
        self.u = x * a
        self.y = np.sin(self.u)
        return self.y

    def backward(self, dy):
        self.g = dy.copy()
        self.g *= np.cos(self.u)
        da = (self.g * self.x).sum(axis=0)
        self.g *= self.a
        return self.g, da
"""

NET = {"x": (4, 3), "w": (3, 5), "b": (5,), "v": (5, 2), "c": (2,)}
ATTENTION = {"q": (3, 4), "k": (5, 4), "v": (5, 2)}
SLIPS = {
    "used twice": ("net", NET, "dw = x.T @ d", "dw = x.T @ d / len(x)", "multiplied by 4"),
    "in a return": ("net", NET, "d.sum(axis=0)", "d.mean(axis=0)", "a mean in place of a sum"),
    "two calls deep": ("net", NET, "s + z * s * (1 - s)", "s + s * (1 - s)", "a factor is missing: s * z"),
    "the call": ("net", NET, "swish_slope(z)\n", "swish_slope(a)\n", "`z` in place of `a`"),
    "in a method": (
        *("Attention", ATTENTION, "(da * self.attn).sum(axis=1", "(da * self.attn).sum(axis=0"),
        "the wrong axis",
    ),
    "in a dict of self": ("Attention", ATTENTION, "ds.T @ self.q", "2 * ds.T @ self.q", "multiplied by 1/2"),
    "an attribute": (
        *("InPlace", {"x": (4, 3), "a": (3,)}, "self.g *= self.a", "self.g *= self.x"),
        "`self.a` in place of `self.x`",
    ),
    "in place in self": (
        *("InPlace", {"x": (4, 3), "a": (3,)}, "self.g *= np.cos", "self.g *= np.sin"),
        "`np.cos` in place of `np.sin`",
    ),
}


def checked(name, shapes, source, file):
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace = {"__name__": "helped"}
    exec(compile(source, file, "exec"), namespace)
    made = namespace[name]() if name[0].isupper() else None
    forward = made.forward if made else namespace[f"{name}_forward"]
    backward = made.backward if made else namespace[f"{name}_backward"]
    rng = np.random.default_rng(3)
    inputs = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    return gradcli.check(forward, backward, inputs=inputs), backward


@pytest.mark.parametrize(("name", "shapes", "old", "new", "words"), SLIPS.values(), ids=SLIPS)
def test_a_slip_in_a_helper_is_found_there(name, shapes, old, new, words):
    before, _, after = SOURCE.partition(old)
    result, _ = checked(name, shapes, before + new + after, f"<helped: {new}>")
    assert result.blame is not None
    assert result.blame.line == before.count("\n") + 1
    assert words in result.blame.diagnosis


@pytest.mark.parametrize(("name", "shapes"), [("net", NET), ("Attention", ATTENTION)])
def test_right_helpers_stay_green(name, shapes):
    result, _ = checked(name, shapes, SOURCE, "<helped: right>")
    assert {gradient.verdict for gradient in result.gradients.values()} == {"pass"}
    assert result.blame is None


def test_the_code_under_test_is_as_it_was_afterwards():
    old = "s + z * s * (1 - s)"
    source = SOURCE.replace(old, "s + s * (1 - s)")
    _, backward = checked("net", NET, source, "<helped: untouched>")
    slope = backward.__globals__["swish_slope"]
    s = 1 / (1 + np.exp(-0.3))
    assert slope(0.3) == s + s * (1 - s)


class Meter:
    """Outlives every call, as an object of the module does."""

    def __init__(self):
        self.spent = 0.0


def test_an_object_that_outlives_the_call_is_not_moved():
    meter, calls = Meter(), []

    def forward(x):
        calls.append(None)
        meter.spent += 0.5
        return np.sin(x), x

    result = gradcli.check(forward, lambda dy, x: dy * np.sin(x), {"x": np.array([0.3, 0.7, 1.1])})
    assert result.verdict == "fail"
    assert meter.spent == 0.5 * len(calls)


def test_a_plain_assignment_to_such_an_object_is_not_moved_either():
    meter, calls = Meter(), []

    def forward(x):
        calls.append(None)
        mine = meter
        mine.spent = mine.spent + 0.5
        return np.sin(x), x

    result = gradcli.check(forward, lambda dy, x: dy * np.sin(x), {"x": np.array([0.3, 0.7, 1.1])})
    assert result.verdict == "fail"
    assert meter.spent == 0.5 * len(calls)
