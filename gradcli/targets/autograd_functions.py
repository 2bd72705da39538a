"""The convention of HIPS autograd: functions marked `@primitive` that were given a `defvjp`."""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import FunctionType
from typing import Any

from gradcli.arrays import Array
from gradcli.problem import Problem, Run, Source
from gradcli.targets.convention import Checkable
from gradcli.targets.engine import Bound, EngineFunction
from gradcli.targets.forward_call import argument_names
from gradcli.targets.python_file import Loaded
from gradcli.targets.results import as_outputs
from gradcli.targets.second_order import SecondOrder


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The primitives with a vjp among these names."""
    primitive_vjps = getattr(sys.modules.get("autograd.core"), "primitive_vjps", None)
    if primitive_vjps is None:  # a package that the code calls `autograd` may be its own
        return []
    found: list[Checkable] = []
    for name in loaded.functions(names):
        value = loaded.namespace[name]
        if value in primitive_vjps:
            found.append(_checkable(name, value, _makers(primitive_vjps[value])))
    return found


def _checkable(name: str, value: Any, makers: Mapping[int, Callable[..., Any]]) -> Checkable:
    """A primitive under the signature of the function that it was made of."""
    plain = value.fun

    signature = inspect.signature(plain)

    def call(*args: Any, **kwargs: Any) -> Any:
        # By position: autograd hands keywords to the plain function as they are, and differentiates that.
        bound = signature.bind(*args, **kwargs)
        return value(*bound.args, **bound.kwargs)

    call.__signature__ = signature  # type: ignore[attr-defined]
    named = dict(enumerate(argument_names(plain)))
    by_name = {named[place]: maker for place, maker in makers.items() if place in named}
    why = "" if by_name else f"the vjp of {name} is not one that defvjp was given as a function"
    engine = AutogradEngine()
    twice = partial(SecondOrder, engine=engine)
    moving = frozenset(by_name)
    return Primitive(
        name,
        (name,),
        call,
        plain,
        plain,
        engine,
        why_not=why,
        second=twice,
        fixed=frozenset(named.values()) - moving if moving else frozenset(),
        differentiated=moving,
        makers=by_name,
    )


@dataclass(frozen=True, eq=False)
class Primitive(EngineFunction):
    """A primitive, whose gradients have a vjp each."""

    makers: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    def source(self, problem: Problem, by_name: Bound) -> Source:
        def of_gradient() -> Mapping[str, Source]:
            from gradcli.targets.autograd_rules import sources  # reads source: only for a line at fault

            return sources(problem, by_name, self.forward, self.makers)

        return replace(super().source(problem, by_name), of_gradient=of_gradient)


def _makers(rule: Callable[..., Any]) -> dict[int, Callable[..., Any]]:
    """By argument what `defvjp` was given for it; none where the primitive got its rule in another way."""
    code, cells = getattr(rule, "__code__", None), getattr(rule, "__closure__", None)
    if code is None or cells is None or "vjps_dict" not in code.co_freevars:
        return {}
    found = cells[code.co_freevars.index("vjps_dict")].cell_contents
    return {place: maker for place, maker in found.items() if isinstance(maker, FunctionType)}


@dataclass(frozen=True, eq=False)
class Saved:
    """The point; autograd's functions are pure, so it is all that backward needs."""

    function: Callable[[Mapping[str, Any]], Any]
    arrays: dict[str, Array]


class AutogradEngine:
    """autograd's make_vjp, one input after the other."""

    def forward(self, function: Callable[[Mapping[str, Any]], Any], arrays: Mapping[str, Array]) -> Run:
        returned = function(arrays)
        several = returned if isinstance(returned, tuple) else (returned,)
        outputs = as_outputs(several, arrays)
        return Run(outputs, Saved(function, dict(arrays)))

    def backward(self, cotangents: tuple[Array, ...], saved: Saved) -> Mapping[str, Any]:
        from autograd import make_vjp

        gradients = {}
        for name, array in saved.arrays.items():
            if array.dtype.kind != "f":
                continue

            def alone(value: Any, name: str = name) -> Any:
                return saved.function({**saved.arrays, name: value})

            pull, value = make_vjp(alone)(array)
            gradients[name] = pull(cotangents if isinstance(value, tuple) else cotangents[0])
        return gradients

    def pull_back(
        self,
        function: Callable[[Mapping[str, Any]], Any],
        values: Mapping[str, Any],
        cotangents: Sequence[Any],
        wanted: Sequence[str],
    ) -> Any:
        from autograd.builtins import tuple as traced_tuple

        saved = Saved(function, dict(values))
        found = self.backward(tuple(cotangents), saved)
        return traced_tuple([found[name] for name in wanted])
