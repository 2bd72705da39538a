"""Engines whose `*` loses gradients, and methods of theirs that are no operations of a tape."""

from pathlib import Path

import pytest

from gradcli.checker import run
from gradcli.spec import CheckSpec, Settings
from gradcli.targets import resolve

ENGINE = """\
import numpy as np

class Tensor:
    def __init__(self, data, children=()):
        self.data = data if isinstance(data, np.ndarray) else np.array(data, dtype=np.float32)
        self.grad = np.zeros_like(self.data, dtype=np.float32)
        self._backward = lambda: None
        self._prev = set(children)

    def __add__(self, other):
        out = Tensor(self.data + other.data, (self, other))
        def _backward():
            self.grad += out.grad
            other.grad += out.grad
        out._backward = _backward
        return out

    def __mul__(self, other):
        out = Tensor(self.data * other.data, (self, other))
        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad
        out._backward = _backward  # of a product
        return out

    def exp(self):
        out = Tensor(np.exp(self.data), (self,))
        def _backward():
            self.grad += out.data * out.grad
        out._backward = _backward
        return out

    def bool(self):
        return Tensor(self.data.astype(bool))

    def zero_(self):
        self.data[...] = 0
        return self

    def backward(self):
        topo, visited = [], set()
        def build(v):
            if v not in visited:
                visited.add(v)
                for child in v._prev:
                    build(child)
                topo.append(v)
        build(self)
        self.grad = np.ones_like(self.data, dtype=np.float32)
        for v in reversed(topo):
            v._backward()
"""
PRODUCT = "out._backward = _backward  # of a product"


@pytest.fixture
def verdicts(tmp_path, monkeypatch):
    """The verdict of every operation of an engine."""
    monkeypatch.chdir(tmp_path)

    def found(right="", wrong=""):
        assert right in ENGINE
        Path("engine.py").write_text(ENGINE.replace(right, wrong, 1) if right else ENGINE)
        problems = resolve(CheckSpec("engine.py:Tensor"))
        results = [run(problem, Settings(blame=False)) for problem in problems]
        return {result.id.removeprefix("engine.py:Tensor."): result.verdict for result in results}

    return found


def failing(verdicts):
    return {name for name, verdict in verdicts.items() if verdict != "pass"}


def test_an_engine_of_float32_is_checked_in_float32(verdicts):
    found = verdicts()
    operations = {"add", "add_twice", "mul", "mul_twice", "exp", "exp_twice", "used_twice", "diamond"}
    assert operations <= set(found)
    assert failing(found).isdisjoint(operations)  # those that broadcast are wrong: nothing is summed


def test_a_product_that_loses_gradients_is_no_mistake_of_the_other_operations(verdicts):
    found = verdicts(PRODUCT, PRODUCT.replace("out._backward", "out._bacward"))
    assert found["add"] == found["add_twice"] == found["exp"] == "pass"
    assert {"mul", "mul_twice", "diamond"} <= failing(found)


def test_with_a_product_that_loses_gradients_other_mistakes_are_found(verdicts, monkeypatch):
    lost = ENGINE.replace(PRODUCT, "pass")
    monkeypatch.setitem(globals(), "ENGINE", lost)
    found = verdicts("self.grad += out.data * out.grad", "self.grad += self.data * out.grad")
    assert found["add"] == "pass"
    assert {"mul", "exp"} <= failing(found)


def test_a_cast_to_truth_values_and_a_setter_are_no_operations(verdicts):
    assert {"bool", "bool_twice", "zero_", "zero__twice"}.isdisjoint(verdicts())
