"""Layers that get their parameters after they are made, from `build(input_shape)` or the like."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from gradcli.generators import fixed_generators
from gradcli.targets.constructor import Shape, guess
from gradcli.targets.forward_call import required_arguments
from gradcli.targets.inference.documented import annotation_of
from gradcli.targets.inference.modes import by_comparison

_BUILDS = re.compile(
    r"_?(build|set_?up|init(iali[sz]e)?)(_?(params?|parameters|weights|layer|from_shape))?"
    r"|set_?(input|prev)_?(shape|size|dim)s?|reset_?param(eter)?s",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"(x|in|input|data)(s|_?shape)?|shape", re.IGNORECASE)  # the batch may be counted in


def built(cls: type, make: Callable[[], Any], seen: Shape | None) -> Iterator[Any]:
    """An object for each call that may give it its parameters, for an input of that shape, after the call.

    A call that raises gives none.
    """
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        if _BUILDS.fullmatch(name) is None:
            continue
        for arguments in _arguments(method, seen):
            made = make()
            try:
                with fixed_generators():
                    method(made, **arguments)
            except (Exception, SystemExit):  # not what it is for
                continue
            yield made


def _arguments(method: Callable[..., Any], seen: Shape | None) -> Iterator[dict[str, Any]]:
    needed = required_arguments(method)[1:]
    words = by_comparison(method, needed)  # init_weights(method): "he" or "xavier"
    values = {name: seen[1:] if seen and _WHOLE.fullmatch(name) else guess(name, seen) for name in needed}
    values |= {name: known[0] for name, known in words.items()}
    values |= {name: False for name in needed if annotation_of(method, name) == "bool" and name not in words}
    if seen is None or any(value is None for value in values.values()):
        return
    yield values
    if any(map(_WHOLE.fullmatch, needed)):
        yield {name: seen if _WHOLE.fullmatch(name) else value for name, value in values.items()}
        yield {name: seen[-1] if _WHOLE.fullmatch(name) else value for name, value in values.items()}
