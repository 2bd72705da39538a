"""Which methods of a class are its forward and its backward."""

import ast
import dis
import functools
import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, NamedTuple

from gradcli.targets.cost_names import is_cost_name
from gradcli.targets.forward_call import argument_names, required_arguments
from gradcli.targets.slots import looks_like_cotangent
from gradcli.targets.source_tree import source_tree

# The more specific first: torch7's `forward` only calls `updateOutput`, and `__call__` often only forward.
_FORWARDS = (
    "updateOutput",
    "update_output",
    "forward",
    "forward_pass",
    "forward_propagation",
    "forward_prop",
    "forw_prop",
    "feed_forward",
    "feedforward",
    "fprop",
    "fwd",
    "Forward",
    "__call__",
    "loss",
    "calculate",
)
BACKWARDS = (
    "updateGradInput",
    "update_grad_input",
    "backward",
    "backward_pass",
    "backward_propagation",
    "backward_prop",
    "backpropagation",
    "back_propagation",
    "backpropagate",
    "back_propagate",
    "backprop",
    "back_prop",
    "bprop",
    "bwd",
    "Backward",
)
# What a loss may call its backward, if that takes nothing and goes by what the loss has stored.
_OF_WHAT_IS_STORED = ("gradient", "gradients", "grad", "derivative", "diff")
_IDLE = ("RESUME", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "NOP")
# What the message of a `raise NotImplementedError` may be made of.
_OF_A_REFUSAL = {"NotImplementedError", "__class__", "__name__", "type", "format"}
_ACCUMULATES = ("accGradParameters", "acc_grad_parameters")


class Behind(NamedTuple):
    """The user's own methods behind halves that are made of them."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    around: Callable[[Callable[..., Any], Callable[..., Any]], "Halves"]  # the halves of two others
    value_at: int | None  # of the value in what the one method returns, where it is both


class Halves(NamedTuple):
    """The functions behind a class's methods; each takes the object first."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    accumulate: Callable[..., Any] | None = None  # a third method, for the gradients of the parameters
    behind: Behind | None = None  # None: they are the user's own
    why_not: str = ""  # why no line of backward can be named, where that is known
    # The halves with each of the usual losses by its name, where the class has none of its own.
    usual: "tuple[tuple[str, Halves], ...]" = ()
    by_hand: bool = False  # whether backward may add the gradients themselves to the parameters


def halves_of(cls: type) -> Halves | None:
    """The two halves of a class; None where one is missing, abstract or only promised."""
    if inspect.isabstract(cls):
        return None
    forward, backward = _first(cls, _FORWARDS), _first(cls, BACKWARDS)
    if backward is None:
        backward = _first(cls, _OF_WHAT_IS_STORED)
        backward = backward if backward is not None and _goes_back(forward, backward) else None
    if forward is None or backward is None:
        return None
    split = backward.__name__ in ("updateGradInput", "update_grad_input")
    halves = Halves(forward, backward, _first(cls, _ACCUMULATES) if split else None)
    cost = _stored_cost(cls, forward, backward)
    return halves if cost is None else _with_cost(halves, cost)


def _stored_cost(cls: type, forward: Callable[..., Any], backward: FunctionType) -> FunctionType | None:
    """The cost that goes by what the object holds, `loss(self)`, of a backward that takes nothing either."""
    if len(argument_names(backward)) > 1:
        return None
    for name in dir(cls):
        method = inspect.getattr_static(cls, name, None)
        if not isinstance(method, FunctionType) or method is forward or not is_cost_name(name):
            continue
        if len(argument_names(method)) == 1 and not is_left_open(cls, method):
            return method
    return None


def _with_cost(halves: Halves, cost: FunctionType) -> Halves:
    """Halves whose forward ends in the cost of what it has stored."""

    def around(forward: Callable[..., Any], backward: Callable[..., Any]) -> Halves:
        @functools.wraps(forward)
        def value(self: Any, *args: Any, **keywords: Any) -> Any:
            forward(self, *args, **keywords)
            return cost(self)

        return halves._replace(forward=value, backward=backward)

    behind = Behind(halves.forward, halves.backward, around, None)
    return around(halves.forward, halves.backward)._replace(behind=behind)


def forward_of(cls: type) -> Callable[..., Any] | None:
    """The forward of a class, whatever else it has; None where it is missing, abstract or only promised."""
    return None if inspect.isabstract(cls) else _first(cls, _FORWARDS)


def backward_of(cls: type) -> Callable[..., Any] | None:
    """The backward of a class, whatever else it has; as `forward_of`."""
    return None if inspect.isabstract(cls) else _first(cls, BACKWARDS)


def _goes_back(forward: Callable[..., Any] | None, backward: Callable[..., Any]) -> bool:
    """Whether a method that is called a gradient takes nothing, or nothing but a cotangent by its name."""
    asks = required_arguments(backward)[1:]
    takes = argument_names(forward) if forward is not None else ()
    return not asks or (len(asks) == 1 and asks[0] not in takes and looks_like_cotangent(asks[0]))


def is_slope(halves: Halves) -> bool:
    """Whether backward takes what forward takes, one argument by its name: that is no cotangent."""
    takes = [argument_names(half)[1:] for half in (halves.forward, halves.backward)]
    return takes[0] == takes[1] and len(takes[0]) == 1


def only_promised(cls: type) -> bool:
    """Whether a class names both halves and leaves writing them to its subclasses."""
    named = all(any(callable(getattr(cls, n, None)) for n in names) for names in (_FORWARDS[:-2], BACKWARDS))
    return named and halves_of(cls) is None


def static_halves_of(cls: type) -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    """The two halves of a class that is no more than a name for a pair of static methods; None where they are
    left to its subclasses."""
    both = [inspect.getattr_static(cls, name, None) for name in ("forward", "backward")]
    halves = [one.__func__ for one in both if isinstance(one, staticmethod)]
    if len(halves) < 2 or any(isinstance(one, FunctionType) and is_promise(one) for one in halves):
        return None
    return halves[0], halves[1]


def _first(cls: type, names: tuple[str, ...]) -> FunctionType | None:
    """The first method of one of these names, however it is written: `forwardProp`, `back_propogation`."""
    by_letters = {_letters(name): name for name in reversed(dir(cls))}
    for name in (*names, *(by_letters.get(_letters(name), name) for name in names)):
        found = inspect.getattr_static(cls, name, None)
        if isinstance(found, FunctionType) and not is_left_open(cls, found):
            return found
    return None


def _letters(name: str) -> str:
    return name if name.startswith("_") else name.lower().replace("_", "").replace("propog", "propag")


def is_promise(function: FunctionType) -> bool:
    """Whether a method has nothing but `pass`, a docstring or `raise NotImplementedError` in it."""
    steps = list(dis.get_instructions(function))
    returns_none = all(step.argval is None for step in steps if step.opname.endswith("_CONST"))
    return _is_refused(function) or (returns_none and all(step.opname in _IDLE for step in steps))


def is_left_open(cls: type, function: FunctionType) -> bool:
    """Whether a method is a promise, or a `grad` that goes by a `self._grad` which only raises
    NotImplementedError in this class."""
    named = (inspect.getattr_static(cls, name, None) for name in _goes_by(function))
    return is_promise(function) or any(isinstance(one, FunctionType) and _is_refused(one) for one in named)


def _goes_by(function: FunctionType) -> Iterator[str]:
    """The methods of its own object that a method calls on all conditions."""
    tree = source_tree(function)
    left = list(ast.iter_child_nodes(tree)) if tree is not None else []
    while left:
        node = left.pop()
        if isinstance(node, ast.If | ast.IfExp | ast.Try | ast.Lambda):
            continue
        left += ast.iter_child_nodes(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            holder = node.func.value
            if isinstance(holder, ast.Name) and holder.id == "self":
                yield node.func.attr


def _is_refused(function: FunctionType) -> bool:
    names = set(function.__code__.co_names)
    return "NotImplementedError" in names and names <= _OF_A_REFUSAL
