"""Functions as objects that are called with values which hold an array: `Square()(Variable(x))`."""

from pathlib import Path

import pytest

from gradcli.checker import run
from gradcli.spec import CheckSpec, Settings
from gradcli.targets import resolve

FIRST = """
import numpy as np


class Variable:
    def __init__(self, data):
        self.data = data
        self.grad = None
        self.creator = None

    def set_creator(self, func):
        self.creator = func


class Function:
    def __call__(self, input):
        x = input.data
        y = self.forward(x)
        output = Variable(y)
        output.set_creator(self)
        self.input = input
        self.output = output
        return output

    def forward(self, x):
        raise NotImplementedError()

    def backward(self, gy):
        raise NotImplementedError()


class Square(Function):
    def forward(self, x):
        return x**2

    def backward(self, gy):
        return 2 * self.input.data * gy


class Exp(Function):
    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        return np.exp(self.input.data) * gy
"""
LATER = """
import numpy as np


class Variable:
    def __init__(self, data):
        if not isinstance(data, np.ndarray):
            raise TypeError(f"{type(data)} is not supported")
        self.data = data
        self.grad = None
        self.creator = None

    def backward(self, retain_grad=False):
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        left = [self.creator]
        while left:
            f = left.pop()
            gys = [output.grad for output in f.outputs]
            for x, gx in zip(f.inputs, f.backward(*gys)):
                x.grad = gx if x.grad is None else x.grad + gx
                if x.creator is not None:
                    left.append(x.creator)


class Function:
    def __call__(self, *inputs):
        inputs = [x if isinstance(x, Variable) else Variable(x) for x in inputs]
        outputs = [Variable(np.asarray(self.forward(*[x.data for x in inputs])))]
        for output in outputs:
            output.creator = self
        self.inputs, self.outputs = inputs, outputs
        return outputs[0]


class Mul(Function):
    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        return gy * self.inputs[1].data, gy * self.inputs[0].data


def mul(x0, x1):
    return Mul()(x0, x1)


Variable.__mul__ = mul
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def verdicts(text):
    Path("core.py").write_text(text)
    found = [run(problem, Settings(blame=False)) for problem in resolve(CheckSpec("core.py"))]
    return {result.id.removeprefix("core.py:"): result.verdict for result in found}


def test_functions_of_values_are_called_with_values():
    assert verdicts(FIRST) == {"Square": "pass", "Exp": "pass"}


@pytest.mark.parametrize(
    ("right", "wrong", "name"),
    [("2 * self.input.data * gy", "self.input.data * gy", "Square"), ("data) * gy", "data) + gy", "Exp")],
)
def test_a_slip_in_one_fails(right, wrong, name):
    assert right in FIRST
    assert verdicts(FIRST.replace(right, wrong)) == {"Square": "pass", "Exp": "pass"} | {name: "fail"}


def test_arguments_that_a_call_takes_together_are_handed_on_by_their_places():
    found = verdicts(LATER)
    assert found["Mul"] == found["Variable.mul"] == "pass"
    found = verdicts(LATER.replace("gy * self.inputs[0].data\n", "gy * self.inputs[1].data\n"))
    assert found["Mul"] == found["Variable.mul"] == "fail"


def test_a_flag_of_backward_is_no_cotangent():
    # `retain_grad` takes whatever it is given; the cotangent goes another way.
    assert verdicts(LATER.replace("np.ones_like", "2 * np.ones_like"))["Variable.mul"] == "fail"


WITH_VALUES = (
    LATER
    + """

class Square(Function):
    def forward(self, x):
        return x**2

    def backward(self, gy):
        return gy * self.inputs[0] * Variable(np.asarray(2.0))
"""
)


def test_a_backward_that_computes_with_values_is_given_one():
    assert verdicts(WITH_VALUES)["Square"] == "pass"
    assert verdicts(WITH_VALUES.replace("np.asarray(2.0)", "np.asarray(3.0)"))["Square"] == "fail"
