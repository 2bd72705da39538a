"""Layers of real size, and a check of one with a stop-watch on the layer's own functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import gradcli
from gradcli.layers import LAYERS
from gradcli.layers.declaration import Value
from tests.benchmarks.timing import Meter, median, once
from tests.layers.cases import Case, cotangents_for

Functions = tuple[Callable[..., Any], Callable[..., Any]]


@dataclass(frozen=True, eq=False)
class Work:
    """A layer with its inputs, drawn once."""

    case: Case
    inputs: Mapping[str, np.ndarray]

    @property
    def functions(self) -> Functions:
        module, name = self.case.layer.module(), self.case.layer.name
        return getattr(module, f"{name}_forward"), getattr(module, f"{name}_backward")

    def forward_time(self) -> float:
        """Seconds of one forward."""
        forward, _ = self.functions
        return median(lambda: forward(**self.inputs, **self.case.constants))

    def backward_time(self) -> float:
        """Seconds of one backward."""
        _, backward = self.functions
        outputs, cache = self.case.forward(self.inputs)
        cotangents = cotangents_for(outputs)
        dout = cotangents if len(cotangents) > 1 else cotangents[0]
        return median(lambda: backward(dout, cache))

    def check(self, functions: Functions | None = None, **settings: Any) -> gradcli.CheckResult:
        """A check of every element, unless `settings` say otherwise."""
        forward, backward = functions or self.functions
        settings = {"elements": "all", "budget": 1e6, **settings}
        return gradcli.check(forward, backward, self.inputs, self.case.constants, **settings)


def work(name: str, **values: Value) -> Work:
    """A built-in layer at these dimensions."""
    case = Case(LAYERS[name], values)
    return Work(case, case.draw())


@dataclass(frozen=True)
class Timed:
    """One check: how long it took, and how much of that the layer itself took."""

    seconds: float
    within: float  # of it, inside forward and backward
    within_complex: float  # inside forwards on complex numbers
    forwards: int
    complex_forwards: int
    backwards: int


def timed(subject: Work, **settings: Any) -> Timed:
    """Check with a stop-watch; raises AssertionError unless the check passes."""
    forward, backward = Meter(), Meter()
    metered = (forward.around(subject.functions[0]), backward.around(subject.functions[1]))
    results: list[gradcli.CheckResult] = []
    seconds = once(lambda: results.append(subject.check(metered, **settings)))
    result = results[0]
    assert result.passed, f"{subject.case}: {result.verdict} {result.violations}"
    within = forward.seconds + backward.seconds
    return Timed(
        seconds,
        within,
        forward.complex_seconds,
        result.evaluations,
        forward.complex_calls,
        result.backward_evaluations,
    )


def arrays_within(value: Any) -> Iterator[np.ndarray]:
    """The arrays of a cache: tuples of arrays, as all built-in layers keep."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from arrays_within(item)
