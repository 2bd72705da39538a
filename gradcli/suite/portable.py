"""Outcomes that another process can read: plain values, whatever the code under test put into them."""

import io
import pickle
import types
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.errors import GradcliError
from gradcli.result import CheckResult
from gradcli.suite.outcome import Bug, Outcome
from gradcli.suite.perform import Answer

# The packages whose objects mean the same in every process of one suite.
_COMMON = frozenset({"builtins", "collections", "datetime", "gradcli", "numpy", "pathlib", "types"})


@dataclass(frozen=True)
class Foreign:
    """Stands for an object of the user's own, which only its own process can hold."""

    shown: str

    def __repr__(self) -> str:
        return self.shown


@dataclass(frozen=True, eq=False)
class Kept:
    """Arrays that were read before they left their process."""

    arrays: Mapping[str, Array]

    def __call__(self) -> Mapping[str, Array]:
        return self.arrays


def dumped(answer: Answer, *, nodes: bool) -> bytes:
    """The answer as bytes; nodes: with the intermediate values of forward, for archives.

    A process that reads them imports nothing of the user's: what is of a class of theirs becomes its repr.
    """
    if isinstance(answer, Outcome):
        try:
            answer = _portable(answer, nodes)
        except Exception as error:  # while the nodes were read; the other checks are run
            answer = Outcome(answer.id, error=Bug.of(error), output=answer.output)
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(answer)
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type | types.FunctionType | types.BuiltinFunctionType):
            is_found_by_name = "<" not in obj.__qualname__  # neither local nor a lambda
            return NotImplemented if is_found_by_name and _is_common(obj.__module__) else _foreign(obj)
        if type(obj) is np.ndarray and obj.size > 1 and not any(obj.strides):
            return _repeated, (obj[(0,) * obj.ndim], obj.shape)  # as small there as it is here
        if not _is_common(type(obj).__module__):
            return _foreign(obj)
        try:
            return obj.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
        except TypeError:  # a module, a generator, a view of a dict
            return _foreign(obj)


def _repeated(value: np.generic, shape: tuple[int, ...]) -> Array:
    return np.broadcast_to(np.asarray(value), shape)


def _is_common(module: str | None) -> bool:
    return (module or "builtins").partition(".")[0] in _COMMON


def _foreign(obj: object) -> tuple[type[Foreign], tuple[str]]:
    return Foreign, (_shown(obj),)


def _shown(obj: object) -> str:
    try:
        return repr(obj)
    except Exception:  # any object may refuse
        return f"<{type(obj).__name__}>"


def _portable(outcome: Outcome, nodes: bool) -> Outcome:
    error, result = outcome.error, outcome.result
    if isinstance(error, GradcliError):
        error = type(error)(str(error))
    return replace(outcome, error=error, result=result and _without_code(result, nodes))


def _without_code(result: CheckResult, nodes: bool) -> CheckResult:
    """The result without what can only be asked for next to the code under test."""
    if not nodes:
        return replace(result, nodes=dict, node_gradients=dict)
    return replace(
        result, nodes=Kept(dict(result.nodes())), node_gradients=Kept(dict(result.node_gradients()))
    )
