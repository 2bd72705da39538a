"""Functions whose gradient a framework computes: torch, JAX, HIPS autograd.

What differs between frameworks is an `Engine`; that such a function is a Problem like any other is here.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from gradcli.arrays import Array
from gradcli.problem import Problem, Run, Source
from gradcli.targets.convention import ByArguments, Checkable
from gradcli.targets.forward_call import ForwardCall, bind_forward
from gradcli.targets.inputs import require_floating
from gradcli.targets.label import Label
from gradcli.targets.pair import advise_in_python, source_file


class Rule(Protocol):
    """The user's own forward and backward behind such a function, or others in their place."""

    def problem(
        self, problem: Problem, bound: "Bound", forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> Problem:
        """The same problem around these two."""


# A function of the framework's arrays, by position and keyword -> the same function of its arrays by name.
Bound = Callable[[Callable[..., Any]], Callable[[Mapping[str, Any]], Any]]


class Engine(Protocol):
    """How a framework evaluates a function of its arrays and pulls cotangents back through it."""

    def forward(self, function: Callable[[Mapping[str, Any]], Any], arrays: Mapping[str, Array]) -> Run:
        """Evaluate `function` on the framework's arrays by name; what it saves is for `backward`."""

    def backward(self, cotangents: tuple[Array, ...], saved: Any) -> Mapping[str, Any]:
        """The gradient of each floating-point input; None where the framework knows of none."""


class TwiceEngine(Engine, Protocol):
    """An engine whose gradients it can differentiate again."""

    def pull_back(
        self,
        function: Callable[[Mapping[str, Any]], Any],
        values: Mapping[str, Any],
        cotangents: Sequence[Any],
        wanted: Sequence[str],
    ) -> Any:
        """The wanted gradients, in the framework's arrays, as a function that `forward` can evaluate."""


@dataclass(frozen=True, eq=False)
class EngineFunction(ByArguments):
    """A function of a framework's arrays, as a Checkable."""

    name: str
    symbols: tuple[str, ...]
    call: Callable[..., Any]  # takes and returns the framework's arrays; its signature names the arguments
    forward: Callable[..., Any]  # the user's own functions
    backward: Callable[..., Any]
    engine: Engine
    rule: Rule | None = None  # how others are put in the place of forward and backward; None: they cannot be
    why_not: str = ""  # if they cannot
    second: "Callable[[EngineFunction], Checkable] | None" = None  # its derivative of second order
    fixed: frozenset[str] = frozenset()  # arguments that are no arrays
    differentiated: frozenset[str] = frozenset()  # arguments that have a gradient, as far as is known
    held: frozenset[str] = frozenset()  # arrays that backward takes for constants: labels

    @property
    def called(self) -> Callable[..., Any]:
        return self.call

    @property
    def numbers(self) -> Collection[str]:
        return self.fixed

    @property
    def moving(self) -> Collection[str]:
        return self.differentiated

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        return (self.forward, self.backward, self.call)  # the rule's forward may only call the function

    def problem(
        self,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Any],
        label: Label,
    ) -> Problem:
        """The Problem at these inputs; raises UsageError if none of them can have a gradient."""
        bound = self._bound(label.where, inputs, constants)
        ordered = {name: inputs[name] for name in bound.order}
        require_floating(label.where, ordered)

        def by_name(call: Callable[..., Any]) -> Callable[[Mapping[str, Any]], Any]:
            return lambda values: bound(call, {**constants, **values})

        function = by_name(self.call)

        def forward(arrays: Mapping[str, Array]) -> Run:
            return self.engine.forward(function, arrays)

        held = [name for name in ordered if name in self.held and ordered[name].dtype.kind == "f"]
        problem = Problem(
            id=label.id,
            target=label.target,
            forward=forward,
            backward=self.engine.backward,
            inputs=ordered,
            constants=dict(constants),
            nograd=frozenset(held),
            rerun=label.rerun,
            remarks=tuple(f"{name} is not checked: None is returned for it, as for a label" for name in held),
        )
        return replace(problem, source=self.source(problem, by_name))

    def by_name(
        self, where: str, inputs: Mapping[str, Array], constants: Mapping[str, Any]
    ) -> Callable[[Mapping[str, Any]], Any]:
        """The function of the framework's arrays by name."""
        bound = self._bound(where, inputs, constants)
        return lambda values: bound(self.call, {**constants, **values})

    def _bound(self, where: str, inputs: Mapping[str, Array], constants: Mapping[str, Any]) -> ForwardCall:
        return bind_forward(
            where, self.call, list(inputs), constants, by_position=False, advise=advise_in_python
        )

    def of_order(self, order: int) -> "Checkable | None":
        if order == 1:
            return self
        return None if self.second is None else self.second(self)

    def source(self, problem: Problem, by_name: Bound) -> Source:
        """Where the two halves come from, and how others are put in their place."""
        rule = self.rule

        def remake(forward: Callable[..., Any], backward: Callable[..., Any]) -> Problem:
            assert rule is not None
            return rule.problem(problem, by_name, forward, backward)

        return Source(
            self.forward,
            self.backward,
            source_file(self.forward),
            None if rule is None else remake,
            why_not=self.why_not,
        )
