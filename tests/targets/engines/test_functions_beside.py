"""Engines whose operations are spread over files, and engines without a `*`."""

from pathlib import Path

import pytest

from gradcli.checker import run
from gradcli.spec import CheckSpec, Settings
from gradcli.targets import resolve
from tests.targets.test_tape import MICROGRAD

BESIDE = """\
import math
from engine import Value

def softplus(value):
    out = Value(math.log1p(math.exp(value.data)), (value,))
    def _backward():
        value.grad += out.grad / (1 + math.exp(-value.data))
    out._backward = _backward
    return out

def leaky(value):
    out = Value(value.data if value.data > 0 else 0.1 * value.data, (value,))
    def _backward():
        value.grad += (1.0 if value.data > 0 else 0.1) * out.grad
    out._backward = _backward
    return out
"""
NO_PRODUCT = """\
import numpy as np

class Operation:
    @staticmethod
    def forward(ctx, *inputs):
        '''To be written by each.'''
        raise NotImplementedError

    @staticmethod
    def backward(ctx, gradient):
        raise NotImplementedError

class Add:
    @staticmethod
    def forward(a, b):
        return Tensor(a.data + b.data, (a, b))

    @staticmethod
    def backward(ctx, gradient):
        return gradient, gradient

class Tensor:
    def __init__(self, data, parents=()):
        self.data = np.asarray(data, dtype=float)
        self.grad = np.zeros_like(self.data)
        self.parents = parents
        self._backward = lambda: None

    def __add__(self, other):
        out = Add.forward(self, other)
        def _backward():
            self.grad = self.grad + unbroadcast(out.grad, self.data.shape)
            other.grad = other.grad + unbroadcast(out.grad, other.data.shape)
        out._backward = _backward
        return out

    def square(self):
        out = Tensor(self.data**2, (self,))
        def _backward():
            self.grad = self.grad + 2 * self.data * out.grad
        out._backward = _backward
        return out

    def backward(self):
        order, seen = [], set()
        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent in node.parents:
                    visit(parent)
                order.append(node)
        visit(self)
        for node in order:
            node.grad = np.zeros_like(node.data)
        self.grad = np.ones_like(self.data)
        for node in reversed(order):
            node._backward()

def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for axis, length in enumerate(shape):
        if length == 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def verdicts(text):
    Path("ops.py").write_text(text)
    found = [run(problem, Settings(blame=False)) for problem in resolve(CheckSpec("ops.py"))]
    return {result.id.removeprefix("ops.py:"): result.verdict for result in found}


def wrong(text, right, slip):
    assert right in text
    return {name for name, verdict in verdicts(text.replace(right, slip, 1)).items() if verdict == "fail"}


def test_functions_of_the_values_of_an_imported_engine_are_checked():
    Path("engine.py").write_text(MICROGRAD)
    assert verdicts(BESIDE) == dict.fromkeys(
        ["softplus", "softplus.deep", "softplus.negative", "leaky", "leaky.deep", "leaky.negative"], "pass"
    )


@pytest.mark.parametrize(
    ("right", "slip", "fails"),
    [
        ("math.exp(value.data)), (value,))", "math.exp(value.data)))", {"softplus.deep"}),  # off the tape
        ("> 0 else 0.1) *", "> 0 else 0.0) *", {"leaky.negative"}),
    ],
)
def test_a_slip_in_such_a_function_shows_where_it_matters(right, slip, fails):
    Path("engine.py").write_text(MICROGRAD)
    assert wrong(BESIDE, right, slip) == fails


def test_an_engine_without_a_product_is_checked_with_any_cotangent():
    found = verdicts(NO_PRODUCT)
    assert {"Tensor.add", "Tensor.add_row", "Tensor.add_column", "Tensor.square"} <= found.keys()
    assert set(found.values()) == {"pass"}
    assert not any(name.startswith(("Operation", "Add")) for name in found)


def test_a_slip_in_an_engine_without_a_product_fails():
    right = "other.grad + unbroadcast(out.grad, other.data.shape)"
    assert wrong(NO_PRODUCT, right, "other.grad + out.grad") >= {"Tensor.add_row", "Tensor.add_column"}
    right = "2 * self.data * out.grad"
    assert "Tensor.square" in wrong(NO_PRODUCT, right, "2 * self.data")


def test_an_engine_that_takes_no_cotangent_of_several_says_so(invoke):
    refuses = "        if self.data.ndim:\n            raise ValueError('scalars only')\n"
    Path("ops.py").write_text(NO_PRODUCT.replace("        order, seen", refuses + "        order, seen"))
    result = invoke("check", "ops.py:Tensor.square")
    assert (result.exit_code, result.stderr) == (
        2,
        "gradcli: error: ops.py:Tensor.square: Tensor has no `*` to weigh its outputs with, and its backward "
        "takes no cotangent of several\n",
    )
