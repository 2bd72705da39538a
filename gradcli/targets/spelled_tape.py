"""Tape engines that a config spells out: how numbers get in, how the tape runs, where gradients are read.

    tape: {wrap: "Node(x)", unwrap: "out.payload", run: "sweep(out, g)", read: "x.adjoint"}

Each may be left out where a class of the file shows it (`tape_engine.py`). A target is a class, whose
operations are checked one by one, or a function of the engine's values. A `run` that does not speak of the
cotangent g starts from one: an output is then multiplied by its cotangent on the tape.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.errors import TargetError, UsageError
from gradcli.problem import Late, Problem, Run, Source
from gradcli.spec import TapeSpelling
from gradcli.targets import tape
from gradcli.targets.convention import Checkable
from gradcli.targets.engine import Bound, EngineFunction
from gradcli.targets.inputs import require_floating
from gradcli.targets.label import Label
from gradcli.targets.python_file import Loaded
from gradcli.targets.tape_engine import DATA, GRAD, Engine, engine_of, is_scalar, shared
from gradcli.targets.tape_operations import operations_of
from gradcli.targets.user_expression import UserExpression

_NUMBERS = (np.ndarray, np.generic, int, float)


@dataclass(frozen=True, eq=False)
class Spelled:
    """What a config says of an engine; None for what is to be inferred."""

    where: str
    wrap: UserExpression | None
    run: UserExpression | None
    read: UserExpression | None
    unwrap: UserExpression | None


@dataclass(frozen=True, eq=False)
class SpelledEngine(Engine):
    """An engine of which a part is spelled out."""

    spelled: Spelled = field(kw_only=True)
    inferred: Engine | None = field(kw_only=True)
    assigned: dict[str, Any] = field(default_factory=dict, kw_only=True)  # by the last run

    def wrap(self, array: Array) -> Any:
        if self.spelled.wrap is None:
            return super().wrap(array)
        return self.spelled.wrap(x=float(array) if self.scalar and not array.ndim else array.copy())

    def read(self, value: Any) -> Array:
        if self.spelled.unwrap is not None:
            return _numbers(self.spelled.unwrap, self.spelled.unwrap(out=value))
        if isinstance(value, _NUMBERS):
            return np.asarray(value, dtype=float)
        if self.inferred is not None:
            return self.inferred.read(value)
        return np.asarray(_attribute(self.spelled.where, "unwrap", value, DATA), dtype=float)

    def pull(self, out: Any, cotangent: Array) -> Array | None:
        run = self.spelled.run
        if run is None:
            if self.inferred is not None:
                return self.inferred.pull(out, cotangent)
            return _from_one(self, out, cotangent, lambda one: one.backward())
        if "g" in run.names:
            self._assign(run, out, cotangent.reshape(()).item() if self.scalar else cotangent.copy())
            return None
        return _from_one(self, out, cotangent, lambda one: self._assign(run, one, None))

    def _assign(self, run: UserExpression, out: Any, cotangent: Any) -> None:
        """Run the tape; what the statement assigns (`grads = …`) is there when a gradient is read."""
        _, assigned = run.run({"out": out, "g": cotangent})
        self.assigned.clear()
        self.assigned.update(assigned)

    def gradient(self, leaf: Any) -> Any:
        read = self.spelled.read
        if read is None:
            if self.inferred is not None:
                return self.inferred.gradient(leaf)
            found = _attribute(self.spelled.where, "read", leaf, GRAD)
        else:
            found, _ = read.run({"x": leaf, **self.assigned})
            if found is leaf:
                raise read.mistake("is the value itself; write where its gradient is, such as 'x.grad'")
        if found is not None and not isinstance(found, (*_NUMBERS, list)):
            found = self.read(found)
        return np.asarray(found) if isinstance(found, int | float | list) else found


def _from_one(
    engine: SpelledEngine, out: Any, cotangent: Array, start: Callable[[Any], None]
) -> Array | None:
    """Run a tape that takes no cotangent; returns by what gradients are still to be multiplied."""
    if cotangent.size == 1:
        start(out)
        return cotangent.reshape(())
    try:
        weighed = (out * engine.wrap(cotangent)).sum()
    except (TypeError, AttributeError) as error:
        raise UsageError(
            f"{engine.spelled.where}: tape.run: takes no cotangent, and the output has {cotangent.size} "
            f"numbers, which cannot be weighed and summed ({error}); write where the cotangent g goes in"
        ) from error
    start(weighed)
    return None


def _attribute(where: str, key: str, value: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        if isinstance(getattr(value, name, None), (*_NUMBERS, list)):
            return getattr(value, name)
    sample = {"read": "x.grad", "unwrap": "out.data"}[key]
    raise UsageError(
        f"{where}: tape.{key}: cannot be inferred: a {type(value).__name__} has none of {', '.join(names)}; "
        f"write it, such as '{sample}'"
    )


def _numbers(expression: UserExpression, value: Any) -> Array:
    if isinstance(value, list | tuple | int | float):
        kind = type(value).__name__
        try:
            value = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            raise expression.mistake(f"gives a {kind} of no numbers") from None
        if not value.size:
            raise expression.mistake(f"gives a {kind} of no numbers")
    if not isinstance(value, np.ndarray | np.generic) or value.dtype.kind not in "fciu":
        raise expression.mistake(f"gives a {type(value).__name__}; expected numbers or an array of them")
    array = np.asarray(value)
    return array if array.dtype.kind in "fc" else array.astype(float)


def find(loaded: Loaded, symbol: str | None, spelling: TapeSpelling) -> list[Checkable]:
    """The operations of a class, or a function of values, as a config spells the engine out.

    Raises TargetError for a symbol that is neither, UsageError for expressions that cannot be.
    """
    if symbol is None:
        raise TargetError(
            f"{loaded.shown}: 'tape' is for one class or function; name it: {loaded.shown}:NAME"
        )
    first, _, part = symbol.partition(".")
    value = loaded.value(first)
    spelled = _read(f"{loaded.shown}:{symbol}", spelling, loaded)
    if isinstance(value, type):
        engine = _engine(spelled, value)
        _try(engine)
        found = [tape.CheckableOperation(engine, one, first) for one in operations_of(engine)]
        named = [one for one in found if not part or one.operation.name == part]
        if not named:
            has = ", ".join(one.operation.name for one in found) or "none"
            raise TargetError(
                f"{loaded.at(first)}: {symbol} cannot be run on values; operations that can: {has}"
            )
        return list(named)
    if not callable(value) or part:
        raise TargetError(f"{loaded.at(first)}: {symbol} is neither a class nor a function of values")
    engine = _engine(spelled, _class_of(spelled, loaded))
    return [TapeFunction(first, (first,), value, value, value, FunctionEngine(engine), why_not=_WHY_NOT)]


def _try(engine: SpelledEngine) -> None:
    """Raise UsageError for expressions that do not do; what the user's code raises the checks will find."""
    number = np.full(() if engine.scalar else (2, 2), 0.7)
    try:
        leaf = engine.wrap(number)
        engine.pull(leaf, np.ones_like(engine.read(leaf)))
        engine.gradient(leaf)
    except UsageError:
        raise
    except (Exception, SystemExit):
        return


_WHY_NOT = "the tape computes this gradient; check the operations of its class one by one"


def _read(where: str, spelling: TapeSpelling, loaded: Loaded) -> Spelled:
    def expression(key: str, text: str | None, given: list[str], more: set[str]) -> UserExpression | None:
        if text is None:
            return None
        space = {**dict.fromkeys(more), **loaded.namespace}
        return UserExpression(where, f"tape.{key}", text, space, given, statements=key == "run")

    run = expression("run", spelling.run, ["out", "g"], set())
    assigned = set() if run is None else run.assigned_names
    return Spelled(
        where,
        expression("wrap", spelling.wrap, ["x"], set()),
        run,
        expression("read", spelling.read, ["x"], assigned),
        expression("unwrap", spelling.unwrap, ["out"], set()),
    )


def _class_of(spelled: Spelled, loaded: Loaded) -> type:
    """The class of an engine's values, in a file whose target is a function of them."""
    if spelled.wrap is not None:
        for tried in (1.5, np.array([1.5])):
            try:
                return type(spelled.wrap(x=tried))
            except (Exception, SystemExit):
                continue
        return object
    for value in loaded.namespace.values():
        if isinstance(value, type) and tape.is_tape(value) and engine_of(value) is not None:
            return value
    raise UsageError(
        f"{spelled.where}: tape.wrap: cannot be inferred: no class here has operators and a backward; "
        "write how an array x becomes a value, such as 'Tensor(x)'"
    )


def _engine(spelled: Spelled, cls: type) -> SpelledEngine:
    inferred = engine_of(cls) if callable(getattr(cls, "backward", None)) else None
    plain = inferred or Engine(cls, "", "", is_scalar(cls), np.dtype(np.float64), kept=shared(cls))
    return SpelledEngine(
        plain.cls,
        plain.data,
        plain.grad,
        plain.scalar,
        plain.dtype,
        plain.seed,
        plain.on,
        plain.kept,
        plain.weighs,
        spelled=spelled,
        inferred=inferred,
    )


@dataclass(frozen=True, eq=False)
class Recorded:
    """The arrays that a tape starts from; it is recorded anew for each backward, which empties most tapes."""

    arrays: dict[str, Array]
    again: tuple[Callable[[Mapping[str, Any]], Any]]


class FunctionEngine:
    """Runs functions of an engine's values; arrays are lists of values where a value is one number."""

    def __init__(self, engine: SpelledEngine) -> None:
        self._engine = engine

    @property
    def cls(self) -> type:
        return self._engine.cls

    def forward(self, function: Callable[[Mapping[str, Any]], Any], arrays: Mapping[str, Array]) -> Run:
        _, outputs = self._recorded(function, arrays)
        kept = {name: array.copy() for name, array in arrays.items()}
        return Run(tuple(self._read(out) for out in outputs), Recorded(kept, (function,)))

    def backward(self, cotangents: tuple[Array, ...], saved: Recorded) -> Mapping[str, Any]:
        leaves, outputs = self._recorded(saved.again[0], saved.arrays)
        factor = self._pull(outputs, cotangents)
        found = {name: self._gradient(leaf) for name, leaf in leaves.items()}
        if factor is None:
            return found
        return {name: None if g is None else g * factor for name, g in found.items()}

    def _recorded(
        self, function: Callable[[Mapping[str, Any]], Any], arrays: Mapping[str, Array]
    ) -> tuple[dict[str, Any], tuple[Any, ...]]:
        self._engine.rewind()
        leaves = {name: self._wrap(array) for name, array in arrays.items() if array.dtype.kind == "f"}
        result = function({**arrays, **leaves})
        several = isinstance(result, tuple) or (isinstance(result, list) and not self._engine.scalar)
        return leaves, tuple(result) if several else (result,)

    def _wrap(self, array: Array) -> Any:
        engine = self._engine
        if engine.spelled.wrap is not None or not engine.scalar:
            return engine.wrap(array)
        return engine.wrap(array) if not array.ndim else [self._wrap(np.asarray(part)) for part in array]

    def _read(self, out: Any) -> Array:
        if isinstance(out, list | tuple) and self._engine.scalar:
            return np.array([self._read(part) for part in out])
        return self._engine.read(out)

    def _pull(self, outputs: tuple[Any, ...], cotangents: tuple[Array, ...]) -> Array | None:
        if len(outputs) == 1 and not isinstance(outputs[0], list):
            return self._engine.pull(outputs[0], cotangents[0])
        total: Any = None
        for out, cotangent in zip(outputs, cotangents, strict=True):
            for part, weight in self._parts(out, cotangent):
                term = part * self._engine.wrap(weight)
                total = term if total is None else total + term
        return self._engine.pull(total, np.ones(np.shape(self._engine.read(total))))

    def _parts(self, out: Any, cotangent: Array) -> list[tuple[Any, Array]]:
        if isinstance(out, list):
            return [pair for part, g in zip(out, cotangent, strict=True) for pair in self._parts(part, g)]
        weighed = np.asarray(cotangent)
        if weighed.size == 1 or self._engine.scalar:
            return [(out, weighed)]
        return [((out * self._engine.wrap(weighed)).sum(), np.ones(()))]

    def _gradient(self, leaf: Any) -> Any:
        if isinstance(leaf, list) and self._engine.spelled.read is None:
            parts = [self._gradient(part) for part in leaf]
            return None if any(part is None for part in parts) else np.array(parts)
        return self._engine.gradient(leaf)


@dataclass(frozen=True, eq=False)
class TapeFunction(EngineFunction):
    """A function of an engine's values."""

    wraps = True

    def problem(self, inputs: Mapping[str, Array], constants: Mapping[str, Any], label: Label) -> Problem:
        require_floating(label.where, inputs)
        problem = super().problem(inputs, constants, label)
        assert isinstance(self.engine, FunctionEngine)
        self._try(problem)
        return problem

    def _try(self, problem: Problem) -> None:
        """Raise UsageError for expressions that do not do; what else is raised the check will find."""
        try:
            run = problem.forward({name: array.copy() for name, array in problem.inputs.items()})
            problem.backward(tuple(np.ones_like(out) for out in run.outputs), run.saved)
        except UsageError:
            raise
        except (Exception, SystemExit):
            return

    def source(self, problem: Problem, by_name: Bound) -> Source:
        assert isinstance(self.engine, FunctionEngine)
        return replace(super().source(problem, by_name), late=partial(_late, self.engine.cls))


def _late(cls: type) -> Late:
    driver = tape.driver_of(cls)
    return Late([] if driver is None else tape.functions_beside(driver))
