"""Outcomes that another process can read: plain values, whatever the code under test put into them."""

import io
import pickle
import types
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gradcli.arrays import Array
from gradcli.errors import GradcliError
from gradcli.result import CheckResult
from gradcli.suite.outcome import Outcome
from gradcli.suite.perform import Answer

# The packages whose objects mean the same in every process of one suite.
_COMMON = frozenset({"builtins", "collections", "gradcli", "numpy", "pathlib", "types"})


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
        answer = _portable(answer, nodes)
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(answer)
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        named = isinstance(obj, type | types.FunctionType | types.BuiltinFunctionType)
        module = (obj.__module__ if named else type(obj).__module__) or "builtins"
        if str(module).partition(".")[0] in _COMMON:
            return NotImplemented
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
