"""The vjps of an autograd primitive as backwards: `lambda ans, x: lambda g: …` as a function of all three."""

import ast
import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.blame.source import FunctionNode, NotReadable, made_of, plain, read
from gradcli.problem import Problem, Run, Source
from gradcli.targets.engine import Bound
from gradcli.targets.pair import source_file
from gradcli.targets.results import as_outputs

_COTANGENT = "__cotangent__"


def sources(
    problem: Problem, bound: Bound, function: Callable[..., Any], makers: Mapping[str, Callable[..., Any]]
) -> dict[str, Source]:
    """How each gradient is computed that has a vjp of its own."""
    found: dict[str, Source] = {}
    for name, maker in makers.items():
        file = source_file(maker)
        try:
            backward = uncurried(maker)
        except NotReadable as reason:
            found[name] = Source(function, maker, file, why_not=str(reason))
            continue
        rule = VjpRule(problem, bound, name)
        found[name] = Source(function, backward, file, rule.problem)
    return found


def uncurried(maker: Callable[..., Any]) -> FunctionType:
    """A function that makes a vjp, as one that takes the cotangent before its own arguments.

    Raises NotReadable.
    """
    written = read(plain(maker))
    node = written.node
    last = node.body[-1]
    if not isinstance(last, ast.Return) or last.value is None:
        raise NotReadable(f"{node.name} does not end with a return")
    before, inner, name = _inner(node, last)
    arguments = copy.copy(node.args)
    arguments.posonlyargs = [ast.copy_location(ast.arg(name), node), *arguments.posonlyargs]
    arguments.args = list(arguments.args)
    if arguments.posonlyargs[1:] == []:
        arguments.posonlyargs, arguments.args = [], [*arguments.posonlyargs, *arguments.args]
    tree = copy.copy(node)
    tree.args, tree.body, tree.decorator_list = arguments, [*before, *inner], []
    return made_of(written, tree)


def _inner(node: FunctionNode, last: ast.Return) -> tuple[list[ast.stmt], list[ast.stmt], str]:
    """What stands before the vjp, the statements of the vjp, and what it calls the cotangent."""
    before = node.body[:-1]
    value = last.value
    assert value is not None
    if isinstance(value, ast.Lambda) and _lone_argument(value.args) is not None:
        body: list[ast.stmt] = [ast.copy_location(ast.Return(value.body), value.body)]
        return before, body, str(_lone_argument(value.args))
    if isinstance(value, ast.Name):
        for statement in before:
            if isinstance(statement, ast.FunctionDef) and statement.name == value.id:
                name = _lone_argument(statement.args)
                if name is not None and not statement.decorator_list:
                    return [s for s in before if s is not statement], statement.body, name
    called = ast.Call(value, [ast.Name(_COTANGENT, ast.Load())], [])
    body = [ast.fix_missing_locations(ast.copy_location(ast.Return(called), last))]
    return before, body, _COTANGENT


def _lone_argument(arguments: ast.arguments) -> str | None:
    own = [*arguments.posonlyargs, *arguments.args]
    more = arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults
    return own[0].arg if len(own) == 1 and not more else None


@dataclass(frozen=True, eq=False)
class VjpRule:
    """The gradient of one argument."""

    whole: Problem
    bound: Bound
    name: str

    def problem(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> Problem:
        """The problem with no other gradient, around these two."""

        signature = inspect.signature(forward)

        def called(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs)
            return forward(*given.args, **given.kwargs), given.args, given.kwargs

        run = self.bound(called)

        def ahead(arrays: Mapping[str, Array]) -> Run:
            ans, args, kwargs = run(arrays)
            return Run(as_outputs((ans,), arrays), (ans, args, kwargs))

        def back(cotangents: tuple[Array, ...], saved: Any) -> Mapping[str, Any]:
            ans, args, kwargs = saved
            return {self.name: np.asarray(backward(cotangents[0], ans, *args, **kwargs))}

        others = {n for n in self.whole.differentiable if n != self.name}
        return replace(
            self.whole, forward=ahead, backward=back, source=None, nograd=self.whole.nograd | others
        )
