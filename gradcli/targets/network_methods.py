"""A network whose loss is a method of its own: `forward(X)`, `compute_loss(A, Y)`, `backward(X, Y)`.

backward takes no cotangent: it differentiates the loss. Forward and the loss together are what it is about.
"""

import ast
import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from types import FunctionType
from typing import Any, NamedTuple

from gradcli.targets.class_methods import stored_output
from gradcli.targets.constructor import is_rate
from gradcli.targets.cost_methods import BACKWARD, spelled_cost_halves
from gradcli.targets.halves import Behind, Halves
from gradcli.targets.implied_loss import usual_losses
from gradcli.targets.networks import is_cost_of_output, roles_of_arguments
from gradcli.targets.returned_names import returned_names
from gradcli.targets.source_tree import source_tree

Method = Callable[..., Any]


def network_halves_of(cls: type, halves: Halves) -> Halves | None:
    """The loss behind forward, and its gradients; with each usual loss where the class has none of its own.

    halves: a forward, and a backward that takes the target. None if they cannot be called so.
    """
    ahead, back = (_roles(half) for half in (halves.forward, halves.backward))
    rates = [name for name, role in back.items() if role == "?" and is_rate(name)]
    known = {role for name, role in back.items() if name not in rates}
    is_alone = len(ahead) == 1 and "truth" not in ahead.values()  # the data, whatever they are called
    if not (is_alone or set(ahead.values()) == {"data"}) or "truth" not in known or not known <= {*_KNOWN}:
        return None
    data = next(iter(ahead))
    truth = next(name for name, role in back.items() if role == "truth")
    arguments = _Arguments(data, truth, rates)
    cost = next((method for name, method in _methods(cls).items() if is_cost_of_output(name, method)), None)
    if cost is None:
        losses = usual_losses(halves.backward, truth)
        by_name = {n: _with_loss(halves, _beside_object(loss), arguments) for n, loss in losses.items()}
        usual = tuple((name, one._replace(by_hand=True)) for name, one in by_name.items())
        return usual[0][1]._replace(usual=usual)
    if not set(_roles(cost).values()) <= {*_KNOWN}:
        return None
    return _with_loss(halves, cost, arguments)


class _Arguments(NamedTuple):
    """What the methods of a network are given."""

    data: str
    truth: str
    rates: list[str]


def _with_loss(halves: Halves, cost: Method, arguments: _Arguments) -> Halves:
    """The loss behind a forward, and its gradients."""
    data, truth, rates = arguments

    names = returned_names(halves.forward)

    def around(forward: Method, backward: Method) -> Halves:
        def value(self: Any, **given: Any) -> Any:
            result = _result(forward(self, given[data]), self)
            return _called(cost, self, _kept(result, given[data], given[truth], names), {})

        def gradient(self: Any, **given: Any) -> Any:
            result = _result(forward(self, given[data]), self)
            more = {name: given[name] for name in rates}
            return _called(backward, self, _kept(result, given[data], given[truth], names), more)

        value = _as(value, forward, [data, truth])
        gradient = _as(gradient, backward, [data, truth, *rates])
        if cost.__module__ != __name__:  # the user's own
            value.__also__ = (cost,)  # type: ignore[attr-defined]
        return spelled_cost_halves(value, gradient)

    made = around(halves.forward, halves.backward)
    return made._replace(behind=Behind(halves.forward, halves.backward, around, None))


def _beside_object(loss: Method) -> Method:
    """A loss as a method that has no use for its object."""

    def usual_loss(self: Any, output: Any, target: Any) -> Any:
        return loss(output, target)

    return usual_loss


def _result(returned: Any, holder: Any) -> Any:
    """What a forward made, also where it returns nothing and its object keeps it."""
    return stored_output(holder) if returned is None else returned


def network_of_methods(cls: type) -> Halves | None:
    """`predict(X)`, `loss(y, y_hat)` and `gradient(X, y)`, none of which is called a backward."""
    methods = _methods(cls)
    ahead = [m for name, m in methods.items() if _AHEAD.fullmatch(name) and _is_smooth(m)]
    ahead = [m for m in ahead if set(_roles(m).values()) == {"data"}]
    back = [
        m for n, m in methods.items() if BACKWARD.fullmatch(n) and [*_roles(m).values()] == ["data", "truth"]
    ]
    if not ahead or not back:
        return None
    ahead.sort(key=lambda method: "predict" in method.__name__)
    return network_halves_of(cls, Halves(ahead[0], back[0]))


def _is_smooth(method: Method) -> bool:
    """Whether it predicts numbers, not classes."""
    tree = source_tree(method)
    return tree is not None and not any(
        isinstance(node, ast.Compare)
        or (isinstance(node, ast.Attribute) and node.attr in ("argmax", "round", "where", "sign", "astype"))
        for node in ast.walk(tree)
    )


_AHEAD = re.compile(r"_?(forward\w*|feed_?forward|predict(_proba|_probs?)?|hypothesis\w*|h)", re.IGNORECASE)
_KNOWN = ("data", "truth", "output", "cache")


def _roles(method: Method) -> dict[str, str]:
    return roles_of_arguments(functools.partial(method, None))


def _methods(cls: type) -> dict[str, FunctionType]:
    return {
        name: value
        for kind in reversed(cls.__mro__)
        for name, value in vars(kind).items()
        if isinstance(value, FunctionType)
    }


def _kept(result: Any, data: Any, truth: Any, names: Sequence[str]) -> Mapping[str, Any]:
    """What forward returned, by what it is: the output, alone, before a cache or at the end of a list.

    names: of what it returned; of two lists, that of the activations ends with the output.
    """
    output = result[0] if isinstance(result, tuple) else result
    if (
        isinstance(result, tuple)
        and len(names) == len(result)
        and all(isinstance(one, list) for one in result)
    ):
        output = next((one for name, one in zip(names, result, strict=True) if name[:1] in "aA"), output)
    output = output[-1] if isinstance(output, list) else output
    return {
        "data": data,
        "truth": truth,
        "output": output,
        "cache": result[-1] if isinstance(result, tuple) else result,
    }


def _called(method: Method, holder: Any, known: Mapping[str, Any], more: Mapping[str, Any]) -> Any:
    own = {name: known[role] for name, role in _roles(method).items() if role in known}
    return method(holder, **own, **more)


def _as(function: Method, original: Method, names: list[str]) -> Method:
    """The function under the original's name, with these arguments behind the object."""
    wrapped = functools.wraps(original)(function)
    wrapped.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in ("self", *names)]
    )
    return wrapped
