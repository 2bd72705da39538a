"""The convention of last resort: `forward(inputs) -> outputs` and `vjp(inputs, cotangents) -> gradients`.

Both take and return dictionaries of arrays by name, so that anything which Python can call can stand behind
them: a library loaded with ctypes, a simulator, another language. `forward` may return a lone array, and then
`vjp` gets a lone cotangent.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gradcli.arrays import Array
from gradcli.errors import BrokenPromise, UsageError
from gradcli.problem import Problem, Run, Source
from gradcli.targets.convention import Advise, ByName, Checkable
from gradcli.targets.forward_call import parameters_of
from gradcli.targets.inputs import require_floating
from gradcli.targets.label import Label
from gradcli.targets.pair import source_file
from gradcli.targets.python_file import Loaded
from gradcli.targets.results import as_outputs, read_gradients

NAME = "vjp"


@dataclass(frozen=True, eq=False)
class VjpFile(ByName):
    """The two functions of such a file."""

    forward: Callable[[dict[str, Any]], Any]
    vjp: Callable[[dict[str, Any], Any], Mapping[str, Any]]
    name: str = NAME
    symbols: tuple[str, ...] = ("forward", "vjp")
    shown: str = "forward(inputs)"
    arguments: tuple[str, ...] = ()
    lengths: tuple[int, ...] = ()

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        return (self.forward, self.vjp)

    def takes(self, name: str) -> bool:
        return True

    def missing(self, given: Collection[str]) -> list[str]:
        return []

    def bind(self, where: str, inputs: Sequence[str], constants: Collection[str], advise: Advise) -> None:
        if not inputs:
            raise UsageError(f"{where}: takes a dictionary of inputs; say which: --input NAME=SHAPE")

    def problem(
        self,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Any],
        label: Label,
    ) -> Problem:
        require_floating(label.where, inputs)
        has_gradient = {name: array.dtype.kind == "f" for name, array in inputs.items()}

        def forward(arrays: Mapping[str, Array]) -> Run:
            given = {**constants, **arrays}
            returned = self.forward(dict(given))
            named = returned if isinstance(returned, Mapping) else {"": returned}
            return Run(as_outputs(tuple(named.values()), arrays), (given, tuple(named)))

        def backward(cotangents: tuple[Array, ...], saved: Any) -> Mapping[str, Any]:
            given, names = saved
            named = dict(zip(names, cotangents, strict=True))
            returned = self.vjp(dict(given), named.get("", named))
            if not isinstance(returned, Mapping):
                what = type(returned).__name__
                raise BrokenPromise("GC102", f"vjp returned {what}; expected gradients by input name")
            return read_gradients(returned, has_gradient, {}, list(constants))

        def remake(forward: Callable[..., Any], vjp: Callable[..., Any]) -> Problem:
            other = replace(self, forward=forward, vjp=vjp)
            return other.problem(inputs, constants, label)

        source = Source(self.forward, self.vjp, source_file(self.forward), remake)
        return Problem(
            id=label.id,
            target=label.target,
            forward=forward,
            backward=backward,
            inputs=dict(inputs),
            constants=dict(constants),
            source=source,
            rerun=label.rerun,
        )


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """`forward(inputs)` with `vjp(inputs, cotangents)`, if the file has both and no `backward`."""
    functions = loaded.functions(names)
    if "forward" not in functions or "vjp" not in functions or "backward" in functions:
        return []
    forward, vjp = loaded.namespace["forward"], loaded.namespace["vjp"]
    counts = [len(parameters_of(function) or ()) for function in (forward, vjp)]
    return [VjpFile(forward, vjp)] if counts == [1, 2] else []
