"""The convention of courses: a network in three functions, with its parameters in a dictionary.

    A2, cache = forward_propagation(X, parameters)         parameters["W1"], parameters["b1"], …
    cost = compute_cost(A2, Y)
    grads = backward_propagation(parameters, cache, X, Y)  grads["dW1"], grads["db1"], …

backward takes no cotangent: it differentiates the cost. The parameters are checked as arguments of the whole.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from inspect import Parameter, Signature
from types import FunctionType, MethodType
from typing import Any

from gradcli.arrays import Array
from gradcli.problem import Problem, Source
from gradcli.targets.convention import ByArguments, Checkable
from gradcli.targets.cost_problem import make_cost_problem
from gradcli.targets.forward_call import argument_names, required_arguments
from gradcli.targets.implied_loss import squared_error, usual_losses, with_usual_loss
from gradcli.targets.label import Label
from gradcli.targets.naming import find_pairs
from gradcli.targets.pair import source_file
from gradcli.targets.parameter_dict import keys_read
from gradcli.targets.python_file import Loaded
from gradcli.targets.results import input_named
from gradcli.targets.returned_names import returned_names
from gradcli.targets.slots import looks_like_cotangent

_PREDICTION = re.compile(r"y_?(hat|pred)\w*|pred(ict\w*)?s?|probs?|logits|scores|outputs?", re.IGNORECASE)
_TRUTH = re.compile(
    r"y(_?(true|train|batch|one_?hot|label|actual|target))?|(one_?hot_?)?(y|labels?)|targets?|t"
    r"|(expected|desired|target)_(outputs?|values?)",
    re.IGNORECASE,
)
_ROLES = {
    "parameters": re.compile(r"param(eter)?s|weights|model", re.IGNORECASE),
    "truth": _TRUTH,
    "cache": re.compile(r"caches?|memory", re.IGNORECASE),
    "output": re.compile(
        r"[az](_?(l|[1-9]|out))?|o|y_?(hat|pred)|outputs?|pred(icted|iction)?s?|probs?|logits|scores",
        re.IGNORECASE,
    ),
    "data": re.compile(
        r"x|inputs?|data|a_?0|x_?(train|batch|data|in)|(training_)?inputs|input_(data|vector|batch)|features|images?",
        re.IGNORECASE,
    ),
}
_COST = re.compile(r"(compute|calc(ulate)?|get)?_?(cost|loss)(_?func(tion)?)?", re.IGNORECASE)
_OTHER_COST = re.compile(
    r"((compute|calc(ulate)?|get)_)?(\w+_)?(cost|loss|cross_?entropy|mse|nll)(_?func(tion)?)?", re.IGNORECASE
)
# `parameters["W" + str(l)]`, `parameters[f"W{l}"]`.
_NUMBERED = re.compile(r"""\[\s*f?["'](W|b)(?:["']\s*\+\s*str\(|\{)""")
_TWO_LAYERS = ("W1", "b1", "W2", "b2")


@dataclass(frozen=True, eq=False)
class Network(ByArguments):
    """Forward, cost and backward, and the names of the parameters."""

    name: str
    forward: Callable[..., Any]
    cost: Callable[..., Any]
    backward: Callable[..., Any]
    data: str  # forward's argument that is no parameter
    truth: str  # the cost's argument that the output is compared with
    keys: tuple[str, ...]
    names: tuple[str, ...] = ()  # of the class whose methods they are
    is_implied: bool = False  # the cost is nowhere in the file

    @property
    def symbols(self) -> tuple[str, ...]:
        cost = () if self.is_implied else (self.cost.__name__,)
        return (*self.names, self.forward.__name__, self.backward.__name__, *cost)

    @property
    def called(self) -> Callable[..., Any]:
        return self._with_arguments(self.value)

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        return (self.forward, self.backward)

    def value(self, **values: Any) -> Any:
        """The cost at this point."""
        return self._call(self.cost, self._known(values) | self._ahead(values))

    def gradients(self, **values: Any) -> Any:
        """What backward returns for the parameters, by name."""
        returned = self._call(self.backward, self._known(values) | self._ahead(values))
        if isinstance(returned, tuple) and len(self._returned) == len(returned):
            returned = dict(zip(self._returned, returned, strict=True))
        if not isinstance(returned, Mapping):
            return returned
        return {key: one for key, one in returned.items() if input_named(key, self.keys) is not None}

    def problem(
        self,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Any],
        label: Label,
    ) -> Problem:
        if self.is_implied:
            usual = [
                (name, partial(replace(self, cost=cost, is_implied=False).problem, inputs, constants, label))
                for name, cost in usual_losses(self.backward, self.truth).items()
            ]
            return with_usual_loss(label.where, usual)
        problem = make_cost_problem(
            self.called,
            self._with_arguments(self.gradients),
            inputs,
            constants,
            label,
        )
        whole = problem.source
        assert whole is not None
        assert whole.remake is not None
        around = whole.remake

        halves = self.forward, self.backward

        def remake(*changed: Callable[..., Any]) -> Problem:
            forward, backward = map(_bound_like, changed, halves)
            other = replace(self, forward=forward, backward=backward)
            return around(other.called, other._with_arguments(other.gradients))

        ahead, back = (getattr(half, "__func__", half) for half in halves)
        source = Source(ahead, back, source_file(ahead), remake, lone=True)
        return replace(problem, source=source)

    def _ahead(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What forward returns: the output, the cache, and all by the names that it has there."""
        result = self._call(self.forward, self._known(values))
        if isinstance(result, Mapping):  # a cache alone, with the output at its end
            return {"output": list(result.values())[-1], "cache": result, "named": {}}
        if not isinstance(result, tuple):
            return {"output": result, "cache": result, "named": {}}
        names = returned_names(self.forward)
        named = dict(zip(names, result, strict=True)) if len(names) == len(result) > 2 else {}
        return {"output": result[-1] if named else result[0], "cache": result[-1], "named": named}

    def _known(self, values: Mapping[str, Any]) -> dict[str, Any]:
        parameters = {key: values[key] for key in self.keys}
        return {"data": values[self.data], "truth": values[self.truth], "parameters": parameters}

    # Read once, not at every evaluation.

    @cached_property
    def _takes(self) -> dict[Callable[..., Any], dict[str, str]]:
        return {
            function: roles_of_arguments(function) for function in (self.forward, self.cost, self.backward)
        }

    @cached_property
    def _returned(self) -> tuple[str, ...]:
        return returned_names(self.backward)

    def _call(self, function: Callable[..., Any], known: Mapping[str, Any]) -> Any:
        named = {**known.get("named", {}), **(known["parameters"] if function is not self.cost else {})}
        return function(
            **{
                name: named[name] if role == "?" or name in named else known[role]
                for name, role in self._takes[function].items()
            }
        )

    def _with_arguments(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function with a signature that says its keywords."""

        def called(**values: Any) -> Any:
            return function(**values)

        called.__signature__ = Signature(  # type: ignore[attr-defined]
            [Parameter(name, Parameter.KEYWORD_ONLY) for name in (self.data, self.truth, *self.keys)]
        )
        called.__name__ = "forward"
        return called


def _bound_like(function: Callable[..., Any], half: Callable[..., Any]) -> Callable[..., Any]:
    """A function in the place of a method, of the same object."""
    return MethodType(function, half.__self__) if isinstance(half, MethodType) else function


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The networks among these names of the file: a pair without a cotangent, and the cost beside it."""
    functions = loaded.functions(names)
    space = loaded.namespace
    costs = [space[name] for name in functions if _COST.fullmatch(name)]
    costs = costs or [space[n] for n in functions if _OTHER_COST.fullmatch(n) and _compares(space[n])]
    found: list[Checkable] = []
    for pair in find_pairs(functions)[0]:
        forward, backward = space[pair.forward], space[pair.backward]
        if not costs and why_no_pair(forward, backward) is None:
            continue
        network = _network(pair.name, forward, backward, costs[0] if costs else None)
        if network is not None:
            found.append(network)
            costs = []  # a second network has a cost of its own, and which is whose cannot be told
    return [*found, *(one for name in loaded.classes(names) for one in _of_methods(name, space[name]))]


def _compares(function: Callable[..., Any]) -> bool:
    """Whether a cost takes an output and what it is compared with, and no more."""
    return sorted(roles_of_arguments(function).values()) == ["output", "truth"]


def _of_methods(name: str, cls: type) -> Iterator[Checkable]:
    """A network whose functions are methods of an object that holds no parameters."""
    methods = {n: value for n, value in vars(cls).items() if isinstance(value, FunctionType)}
    pairs = find_pairs(methods)[0]
    if not pairs or required_arguments(cls) or not any(map(_COST.fullmatch, methods)):
        return
    try:
        made = cls()
    except Exception:  # it is not what it is for
        return
    costs = [getattr(made, one) for one in methods if _COST.fullmatch(one)]
    for pair in pairs:
        network = _network(name, getattr(made, pair.forward), getattr(made, pair.backward), costs[0])
        if network is not None:
            yield replace(network, names=(name,))
            return


def why_no_pair(forward: Callable[..., Any], backward: Callable[..., Any]) -> str | None:
    """What a backward lacks that differentiates a cost of its own; None if it may be that of a pair."""
    asks = required_arguments(backward)
    truth = [name for name in asks if _TRUTH.fullmatch(name) and name not in argument_names(forward)]
    if len(asks) < 2 or not truth or any(map(looks_like_cotangent, asks)):
        return None
    if len(asks) == 2 and _is_cotangent(asks[0], forward):
        return None
    names = forward.__name__, backward.__name__
    return (
        f"{names[1]} takes {truth[0]} and no cotangent: it differentiates a cost that {names[0]} does not "
        f"return. Put both into one function that returns cost and gradients, and check that"
    )


def _is_cotangent(first: str, forward: Callable[..., Any]) -> bool:
    """Whether a backward's first argument may be one all the same; what is called a prediction is none."""
    return first in argument_names(forward) or _PREDICTION.fullmatch(first) is None


def _network(
    name: str,
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    cost: Callable[..., Any] | None,
) -> Network | None:
    """The network of two functions and a cost, or one of the usual costs if there is none; None if it is no
    network."""
    takes, asks = roles_of_arguments(forward), roles_of_arguments(backward)
    if "truth" not in asks.values():
        return None
    if set(takes.values()) == {"data", "parameters"}:
        keys = _keys(forward, next(arg for arg, role in takes.items() if role == "parameters"))
    elif set(takes.values()) == {"data", "?"}:  # the parameters one by one: (X, w, b)
        keys = tuple(arg for arg, role in takes.items() if role == "?")
        if {input_named(key, keys) for key in returned_names(backward)} != set(keys):
            return None
    else:
        return None
    if any(role == "?" and arg not in takes for arg, role in asks.items()):
        return None
    wanted = roles_of_arguments(squared_error if cost is None else cost)
    if not keys or "truth" not in wanted.values() or "?" in wanted.values():
        return None
    data = next(arg for arg, role in takes.items() if role == "data")
    named = asks if cost is None else wanted
    truth = next(arg for arg, role in named.items() if role == "truth")
    return Network(name, forward, cost or squared_error, backward, data, truth, keys, is_implied=cost is None)


def roles_of_arguments(function: Callable[..., Any]) -> dict[str, str]:
    """What each required argument of a function stands for; "?" for what is not known."""
    return {
        name: next((role for role, pattern in _ROLES.items() if pattern.fullmatch(name)), "?")
        for name in required_arguments(function)
        if name in argument_names(function)
    }


def is_cost_of_output(name: str, function: Callable[..., Any]) -> bool:
    """Whether a method is a loss by its name and takes what the output is compared with."""
    return (
        _COST.fullmatch(name) is not None and "truth" in roles_of_arguments(partial(function, None)).values()
    )


def _keys(forward: Callable[..., Any], parameters: str) -> tuple[str, ...]:
    """The keys that forward reads from its dictionary; where it counts layers, those of two."""
    if _NUMBERED.search(_source(forward)):
        return _TWO_LAYERS
    return keys_read(forward, parameters)


def _source(function: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""
