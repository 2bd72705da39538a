"""The convention of pullbacks: `y, pull = f(x)` and `dx = pull(dy)`, the backward as a closure of forward.

So may the forward of a class be, whose closure leaves the gradients of parameters in the object.

There is no function of the file that a repaired backward could take the place of, so no line is looked for.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import CellType, FunctionType
from typing import Any

from gradcli.arrays import Array
from gradcli.problem import Problem
from gradcli.targets.convention import ByArguments, Checkable
from gradcli.targets.halves import Halves, forward_of
from gradcli.targets.label import Label
from gradcli.targets.pair import make_problem
from gradcli.targets.python_file import Loaded
from gradcli.targets.slots import looks_like_cotangent
from gradcli.targets.source_tree import source_tree


@dataclass(frozen=True, eq=False)
class Pullback(ByArguments):
    """A function that returns its output and what takes a cotangent back."""

    name: str
    function: Callable[..., Any]

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def called(self) -> Callable[..., Any]:
        return self.function

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        return (self.function,)

    def problem(self, inputs: Mapping[str, Array], constants: Mapping[str, Any], label: Label) -> Problem:
        problem = make_problem(
            self.function,
            _pull,
            inputs,
            constants,
            label,
        )
        return replace(problem, source=None)


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The functions among these names that return their output and a closure that takes a cotangent."""
    space = loaded.namespace
    return [Pullback(name, space[name]) for name in loaded.functions(names) if _returns_pullback(space[name])]


def pullback_halves_of(cls: type) -> Halves | None:
    """The forward of a class that returns its output and a closure, and what calls it; None if none does."""
    forward = forward_of(cls)
    if forward is None or not _returns_pullback(forward):
        return None
    return Halves(forward, _pull_of, why_not="backward is a closure of forward")


def _pull_of(self: Any, dout: Any, cache: FunctionType) -> Any:
    """Call a closure on this object, which may be a copy of the one that forward ran on."""
    cells = [CellType(self) if type(_held(cell)) is type(self) else cell for cell in cache.__closure__ or ()]
    own = FunctionType(cache.__code__, cache.__globals__, cache.__name__, cache.__defaults__, tuple(cells))
    return own(dout)


def _held(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _pull(dout: Any, cache: Callable[[Any], Any]) -> Any:
    return cache(dout)


def _returns_pullback(function: Callable[..., Any]) -> bool:
    tree = source_tree(function)
    body = tree.body[0] if tree is not None and tree.body else None
    if not isinstance(body, ast.FunctionDef):
        return False
    last = body.body[-1]
    if not (isinstance(last, ast.Return) and isinstance(last.value, ast.Tuple) and len(last.value.elts) == 2):
        return False
    closure: ast.AST = last.value.elts[1]
    if isinstance(closure, ast.Name):
        inner = [one for one in body.body if isinstance(one, ast.FunctionDef) and one.name == closure.id]
        closure = inner[-1] if inner else closure
    if not isinstance(closure, ast.FunctionDef | ast.Lambda):
        return False
    takes = closure.args
    asks = takes.args[: len(takes.args) - len(takes.defaults)]
    return len(asks) == 1 and not takes.vararg and looks_like_cotangent(asks[0].arg)
