"""The layers of an object that consists of others, each as a check of its own where the whole calls it."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcli.subject import fixed_generators
from gradcli.targets.halves import Halves, halves_of
from gradcli.targets.inputs import is_input_dtype
from gradcli.targets.living import Prototype
from gradcli.targets.places import holders

_MOST = 2  # calls of one class


@dataclass(eq=False)
class Call:
    """One call of a layer's forward: the layer as it was before, and what it was given."""

    cls: type
    halves: Halves
    layer: Any
    given: Mapping[str, Any]
    is_innermost: bool = True

    @property
    def inputs(self) -> dict[str, Any]:
        return {n: v for n, v in self.given.items() if isinstance(v, np.ndarray) and is_input_dtype(v.dtype)}

    @property
    def constants(self) -> dict[str, Any]:
        return {name: value for name, value in self.given.items() if name not in self.inputs}


def calls_within(made: Any, run: Callable[[], Any]) -> list[Call]:
    """The calls of layers within an object, other than itself, that call no further ones.

    Of each class the first few. Cost: one run, and a copy of each layer.
    """
    classes = {type(held): halves_of(type(held)) for _, held in holders(made)}
    layers = {cls: halves for cls, halves in classes.items() if halves is not None}
    if set(layers) <= {type(made)}:
        return []
    calls: list[Call] = []
    try:
        with _recorded(layers, calls), fixed_generators(), np.errstate(all="ignore"):
            run()
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
def _recorded(layers: Mapping[type, Halves], calls: list[Call]) -> Iterator[None]:
    """Let the forwards of these classes put down what they are called with."""
    under_way: list[Call] = []
    replaced: list[tuple[type, str, Any]] = []
    for cls, halves in layers.items():
        name = halves.forward.__name__
        replaced.append((cls, name, vars(cls).get(name)))
        setattr(cls, name, _recorder(cls, halves, calls, under_way))
    try:
        yield
    finally:
        for cls, name, own in replaced:
            if own is None:
                delattr(cls, name)
            else:
                setattr(cls, name, own)


def _recorder(cls: type, halves: Halves, calls: list[Call], under_way: list[Call]) -> Callable[..., Any]:
    signature = inspect.signature(halves.forward)

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
