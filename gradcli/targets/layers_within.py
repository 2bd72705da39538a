"""The layers of an object that consists of others, each as a check of its own where the whole calls it."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcli.generators import fixed_generators
from gradcli.targets.halves import Halves, halves_of
from gradcli.targets.inputs import is_input_dtype
from gradcli.targets.living import Prototype
from gradcli.targets.places import holders

Recorder = Callable[..., Any]

_MOST = 2  # calls of one class


@dataclass(eq=False)
class Call:
    """One call of a layer's forward: the layer as it was before, and what it was given."""

    cls: type
    halves: Halves
    layer: Any
    given: Mapping[str, Any]
    is_innermost: bool = True
    cotangent: float | None = None  # a lone number that backward was given, or takes where it is given none

    @property
    def inputs(self) -> dict[str, Any]:
        return {n: v for n, v in self.given.items() if isinstance(v, np.ndarray) and is_input_dtype(v.dtype)}

    @property
    def constants(self) -> dict[str, Any]:
        return {name: value for name, value in self.given.items() if name not in self.inputs}


def calls_within(made: Any, run: Callable[[], Any], back: Callable[[Any], Any]) -> list[Call]:
    """The calls of layers within an object, other than itself, that call no further ones.

    Of each class the first few. `run` is a forward, `back` a backward from what that returns. Cost: one of
    each, and a copy of each layer.
    """
    classes = {type(held): halves_of(type(held)) for _, held in holders(made)}
    layers = {cls: halves for cls, halves in classes.items() if halves is not None}
    if set(layers) <= {type(made)}:
        return []
    calls: list[Call] = []
    under_way: list[Call] = []
    try:
        with fixed_generators(), np.errstate(all="ignore"):
            with _recorded(
                {cls: _forward_recorder(cls, halves, calls, under_way) for cls, halves in layers.items()}
            ):
                ahead = run()
            with _recorded({cls: _backward_recorder(cls, halves, calls) for cls, halves in layers.items()}):
                back(ahead)
    except (Exception, SystemExit):
        return []  # the check has told of it
    counts: dict[type, int] = {}
    found: list[Call] = []
    for call in calls:
        if call.is_innermost and type(made) is not call.cls and counts.get(call.cls, 0) < _MOST:
            counts[call.cls] = counts.get(call.cls, 0) + 1
            found.append(call)
    return found


@contextmanager
def _recorded(recorders: Mapping[type, Callable[..., Any]]) -> Iterator[None]:
    """Let a method of each of these classes put down what it is called with."""
    own = {cls: vars(cls).get(recorder.__name__) for cls, recorder in recorders.items()}
    for cls, recorder in recorders.items():
        setattr(cls, recorder.__name__, recorder)
    try:
        yield
    finally:
        for cls, method in own.items():
            name = recorders[cls].__name__
            if method is None:
                delattr(cls, name)
            else:
                setattr(cls, name, method)


def _forward_recorder(cls: type, halves: Halves, calls: list[Call], under_way: list[Call]) -> Recorder:
    signature = inspect.signature(halves.forward)

    @functools.wraps(halves.forward)
    def forward(self: Any, *args: Any, **keywords: Any) -> Any:
        bound = signature.bind(self, *args, **keywords)
        given = dict(list(bound.arguments.items())[1:])
        copied = {n: v.copy() if isinstance(v, np.ndarray) else v for n, v in given.items()}
        if type(self) is cls:
            call = Call(cls, halves, Prototype(self).born({}), copied)
            for outer in under_way:
                outer.is_innermost = False
            calls.append(call)
            under_way.append(call)
        try:
            return halves.forward(self, *args, **keywords)
        finally:
            if type(self) is cls:
                under_way.pop()

    return forward


def _backward_recorder(cls: type, halves: Halves, calls: list[Call]) -> Recorder:
    """What backward is given is put down at every call of forward: they are told apart by nothing."""
    signature = inspect.signature(halves.backward)

    @functools.wraps(halves.backward)
    def backward(self: Any, *args: Any, **keywords: Any) -> Any:
        bound = signature.bind(self, *args, **keywords)
        bound.apply_defaults()
        given = list(bound.arguments.values())[1:2]
        if type(self) is cls and given and np.ndim(given[0]) == 0:
            for call in (call for call in calls if call.cls is cls):
                call.cotangent = _number(given[0])
        return halves.backward(self, *args, **keywords)

    return backward


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float | np.number | np.ndarray) and not isinstance(value, bool)
    return float(value) if is_number else None
