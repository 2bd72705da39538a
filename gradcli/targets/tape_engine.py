"""How arrays get into a tape engine and gradients out of it, found by trying."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.errors import UsageError

DATA = ("data", "value", "val", "_data", "array", "arr", "item_")
GRAD = ("grad", "_grad", "gradient", "g", "adjoint")
_ON = ("requires_grad", "autograd", "require_grad", "req_grad", "track_grad")
_ARRAY_METHODS = ("sum", "matmul", "dot", "__matmul__", "transpose", "reshape", "mean")


_NO_COTANGENT = "{} has no `*` to weigh its outputs with, and its backward takes no cotangent of several"


@dataclass(frozen=True, eq=False)
class Engine:
    """A class of values that record what is done with them."""

    cls: type
    data: str  # the attribute that holds the number or the array
    grad: str
    scalar: bool
    dtype: np.dtype[Any]
    seed: str = "none"  # what backward takes: an "array", a "value" of the engine, or "none"
    on: Sequence[str] = ()  # what has to be said for a value to be recorded
    kept: Sequence[tuple[Any, Any]] = ()  # lists and dicts of the engine's file, and what they held at first
    weighs: bool = True  # whether `*` and `sum` hand gradients on as they should

    def rewind(self) -> None:
        """Empty a tape that all values share of what was recorded before."""
        for held, first in self.kept:
            if len(held) != len(first):
                held.clear()
                (held.extend if isinstance(held, list) else held.update)(first)

    def wrap(self, array: Array) -> Any:
        """A leaf of the tape."""
        if self.scalar:
            return self.cls(float(array))
        return self.cls(array.copy(), **dict.fromkeys(self.on, True))

    def read(self, value: Any) -> Array:
        """The numbers of a value. Raises TypeError for what is no value of the engine."""
        if not isinstance(value, self.cls):
            raise TypeError(f"the operation gives a {type(value).__name__}, not a {self.cls.__name__}")
        numbers = np.asarray(getattr(value, self.data))
        is_count = numbers.dtype.kind in "iu"  # relu's 0 if below
        return numbers.astype(self.dtype) if is_count else numbers

    def pull(self, out: Any, cotangent: Array) -> Array | None:
        """Run backward from an output; returns by what the gradients are still to be multiplied.

        A backward that takes no cotangent starts from one: a lone output's gradients are multiplied
        afterwards, several outputs are weighed with the engine's own `*` and summed with its `sum`, if it has
        one; without a `*` that hands them on, the ones that backward starts from are weighed.
        """
        if self.seed == "array":
            out.backward(cotangent.copy())
        elif self.seed == "value":
            out.backward(self.cls(cotangent.copy()))
        elif cotangent.size == 1:
            out.backward()
            return cotangent.reshape(())
        elif not hasattr(self.cls, "__mul__") or not self.weighs:
            with self._starting_from(out, cotangent):
                out.backward()
        else:
            weighed = out * self.cls(cotangent.copy())
            self.read(weighed)
            (weighed.sum() if hasattr(weighed, "sum") else weighed).backward()
        return None

    @contextmanager
    def _starting_from(self, out: Any, cotangent: Array) -> Iterator[None]:
        """While backward runs, the ones that it puts into an output's gradient become a cotangent.

        Raises UsageError where it puts none there: no cotangent can be given then.
        """
        grad, held = self.grad, {"at": getattr(out, self.grad), "begun": False}

        def put(_: Any, value: Any) -> None:
            are_ones = np.shape(value) == cotangent.shape and bool(np.all(np.asarray(value) == 1))
            is_seed = are_ones and not held["begun"]
            held["begun"] = held["begun"] or is_seed
            held["at"] = value * cotangent if is_seed else value

        plain = type(out)
        space = {grad: property(lambda _: held["at"], put), "__slots__": ()}
        try:
            out.__class__ = type(plain.__name__, (plain,), space)
        except TypeError:
            raise UsageError(_NO_COTANGENT.format(self.cls.__name__)) from None
        try:
            yield
        except Exception as error:
            if not held["begun"]:
                raise UsageError(_NO_COTANGENT.format(self.cls.__name__)) from error
            raise
        finally:
            out.__class__ = plain

    def gradient(self, leaf: Any) -> Any:
        """The gradient of a leaf; None if there is none."""
        found = getattr(leaf, self.grad)
        found = getattr(found, self.data) if isinstance(found, self.cls) else found
        return np.asarray(found) if isinstance(found, int | float | list) else found


def engine_of(cls: type) -> Engine | None:
    """The engine behind a class, or None if its values cannot be made or have no gradient."""
    scalar = is_scalar(cls) and not _keeps_arrays(cls)
    tried: Any = 1.5 if scalar else np.array([[1.5, 2.5], [0.5, 1.0]])
    kept = shared(cls)
    try:
        value = cls(tried)
    except (Exception, SystemExit):
        return None
    data = next((name for name in DATA if _holds(value, name, tried)), None)
    grad = next((n for n in GRAD if hasattr(value, n)), None)
    if data is None or grad is None:
        return None
    dtype = _precision_of(cls, value, data, grad)
    on = [name for name in _ON if name in inspect.signature(cls).parameters]
    engine = Engine(cls, data, grad, scalar, dtype, on=on, kept=kept)
    if scalar:
        return engine
    engine = replace(engine, seed=_seed_of(engine))
    return replace(engine, weighs=False) if _is_weighed_better_before(engine) else engine


def _precision_of(cls: type, value: Any, data: str, grad: str) -> np.dtype[Any]:
    """What an engine computes in: its values' precision, or that of its gradients, where numbers that are not
    in an array become values of that too."""
    dtype = np.asarray(getattr(value, data)).dtype
    if dtype.kind != "f":
        return np.dtype(np.float64)
    gradients: Any = getattr(getattr(value, grad), "dtype", dtype)
    try:
        usual = np.asarray(getattr(cls([[1.5, 2.5], [0.5, 1.0]]), data)).dtype
    except (Exception, SystemExit):
        return dtype
    return usual if usual == gradients and usual.kind == "f" else dtype


def _is_weighed_better_before(engine: Engine) -> bool:
    """Whether `*` or `sum` loses a gradient, and the ones that backward starts from can be weighed instead:
    else the mistake of one operation would be that of all."""
    if engine.seed != "none" or not hasattr(engine.cls, "__mul__"):
        return False
    cotangent = np.array([[2.0, -3.0], [5.0, 7.0]], dtype=engine.dtype)

    def hands_on(tried: Engine) -> bool:
        leaf = tried.wrap(np.ones((2, 2), dtype=engine.dtype))
        try:
            tried.pull(leaf + tried.wrap(np.zeros((2, 2), dtype=engine.dtype)), cotangent)
            return np.array_equal(np.asarray(tried.gradient(leaf), dtype=float), cotangent)
        except (Exception, SystemExit):
            return False
        finally:
            tried.rewind()

    return not hands_on(engine) and hands_on(replace(engine, weighs=False))


def shared(cls: type) -> list[tuple[Any, Any]]:
    """The lists and dicts that an engine's file has for all values, and what they hold: one may be a tape."""
    methods = [value for value in vars(cls).values() if isinstance(value, FunctionType)]
    return [(held, held.copy()) for held in _lists_of(cls, methods[0].__globals__)] if methods else []


def _lists_of(cls: type, space: Mapping[str, Any]) -> Iterator[Any]:
    for name, value in list(space.items()):
        if name.startswith("__"):
            continue
        kind = value if isinstance(value, type) else type(value)
        is_own = kind.__module__ == cls.__module__ and hasattr(value, "__dict__")
        for held in list(vars(value).values()) if is_own else (value,):
            if type(held) in (list, dict):
                yield held


def is_scalar(cls: type) -> bool:
    """Whether a value is one number: the class has no method that arrays are for."""
    return not any(hasattr(cls, name) for name in _ARRAY_METHODS)


def _keeps_arrays(cls: type) -> bool:
    """Whether a value is made of an array alone, or starts with a gradient of its shape."""
    tried = np.ones((3, 2))
    try:
        value = cls(tried)
    except (Exception, SystemExit):
        return False
    try:
        cls(1.5)
    except (Exception, SystemExit):
        return True
    return any(np.shape(getattr(value, name, 0)) == tried.shape for name in GRAD)


def _holds(value: Any, name: str, tried: Any) -> bool:
    """Whether an attribute is what the value was made of."""
    held: Any = getattr(value, name, None)
    return held is not None and np.shape(held) == np.shape(tried)


def _seed_of(engine: Engine) -> str:
    """What backward takes, by trying both on an identity: `x * 1` or `x + 0`."""
    if len(inspect.signature(engine.cls.backward).parameters) < 2:  # type: ignore[attr-defined]
        return "none"
    cotangent = np.array([[2.0, -3.0], [5.0, 7.0]], dtype=engine.dtype)
    right, possible, ignores = [], [], False
    for seed in ("array", "value"):
        tried = replace(engine, seed=seed)
        leaf = engine.wrap(np.ones((2, 2), dtype=engine.dtype))
        try:
            tried.pull(leaf + engine.wrap(np.zeros((2, 2), dtype=engine.dtype)), cotangent)
            found = np.asarray(tried.gradient(leaf), dtype=float)
        except (Exception, SystemExit):
            continue
        if np.array_equal(found, cotangent):
            right.append((seed, isinstance(getattr(leaf, engine.grad), engine.cls)))
        is_ignored = bool(np.all(found == 1))  # what it takes is something else, `retain_grad`
        ignores |= is_ignored
        possible += [seed] if found.shape == cotangent.shape and not is_ignored else []
    if right:
        # An engine that keeps its gradients as values is given one: `grad.data` of an array is a buffer.
        seed, keeps_values = right[0]
        return right[-1][0] if keeps_values else seed
    # A sum may be wrong; without `*`, outputs cannot be weighed.
    return possible[0] if possible else "none" if ignores or hasattr(engine.cls, "__mul__") else "array"
