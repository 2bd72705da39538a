"""The convention of torch: subclasses of `torch.autograd.Function`, modules and functions of tensors.

A file's Functions are found by themselves; a module or a function of tensors is checked if it is asked for by
name. A Function's arguments are those of its forward after `ctx`; a module's are those of its constructor and
its forward, and its parameters are inputs beside them.
"""

import inspect
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gradcli.arrays import Array
from gradcli.errors import UsageError
from gradcli.problem import Problem, Run, Source
from gradcli.subject import copies
from gradcli.targets.constructor import construct, suggested, unguessable
from gradcli.targets.convention import Advise, ByArguments, Checkable
from gradcli.targets.engine import Bound, EngineFunction
from gradcli.targets.forward_call import argument_names, required_arguments
from gradcli.targets.inference.differentiated import by_returned, left_at_none, returned_lengths, saved
from gradcli.targets.label import Label
from gradcli.targets.labels import is_called_label
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.python_file import Loaded
from gradcli.targets.second_order import SecondOrder


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The subclasses of torch.autograd.Function among these names, or whose `apply` is."""
    if "torch" not in sys.modules:
        return []
    from torch.autograd import Function

    classes = [(name, loaded.namespace[name]) for name in loaded.classes(names)]
    classes += _applied(loaded, names)
    return [
        _function(name, cls) for name, cls in classes if issubclass(cls, Function) and cls is not Function
    ]


def _applied(loaded: Loaded, names: Sequence[str]) -> list[tuple[str, type]]:
    """Classes that have no name at the top of the file, but their `apply` has: `scale = make_scale(2.0)`."""
    known = [value for value in loaded.namespace.values() if isinstance(value, type)]
    owners = ((name, _owner(loaded.namespace[name])) for name in loaded.functions(names))
    return [(name, cls) for name, cls in owners if cls is not None and cls not in known]


def _owner(value: Any) -> type | None:
    owner = getattr(value, "__self__", None)
    return owner if isinstance(owner, type) and value == getattr(owner, "apply", None) else None


def asked(loaded: Loaded, symbol: str) -> Checkable | None:
    """A module class or a function of tensors, if the file has one of this name."""
    if "torch" not in sys.modules:
        return None
    import torch

    value = loaded.namespace.get(symbol)
    if isinstance(value, type):
        return CheckableModule(symbol, value) if issubclass(value, torch.nn.Module) else None
    if not callable(value) or not _speaks_of_tensors(value, loaded):
        return None
    return composed(symbol, value, value)


def _function(name: str, cls: Any) -> EngineFunction:
    """A Function: `apply` under the signature of its forward, which must be called by position."""
    parameters = list(inspect.signature(cls.forward).parameters.values())
    if not _has_setup_context(cls):
        parameters = parameters[1:]
    signature = inspect.Signature([p for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD])
    forward, backward = _halves(cls)
    fewest = min(returned_lengths(backward), default=len(parameters))

    def apply(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        said = len(bound.args) if not bound.kwargs else len(parameters)
        bound.apply_defaults()
        # What has a default and no gradient is left out, as callers do: torch wants one for all others.
        return cls.apply(*[*bound.args, *bound.kwargs.values()][: max(said, fewest)])

    apply.__signature__ = signature  # type: ignore[attr-defined]
    names = list(signature.parameters)
    without, differentiated = by_returned(backward, names)
    kept = saved(forward) | saved(inspect.unwrap(cls.setup_context))
    made = replace(
        _engine_function(name, apply, forward, backward),
        rule=FunctionRule(cls),
        fixed=frozenset(without - kept),
        differentiated=frozenset(differentiated),
        held=frozenset(filter(is_called_label, left_at_none(backward, names))),
    )
    return replace(made, second=None) if _is_once_differentiable(cls) else made


def _is_once_differentiable(cls: Any) -> bool:
    """Whether its backward says that it has no derivative."""
    return getattr(cls.backward, "__globals__", {}).get("__name__") == "torch.autograd.function"


def _halves(cls: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A Function's own two, without torch's decorators (`once_differentiable`)."""
    return inspect.unwrap(cls.forward), inspect.unwrap(cls.backward)


@dataclass(frozen=True, eq=False)
class FunctionRule:
    """A subclass of torch.autograd.Function; `apply` looks its two halves up at every call."""

    cls: Any

    def problem(
        self, problem: Problem, bound: Bound, forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> Problem:
        del bound  # the function calls `apply`

        def ahead(arrays: Mapping[str, Array]) -> Run:
            with self._installed(forward, backward):
                return problem.forward(arrays)

        def back(cotangents: tuple[Array, ...], saved: Any) -> Mapping[str, Any]:
            with self._installed(forward, backward):
                return problem.backward(cotangents, saved)

        return replace(problem, forward=ahead, backward=back)

    @contextmanager
    def _installed(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> Iterator[None]:
        own = {name: vars(self.cls)[name] for name in ("forward", "backward") if name in vars(self.cls)}
        self.cls.forward, self.cls.backward = staticmethod(forward), staticmethod(backward)
        try:
            yield
        finally:
            del self.cls.forward, self.cls.backward
            for name, method in own.items():
                setattr(self.cls, name, method)


def composed(name: str, call: Callable[..., Any], forward: Callable[..., Any]) -> EngineFunction:
    """A module or a function of tensors: torch differentiates it, and the Functions in it do their part."""
    from gradcli.targets.torch_engine import TorchEngine

    return Composed(name, (name,), call, forward, forward, TorchEngine(), None, _WHY_NOT)


_WHY_NOT = (
    "torch computes this gradient, and each Function in it is right by itself; "
    "look for .detach(), .data, no_grad and detours through NumPy"
)


@dataclass(frozen=True, eq=False)
class Composed(EngineFunction):
    """What torch differentiates, with Functions in it."""

    def source(self, problem: Problem, by_name: Bound) -> Source:
        return replace(super().source(problem, by_name), pieces=partial(_pieces, problem))


def _pieces(problem: Problem) -> list[Problem]:
    """The Functions that a forward goes through, each at the point at which it is applied first."""
    from gradcli.targets.torch_engine import functions_in

    try:
        run = problem.forward(copies(problem.inputs))
        found = functions_in(run.saved)
        applied = {cls: _first_application(problem, cls) for cls in found}
    except (Exception, SystemExit):
        return []  # the check has told of it
    return [
        _function(cls.__name__, cls).problem(inputs, constants, Label.of(cls.__name__))
        for cls, (inputs, constants) in applied.items()
        if inputs
    ]


def _first_application(problem: Problem, cls: Any) -> tuple[dict[str, Array], dict[str, Any]]:
    """What a Function is given first in a forward, by the names of its arguments: arrays, and the rest."""
    import torch

    forward = inspect.unwrap(cls.forward)
    skipped = 0 if _has_setup_context(cls) else 1
    names = list(argument_names(forward))[skipped:]
    seen: list[tuple[Any, ...]] = []

    def recording(*args: Any) -> Any:
        seen.append(tuple(a.detach().clone() if isinstance(a, torch.Tensor) else a for a in args[skipped:]))
        return forward(*args)

    rule = FunctionRule(cls).problem(problem, lambda call: call, recording, inspect.unwrap(cls.backward))
    rule.forward(copies(problem.inputs))
    given = dict(zip(names, seen[0], strict=False)) if seen and len(seen[0]) <= len(names) else {}
    arrays = {n: v.numpy() for n, v in given.items() if isinstance(v, torch.Tensor)}
    return arrays, {n: v for n, v in given.items() if n not in arrays}


def _engine_function(
    name: str, call: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any]
) -> EngineFunction:
    from gradcli.targets.torch_engine import TorchEngine

    twice = partial(SecondOrder, engine=TorchEngine(watches_saved=False))
    return EngineFunction(name, (name,), call, forward, backward, TorchEngine(), second=twice)


def _has_setup_context(cls: Any) -> bool:
    from torch.autograd import Function

    return cls.setup_context is not Function.setup_context


def _speaks_of_tensors(function: Callable[..., Any], loaded: Loaded) -> bool:
    """Whether a function is annotated with tensors, or names torch or a Function of the file."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    named = set(getattr(code, "co_names", ()))
    annotated = any("Tensor" in str(a) for a in getattr(function, "__annotations__", {}).values())
    return (
        annotated
        or "torch" in named
        or any(one.name in named for one in find(loaded, list(loaded.namespace)))
    )


@dataclass(frozen=True, eq=False)
class CheckableModule(ByArguments):
    """A module; it is made anew, from the same seed, for the check and left alone afterwards."""

    name: str
    cls: Any

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def called(self) -> Callable[..., Any]:
        """A stand-in with the arguments of the constructor and of forward; it is never called."""

        def made_and_called(**_: Any) -> None: ...

        needed = {*unguessable(self.cls), *required_arguments(self.cls.forward)[1:]}
        made_and_called.__name__ = self.name
        made_and_called.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter(
                    name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=inspect.Parameter.empty if name in needed else None,
                )
                for name in dict.fromkeys([*self._constructor, *self._forward])
            ]
        )
        return made_and_called

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        return (self.cls.__init__, self.cls.forward)

    def bind(self, where: str, inputs: Sequence[str], constants: Collection[str], advise: Advise) -> None:
        """What is no argument may be a parameter, which only a module that is made can tell."""
        super().bind(where, [name for name in inputs if name in self.arguments], constants, advise)

    @property
    def _constructor(self) -> list[str]:
        return list(argument_names(self.cls))

    @property
    def _forward(self) -> list[str]:
        return list(argument_names(self.cls.forward))[1:]

    def problem(
        self,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Any],
        label: Label,
    ) -> Problem:
        import torch

        seen = next((array.shape for array in inputs.values() if array.ndim), None)
        given = {name: value for name, value in constants.items() if name in self._constructor}
        torch.manual_seed(0)
        module = construct(label.where, self.cls, given, seen)
        dtype = next(a.dtype.name for a in inputs.values() if a.dtype.kind == "f")
        module = module.to(getattr(torch, dtype))
        parameters = {name.replace(".", "_"): name for name, _ in module.named_parameters()}
        own = [name for name in self._forward if name in inputs or name in constants]

        def call(**values: Any) -> Any:
            state = {parameters[name]: values.pop(name) for name in parameters}
            state |= {name: buffer.clone() for name, buffer in module.named_buffers()}
            return torch.func.functional_call(module, state, kwargs=values)

        keyword = inspect.Parameter.KEYWORD_ONLY
        call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, keyword) for name in [*own, *parameters]]
        )
        made = composed(self.name, call, self.cls.forward)
        for name in inputs:
            if name not in (*self.arguments, *parameters):
                known = [*self.arguments, *parameters]
                near = did_you_mean(name, known) or "."
                raise UsageError(
                    f"{label.where}: has no argument or parameter {name!r}{near} It has: {', '.join(known)}"
                )
        arrays = {
            short: module.get_parameter(name).detach().numpy().copy() for short, name in parameters.items()
        }
        rest = {name: value for name, value in constants.items() if name in self._forward}
        problem = made.problem({**arrays, **inputs}, rest, label)
        sizes = ", ".join(f"{name}={value!r}" for name, value in suggested(self.cls, given, seen).items())
        remarks = [*problem.remarks, f"made with {sizes}"] if sizes else problem.remarks
        return replace(problem, constants=dict(constants), remarks=tuple(remarks))
