"""Pairs whose derivatives are known in closed form, as problems."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gradcli.problem import Problem
from gradcli.spec import Settings
from gradcli.sweep import Curve, Sweep, sweep
from gradcli.targets.label import Label
from gradcli.targets.pair import make_problem

SMOOTH = {
    "sin": (np.sin, np.cos),
    "exp": (np.exp, np.exp),
    "log of a square": (lambda x: np.log(x**2), lambda x: 2 / x),
    "cube": (lambda x: x**3, lambda x: 3 * x**2),
}
POINT = np.array([0.7, -1.3, 2.1])  # no powers of two, which round by luck


def problem_of(function: Callable, derivative: Callable, x: np.ndarray = POINT) -> Problem:
    """A pair that works element by element, at x."""
    return make_problem(
        lambda x: (function(x), x),
        lambda dout, x: dout * derivative(x),
        {"x": np.asarray(x)},
        {},
        Label.of("pair"),
        by_position=True,
    )


def swept(function: Callable, derivative: Callable, x: np.ndarray = POINT, **settings: object) -> Sweep:
    return sweep(problem_of(function, derivative, x), replace(Settings(), **settings))


def curve_of(function: Callable, derivative: Callable, x: np.ndarray = POINT, **settings: object) -> Curve:
    found = swept(function, derivative, x, **settings)
    assert found.left_out == ()
    (curve,) = found.curves
    return curve


def error_at_choice(curve: Curve) -> float:
    """The error of the 4th order at the step that is marked."""
    assert curve.chosen is not None
    return float(curve.errors4[int(np.argmin(np.abs(np.log(curve.steps / curve.chosen))))])


def reliable(errors: np.ndarray) -> np.ndarray:
    """The worst of each error and its two neighbours on each side: round-off is random, and 0 by luck."""
    padded = np.pad(errors, 2, mode="edge")
    return np.max(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)


def least_error(curve: Curve) -> float:
    """The smallest error that can be counted on."""
    return float(np.nanmin(reliable(curve.errors4)))
