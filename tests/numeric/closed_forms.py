"""Functions whose derivatives are known in closed form, and points from easy to hard."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import gradcli
from gradcli.result import CheckResult, Gradient

Elementwise = Callable[[Any], Any]
SPREAD = np.array([-1.7, -0.62, -0.1, 0.35, 0.9, 2.3])


@dataclass(frozen=True)
class Form:
    """y = f(x), element by element, and dy/dx."""

    name: str
    f: Elementwise
    derivative: Elementwise
    x: np.ndarray

    def __str__(self) -> str:
        return self.name


# Written so that the derivatives do not cancel: their rounding is a few ulp.
FORMS = [
    Form("3 x + 1", lambda x: 3 * x + 1, lambda x: np.full(x.shape, 3.0), SPREAD),
    Form("x^2", lambda x: x**2, lambda x: 2 * x, SPREAD),
    Form("x^3, cancelling to 0", lambda x: x**3, lambda x: 3 * x**2, np.array([0.0, 1e-3, 1.0])),
    Form("sin", np.sin, np.cos, SPREAD),
    Form("exp", np.exp, np.exp, 3 * SPREAD),
    Form("log", np.log, lambda x: 1 / x, np.abs(SPREAD)),
    Form("log next to 0", np.log, lambda x: 1 / x, np.array([1e-6, 1e-3, 1.0, 2.0])),
    Form("sqrt", np.sqrt, lambda x: 0.5 / np.sqrt(x), np.abs(SPREAD)),
    Form("1/x", lambda x: 1 / x, lambda x: -1 / x**2, SPREAD),
    Form("tanh", np.tanh, lambda x: 1 / np.cosh(x) ** 2, SPREAD),
    Form("tanh, saturated", np.tanh, lambda x: 1 / np.cosh(x) ** 2, np.array([3.0, 8.0, 12.0, -9.0])),
    Form("sigmoid", lambda x: 1 / (1 + np.exp(-x)), lambda x: 0.25 / np.cosh(x / 2) ** 2, 4 * SPREAD),
    Form("|x|^3, not complex", lambda x: np.abs(x) ** 3, lambda x: 3 * x * np.abs(x), SPREAD),
    Form(
        "log(1 + |x|), not complex",
        lambda x: np.log(1 + np.abs(x)),
        lambda x: np.sign(x) / (1 + np.abs(x)),
        SPREAD,
    ),
    Form(
        "log(1 + e^x), far left", lambda x: np.log(1 + np.exp(x)), lambda x: 1 / (1 + np.exp(-x)), 9 * SPREAD
    ),
    Form("sin of a thousand", np.sin, np.cos, 1e3 + SPREAD),
    Form("x^2 at 1 ± 1e-5", lambda x: x**2, lambda x: 2 * x, 1 + 1e-5 * SPREAD),
    Form("|x|^3 at 1e3 ± 1e-4", lambda x: np.abs(x) ** 3, lambda x: 3 * x * np.abs(x), 1e3 + 1e-4 * SPREAD),
    Form("sin at 1e-8", np.sin, np.cos, 1e-8 * SPREAD),
    Form(
        "|x|^1.5 at 1e12",
        lambda x: np.abs(x) ** 1.5,
        lambda x: 1.5 * np.sign(x) * np.sqrt(np.abs(x)),
        1e12 * SPREAD,
    ),
    Form(
        "log1p from 1e-9 to 1e8", np.log1p, lambda x: 1 / (1 + x), np.array([1e-9, 1e-5, 1e-3, 1.0, 1e4, 1e8])
    ),
    Form(
        "a saturated step, not complex",
        lambda x: np.tanh(20 * np.abs(x)),
        lambda x: 20 * np.sign(x) / np.cosh(20 * x) ** 2,
        np.array([0.5, 0.8, 1.0, 0.2, 0.05]),
    ),
    Form(
        "a narrow bump, not complex",
        lambda x: np.exp(-1e4 * np.abs(x - 0.3) ** 2),
        lambda x: -2e4 * (x - 0.3) * np.exp(-1e4 * (x - 0.3) ** 2),
        np.array([0.305, 0.31, -1.0, 2.0]),
    ),
]


def check_form(
    f: Elementwise, derivative: Elementwise, x: Any, *, factor: Any = 1.0, **settings: Any
) -> CheckResult:
    """Check y = f(x) whose backward is the derivative, times a factor (1: correct)."""
    return gradcli.check(
        lambda x: (f(x), x),
        lambda dout, x: dout * derivative(x) * factor,
        {"x": np.asarray(x)},
        **{"blame": False, **settings},
    )


def x_of(result: CheckResult) -> Gradient:
    return result.gradients["x"]


def codes(result: CheckResult) -> list[str]:
    return [violation.code for violation in result.violations]
