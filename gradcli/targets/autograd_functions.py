"""The convention of HIPS autograd: functions marked `@primitive` that were given a `defvjp`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcli.arrays import Array
from gradcli.problem import Run
from gradcli.targets.convention import Checkable
from gradcli.targets.engine import EngineFunction
from gradcli.targets.python_file import Loaded
from gradcli.targets.results import as_outputs


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The primitives with a vjp among these names."""
    if "autograd" not in sys.modules:
        return []
    from autograd.core import primitive_vjps

    found: list[Checkable] = []
    for name in loaded.functions(names):
        value = loaded.namespace[name]
        if value in primitive_vjps:
            plain = value.fun
            found.append(EngineFunction(name, (name,), value, plain, plain, AutogradEngine()))
    return found


@dataclass(frozen=True, eq=False)
class Saved:
    """The point; autograd's functions are pure, so it is all that backward needs."""

    function: Callable[[Mapping[str, Any]], Any]
    arrays: dict[str, Array]


class AutogradEngine:
    """autograd's make_vjp, one input after the other."""

    def forward(self, function: Callable[[Mapping[str, Any]], Any], arrays: Mapping[str, Array]) -> Run:
        is_complex = any(array.dtype.kind == "c" for array in arrays.values())
        outputs = as_outputs((function(arrays),), complex_allowed=is_complex)
        return Run(outputs, Saved(function, dict(arrays)))

    def backward(self, cotangents: tuple[Array, ...], saved: Saved) -> Mapping[str, Any]:
        from autograd import make_vjp

        gradients = {}
        for name, array in saved.arrays.items():
            if array.dtype.kind != "f":
                continue

            def alone(value: Any, name: str = name) -> Any:
                return saved.function({**saved.arrays, name: value})

            pull, _ = make_vjp(alone)(array)
            gradients[name] = pull(cotangents[0])
        return gradients
