"""The second order of a framework's function: the derivative of what its backward computes.

Backward becomes the function, of the inputs and of the cotangents `grad_out`; what the framework makes of it
is its derivative, as `torch.autograd.gradgradcheck` has it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.clock import Clock
from gradcli.errors import BrokenPromise, UsageError
from gradcli.problem import Problem, Run, Source
from gradcli.subject import Subject, copies
from gradcli.targets.convention import Advise, ByName
from gradcli.targets.engine import EngineFunction, TwiceEngine
from gradcli.targets.label import Label

_COTANGENT = "grad_out"
_WHY_NOT = "the second derivative is the framework's own, made of what backward calls"


@dataclass(frozen=True, eq=False)
class SecondOrder(ByName):
    """The backward of such a function, as a Checkable."""

    first: EngineFunction
    engine: TwiceEngine

    order = 2

    @property
    def name(self) -> str:
        return self.first.name

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.first.symbols

    @property
    def shown(self) -> str:
        return self.first.shown

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        return self.first.functions

    @property
    def lengths(self) -> Sequence[int]:
        return self.first.lengths

    @property
    def arguments(self) -> tuple[str, ...]:
        return self.first.arguments

    def takes(self, name: str) -> bool:
        return self.first.takes(name) or _is_cotangent(name)

    def missing(self, given: Collection[str]) -> list[str]:
        return self.first.missing(given)

    def bind(self, where: str, inputs: Sequence[str], constants: Collection[str], advise: Advise) -> None:
        self.first.bind(where, [name for name in inputs if not _is_cotangent(name)], constants, advise)

    def problem(
        self,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Any],
        label: Label,
    ) -> Problem:
        own = {name: array for name, array in inputs.items() if not _is_cotangent(name)}
        first = self.first.problem(own, constants, label)
        try:
            outputs = Subject(first, Clock(None)).forward(copies(first.inputs)).outputs
        except BrokenPromise as broken:
            raise UsageError(f"{label.where}: forward cannot be run: {broken.message}") from broken
        names = [_COTANGENT if len(outputs) == 1 else f"{_COTANGENT}_{i}" for i in range(len(outputs))]
        rng = np.random.default_rng(0)
        cotangents = {
            name: inputs[name] if name in inputs else rng.standard_normal(out.shape).astype(out.dtype)
            for name, out in zip(names, outputs, strict=True)
        }
        function = self.first.by_name(label.where, own, constants)
        wanted = first.differentiable

        def pulled_back(values: Mapping[str, Any]) -> Any:
            own = {name: value for name, value in values.items() if name not in cotangents}
            return self.engine.pull_back(function, own, [values[name] for name in names], wanted)

        def forward(arrays: Mapping[str, Array]) -> Run:
            return self.engine.forward(pulled_back, arrays)

        return replace(
            first,
            forward=forward,
            backward=self.engine.backward,
            inputs={**first.inputs, **cotangents},
            source=first.source
            and Source(first.source.forward, first.source.backward, first.source.file, why_not=_WHY_NOT),
            output_names=tuple(f"grad_{name}" for name in first.differentiable),
        )


def _is_cotangent(name: str) -> bool:
    return name == _COTANGENT or name.startswith(f"{_COTANGENT}_")
