"""Pairs that keep what they save in a context."""

from pathlib import Path

import pytest

from gradcli import check_target

FUNCTIONS = """
import numpy as np


class Function:
    @classmethod
    def apply(cls, *values):
        ctx = {}
        return cls.forward(ctx, *values)


class Dot(Function):
    @staticmethod
    def forward(ctx, input, weight):
        ctx.save_for_backward(input, weight)
        return input.dot(weight)

    @staticmethod
    def backward(ctx, grad_output):
        input, weight = ctx.saved_tensors
        return grad_output.dot(weight.T), input.T.dot(grad_output)


class Mul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_values
        return b * grad_output, a * grad_output


class Tanh(Function):
    @staticmethod
    def forward(ctx, a):
        ctx.out = np.tanh(a)
        return ctx.out

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * (1 - ctx.out**2)


def relu_forward(ctx, x):
    ctx["x"] = x
    return np.maximum(x, 0)


def relu_backward(ctx, dout):
    return dout * (ctx["x"] > 0)
"""
NAMES = ["Dot", "Mul", "Tanh", "relu"]

pytestmark = pytest.mark.usefixtures("folder")


def check(name, source=FUNCTIONS):
    Path("functions.py").write_text(source)
    return check_target(f"functions.py:{name}")


@pytest.mark.parametrize("name", NAMES)
def test_functions_with_a_context_are_checked_by_name_alone(name):
    result = check(name)
    assert (result.verdict, result.violations) == ("pass", ())
    assert result.compared


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("Dot", "input.T.dot(grad_output)", "2 * input.T.dot(grad_output)"),
        ("Tanh", "(1 - ctx.out**2)", "(1 - ctx.out)"),
        ("relu", '(ctx["x"] > 0)', '(ctx["x"] > -0.5)'),
    ],
)
def test_a_slip_in_them_is_found(name, right, wrong):
    source = FUNCTIONS.replace(right, wrong)
    result = check(name, source)
    assert result.verdict == "fail"
    assert result.blame is None or wrong in source.splitlines()[result.blame.line - 1]


def test_what_was_not_saved_is_said():
    (violation,) = check("Tanh", FUNCTIONS.replace("(1 - ctx.out**2)", "(1 - ctx.output**2)")).violations
    assert violation.code == "GC108"
    assert "forward has saved nothing as 'output'" in violation.message
