"""The convention of tape engines: a `Tensor` or `Value` with operators, `.backward()` and `.grad`.

Every operation of such a class is a check of its own, `engine.py:Tensor.matmul`, with broadcasting where it
broadcasts; and so are a few expressions in which a value is used more than once.
"""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.errors import UsageError
from gradcli.problem import Late, Problem, Run, Source
from gradcli.targets.convention import Advise, ByName, Checkable
from gradcli.targets.decorated import closed_over
from gradcli.targets.inputs import generator
from gradcli.targets.label import Label
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.pair import source_file
from gradcli.targets.python_file import Loaded
from gradcli.targets.tape_engine import Engine, engine_of
from gradcli.targets.tape_operations import Operation, is_possible, operation_of, operations_of, variants_of


@dataclass(frozen=True, eq=False)
class CheckableOperation(ByName):
    """One operation of an engine."""

    engine: Engine
    operation: Operation
    symbol: str  # the class, or the function that it is

    @property
    def name(self) -> str:
        is_function = self.symbol == self.operation.name
        return self.symbol if is_function else f"{self.symbol}.{self.operation.name}"

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.symbol,)

    @property
    def shown(self) -> str:
        return f"{self.name}({', '.join(self.arguments)})"

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        return ()

    @property
    def lengths(self) -> Sequence[int]:
        return ()

    @property
    def arguments(self) -> tuple[str, ...]:
        return tuple(self.operation.shapes)

    def takes(self, name: str) -> bool:
        return name in self.operation.shapes

    def missing(self, given: Collection[str]) -> list[str]:
        return []

    def bind(self, where: str, inputs: Sequence[str], constants: Collection[str], advise: Advise) -> None:
        for name in (*inputs, *constants):
            if name not in self.operation.shapes or name in constants:
                near = did_you_mean(name, self.arguments)
                raise UsageError(
                    f"{where}: takes no {name!r}{near or '.'} There are {', '.join(self.arguments)}"
                )

    def problem(
        self,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Any],
        label: Label,
    ) -> Problem:
        drawn = {name: self._drawn(name, label.id) for name in self.operation.shapes if name not in inputs}
        arrays = {**drawn, **inputs}
        return Problem(
            id=label.id,
            target=label.target,
            forward=self._forward,
            backward=self._backward,
            inputs={name: arrays[name].astype(self.engine.dtype) for name in self.operation.shapes},
            source=self._source(),
            rerun=label.rerun,
        )

    def _source(self) -> Source:
        """The method of the operation, where it has one; its gradients are spread over closures."""
        cls = self.engine.cls
        short = self.operation.name.partition("_")[0]
        method = next(
            (m for n in (f"__{short}__", short) if isinstance(m := getattr(cls, n, None), FunctionType)), None
        )
        function = inspect.unwrap(self.operation.run)
        if isinstance(function, FunctionType) and self.symbol == function.__name__:
            method = function
        driver = driver_of(cls)
        own: Callable[..., Any] = method or driver or cls
        late = None if driver is None else partial(self._late, driver)
        return Source(own, own, source_file(own), late=late)

    def _late(self, driver: FunctionType) -> Late:
        """What the engine's file defines, and its other operations."""
        others = [replace(self, operation=one) for one in operations_of(self.engine)]
        beside = [
            one.problem({}, {}, Label.of(one.name))
            for one in others
            if one.operation.name != self.operation.name
        ]
        if not self.engine.data:
            return Late(functions_beside(driver), beside)
        from gradcli.targets.tape_values import TapeValues  # rarely needed, and start-up counts

        tape = TapeValues(self.engine, self.operation.run, tuple(self.operation.shapes))
        return Late(functions_beside(driver), beside, tape, [driver])

    def _drawn(self, name: str, id: str) -> Array:
        """Away from zero, where many operations have a kink or a pole, and on the side that is wanted."""
        normal = generator(0, id, name).standard_normal(self.operation.shapes[name])
        away = np.abs(normal) + 0.2
        return np.asarray(away * self.operation.sign if self.operation.sign else np.copysign(away, normal))

    def _forward(self, arrays: Mapping[str, Array]) -> Run:
        _, out = self._recorded(arrays)
        kept = {name: array.copy() for name, array in arrays.items()}
        return Run((self.engine.read(out),), kept)

    def _backward(self, cotangents: tuple[Array, ...], saved: Mapping[str, Array]) -> Mapping[str, Any]:
        """On a tape of its own: a second backward on one tape would add to the first."""
        leaves, out = self._recorded(saved)
        factor = self.engine.pull(out, cotangents[0])
        return {name: self._gradient(leaf, factor) for name, leaf in leaves.items()}

    def _gradient(self, leaf: Any, factor: Array | None) -> Any:
        gradient = self.engine.gradient(leaf)
        return gradient if factor is None or gradient is None else gradient * factor

    def _recorded(self, arrays: Mapping[str, Array]) -> tuple[dict[str, Any], Any]:
        self.engine.rewind()
        leaves = {name: self.engine.wrap(array) for name, array in arrays.items()}
        return leaves, self.operation.run(*leaves.values())


def driver_of(cls: type) -> FunctionType | None:
    """The method that runs the tape, or where another function does any method of the class."""
    functions = [value for value in vars(cls).values() if isinstance(value, FunctionType)]
    backward = getattr(cls, "backward", None)
    return backward if isinstance(backward, FunctionType) else next(iter(functions), None)


def functions_beside(driver: FunctionType) -> list[FunctionType]:
    """The functions and methods of an engine's file, but for the one that runs the tape."""
    file = driver.__code__.co_filename
    found: dict[FunctionType, None] = {}
    todo: list[Any] = []
    for value in list(driver.__globals__.values()):
        todo += vars(value).values() if isinstance(value, type) else (value,)
    while todo:
        one = todo.pop()
        plain = one.__func__ if isinstance(one, staticmethod | classmethod) else one
        if isinstance(plain, FunctionType) and plain not in found:
            if plain.__code__.co_filename == file:
                found[plain] = None
            todo += closed_over(plain)  # a decorator keeps what it decorates
    found.pop(driver, None)
    return sorted(found, key=lambda function: function.__code__.co_firstlineno)


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The operations of the tape engines among these names, and functions of values of any that is there."""
    found: list[Checkable] = []
    for name in loaded.classes(loaded.namespace):
        cls = loaded.namespace[name]
        if not is_tape(cls):
            continue
        engine = engine_of(cls)
        if engine is not None and name in names:
            found += [CheckableOperation(engine, one, name) for one in operations_of(engine)]
        if engine is not None:
            found += _functions_over(engine, loaded, names)
    return found


def _functions_over(engine: Engine, loaded: Loaded, names: Sequence[str]) -> Iterator[CheckableOperation]:
    """The functions of the file that make values of the engine out of others."""
    for name in loaded.functions(names):
        function = loaded.namespace[name]
        operation = operation_of(engine, function) if isinstance(function, FunctionType) else None
        if operation is not None and operation.name == name:
            variants = [one for one in variants_of(engine, operation) if is_possible(engine, one)]
            yield from (CheckableOperation(engine, one, name) for one in (operation, *variants))


def is_tape(cls: type) -> bool:
    """Whether a class has operators and a backward that needs no argument."""
    if cls.__module__.partition(".")[0] in ("torch", "numpy", "jax", "builtins"):
        return False
    backward = getattr(cls, "backward", None)
    if not inspect.isfunction(backward) or not any(n in vars(cls) for n in ("__add__", "__mul__")):
        return False
    parameters = list(inspect.signature(backward).parameters.values())[1:]
    return all(p.default is not p.empty or p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters)
