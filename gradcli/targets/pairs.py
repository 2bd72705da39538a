"""The convention of pairs: `X_forward(x, …)` with `X_backward(dout, cache)`, two functions of a file."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.clock import Clock
from gradcli.errors import BrokenPromise, TargetError
from gradcli.problem import Problem, Source
from gradcli.subject import Subject, copies
from gradcli.targets.context import reading, saving, takes_context
from gradcli.targets.convention import ByArguments, Checkable
from gradcli.targets.decorated import written
from gradcli.targets.forward_call import required_arguments
from gradcli.targets.label import Label
from gradcli.targets.labels import is_called_label
from gradcli.targets.naming import Lone, Pair, find_pairs
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.networks import why_no_pair
from gradcli.targets.pair import make_problem, source_file
from gradcli.targets.parameter_dict import ParameterDict, find_parameter_dict
from gradcli.targets.python_file import Loaded
from gradcli.targets.results import input_named
from gradcli.targets.returned_names import returned_names
from gradcli.targets.slots import is_cache, looks_like_cotangent
from gradcli.targets.tensors import on_tensors, takes_tensors

_DATA = re.compile(r"x|inputs?|data|features|images?", re.IGNORECASE)

__all__ = ["CheckablePair", "find", "lone_half"]


@dataclass(frozen=True, eq=False)
class CheckablePair(ByArguments):
    """A pair with its functions."""

    pair: Pair
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    nograd: frozenset[str] = frozenset()
    order: int = 1  # 2: a gradient, and its Hessian times a vector

    @property
    def name(self) -> str:
        return self.pair.name

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.pair.forward, self.pair.backward)

    @property
    def called(self) -> Callable[..., Any]:
        return self._adapted(self.forward, self.backward)[0]

    @cached_property
    def _dictionary(self) -> ParameterDict | None:
        return find_parameter_dict(self.forward)

    def _adapted(
        self, forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """The functions as forward(inputs) -> out, cache and backward(dout, cache)."""
        if self._has_context:
            forward, backward = saving(forward), reading(backward)
        if self._has_tensors:
            forward, backward = on_tensors(forward), on_tensors(backward)
        if self._dictionary is not None:
            forward, backward = self._dictionary.unfold(forward), self._dictionary.unfold(backward)
        return forward, backward

    @cached_property
    def _has_context(self) -> bool:
        return takes_context(self.forward, self.backward)

    @cached_property
    def _has_tensors(self) -> bool:
        return takes_tensors(self.forward, self.backward)

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        return (self.forward, self.backward)

    @property
    def is_loss(self) -> bool:
        """Whether backward takes what forward takes and no cotangent: it is the gradient of a loss.

        Or, as `relu_backward(Z)` beside `relu(Z)`, a derivative; a forward that is called one has a backward.
        """
        if self._has_context:
            return False
        asks = required_arguments(self.backward)
        if len(asks) == 1 and is_cache(asks[0]) and asks[0] not in required_arguments(self.forward):
            return True  # of what the loss keeps beside its value
        is_plain = self.pair.forward == self.pair.name
        if is_plain and len(asks) == len(required_arguments(self.forward)) == 1:
            return not looks_like_cotangent(asks[0])
        return (len(asks) > 1 or is_plain) and set(asks) == set(required_arguments(self.forward)) != set()

    def problem(
        self,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Any],
        label: Label,
    ) -> Problem:
        reason = why_no_pair(self.forward, self.backward)
        if reason is not None:
            raise TargetError(f"{label.where}: {reason}")

        def leaving_out(data: frozenset[str]) -> Callable[..., Problem]:
            return partial(self.without(self.nograd | data)._made, inputs, constants, label)

        data = self._data_without_gradient(inputs)
        labels = _labels(inputs) - self.nograd - data
        if labels:
            data |= _left_out(leaving_out(labels)(self.forward, self.backward), labels)
        told = [f"{name} is not compared: backward returns no gradient of it" for name in sorted(data)]
        made = leaving_out(data)
        problem = made(self.forward, self.backward)
        problem = replace(problem, remarks=(*problem.remarks, *told)) if told else problem
        if self._dictionary is None and not self._has_context and not self._has_tensors:
            return problem
        source = Source(self.forward, self.backward, source_file(self.forward), made)
        if self._dictionary is None:
            return replace(problem, source=source)
        unused = _without_gradient(problem, self._dictionary.keys)
        return replace(problem, source=source, nograd=problem.nograd | unused)

    def _made(
        self,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Any],
        label: Label,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
    ) -> Problem:
        return make_problem(
            *self._adapted(forward, backward),
            inputs,
            constants,
            label,
            nograd=self.nograd,
        )

    def without(self, nograd: frozenset[str]) -> "CheckablePair":
        return replace(self, nograd=nograd)

    def _data_without_gradient(self, inputs: Mapping[str, Array]) -> frozenset[str]:
        """The data of a first layer, whose backward returns `dW, db` and nothing else by these names."""
        floats = [name for name, array in inputs.items() if array.dtype.kind == "f"]
        returned = returned_names(self.backward)
        found = {input_named(name, floats) for name in returned}
        rest = frozenset(floats) - found
        is_told = len(found) == len(returned) > 1 and None not in found
        return rest if is_told and all(map(_DATA.fullmatch, rest)) else frozenset()


def _labels(inputs: Mapping[str, Array]) -> frozenset[str]:
    """What a prediction is compared with, as its name says beyond doubt: the targets of a regression."""
    floats = {name for name, array in inputs.items() if array.dtype.kind == "f"}
    labels = frozenset(filter(is_called_label, floats))
    return labels if labels < floats else frozenset()


def _left_out(problem: Problem, names: Collection[str]) -> frozenset[str]:
    """Those of some inputs that backward returns no gradient of. Cost: a forward and a backward."""
    subject = Subject(problem, Clock(None))
    subject.reseed = True
    try:
        with np.errstate(all="ignore"):
            run = subject.forward(copies(problem.inputs))
            gradients = subject.backward(tuple(map(np.ones_like, run.outputs)), run.saved)
    except BrokenPromise:  # the check will find it again, and say where
        return frozenset()
    return frozenset(name for name in names if gradients.get(name) is None)


def _without_gradient(problem: Problem, names: Sequence[str]) -> frozenset[str]:
    """The parameters that backward says nothing of and that move no output: `Wya` of a cell whose prediction
    is not differentiated.

    Cost: a forward and a backward, and where some are left out another forward and one for each of those.
    """
    left = _left_out(problem, names)
    if not left:
        return left
    subject = Subject(problem, Clock(None))
    subject.reseed = True
    try:
        with np.errstate(all="ignore"):
            before = [out.copy() for out in subject.forward(copies(problem.inputs)).outputs]

            def moves(name: str) -> bool:
                moved = {**copies(problem.inputs), name: problem.inputs[name] * 0.9 + 0.1}
                after = subject.forward(moved).outputs
                return not all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))

            return frozenset(name for name in left if not moves(name))
    except BrokenPromise:  # the check will find it again, and say where
        return frozenset()


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The pairs among these names of the file."""
    pairs, _ = find_pairs(loaded.functions(names))
    space = loaded.namespace
    found = [
        CheckablePair(pair, written(space[pair.forward]), written(space[pair.backward])) for pair in pairs
    ]
    return [one for one in found if not one.is_loss]


def lone_half(
    loaded: Loaded, names: Sequence[str], *, symbol: str | None = None, misspelt: bool = False
) -> str | None:
    """What is wrong with the first forward that has no backward, or the other way round; None if all is well.

    symbol: only the half of that name. misspelt: only where the name of another function is nearly that of
    the missing half.
    """
    functions = loaded.functions(names)
    pairs, lone = find_pairs(functions)
    for half in lone:
        typo = _typo(half, functions, pairs)
        if symbol is not None and symbol not in (half.name, half.found):
            continue
        if typo or not misspelt:
            return f"{loaded.at(half.found)}: {half.found} has no {half.missing}{typo}"
    return None


def _typo(half: Lone, functions: list[str], pairs: list[Pair]) -> str:
    """A function outside the pairs whose name is nearly that of the missing half."""
    paired = {name for pair in pairs for name in (pair.forward, pair.backward)}
    spare = [name for name in functions if name not in paired and name != half.found]
    return did_you_mean(half.missing, spare, cutoff=0.9)
