"""A loss in three steps: `forward(x)` keeps the predictions, `get_loss(label)` compares them,
`backward()` goes back through both. Forward and the loss together are what it is about."""

import functools
import inspect
import re
from collections.abc import Callable
from types import FunctionType
from typing import Any

from gradcli.targets.class_methods import is_target
from gradcli.targets.forward_call import argument_names, parameters_of
from gradcli.targets.halves import Behind, Halves

Method = Callable[..., Any]

_LOSS = re.compile(r"((get|compute|calc|calculate|eval|forward)_?)?(loss|cost|error)", re.IGNORECASE)


def with_loss_after(cls: type, halves: Halves) -> Halves:
    """The halves with the loss behind forward, if backward takes nothing and a method is that loss; else as
    they are."""
    takes = parameters_of(halves.forward)
    named = takes is not None and all(
        p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty and not is_target(p.name) for p in takes
    )
    if not named or argument_names(halves.backward)[1:]:
        return halves
    found = [
        method
        for kind in cls.__mro__
        for name, method in vars(kind).items()
        if _LOSS.fullmatch(name) and isinstance(method, FunctionType) and method is not halves.forward
    ]
    losses = [method for method in found if list(map(is_target, argument_names(method)[1:])) == [True]]
    if not losses:
        return halves

    def around(forward: Method, backward: Method) -> Halves:
        return Halves(_in_turn(forward, losses[0]), backward)

    behind = Behind(halves.forward, halves.backward, around, None)
    return around(halves.forward, halves.backward)._replace(behind=behind)


def _in_turn(forward: Method, loss: Method) -> Method:
    """Forward and then the loss, as one method that takes the arguments of both."""
    label = argument_names(loss)[1]
    signature = inspect.signature(forward)
    target = inspect.Parameter(label, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    of_both = signature.replace(parameters=[*signature.parameters.values(), target])

    @functools.wraps(forward)
    def both(*args: Any, **keywords: Any) -> Any:
        given = of_both.bind(*args, **keywords)
        expected = given.arguments.pop(label)
        forward(*given.args, **given.kwargs)
        return loss(given.args[0], expected)

    both.__signature__ = of_both  # type: ignore[attr-defined]
    both.__also__ = (loss,)  # type: ignore[attr-defined]
    return both
