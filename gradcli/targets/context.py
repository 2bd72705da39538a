"""Pairs that keep what they save in a context: `forward(ctx, x)` with `backward(ctx, dout)`, as in torch."""

import functools
import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import Any

from gradcli.targets.forward_call import argument_names, parameters_of

_NAMES = ("ctx", "context")
_SAVED = ("saved_tensors", "saved_values", "saved_variables", "saved")


class Context(dict[str, Any]):
    """What a forward saves, by attribute, by key, or with `save_for_backward`."""

    def save_for_backward(self, *values: Any) -> None:
        self[_SAVED[0]] = values

    def __getattr__(self, name: str) -> Any:
        key = _SAVED[0] if name in _SAVED and name not in self else name
        if key not in self:
            raise AttributeError(f"forward has saved nothing as {name!r}")
        return self[key]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


def takes_context(*functions: Callable[..., Any]) -> bool:
    """Whether the first argument of each function is a context."""
    return all(argument_names(function)[:1] in [(name,) for name in _NAMES] for function in functions)


def saving(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A forward without the context as an argument, which returns it beside the outputs."""

    @functools.wraps(forward)
    def run(*args: Any, **keywords: Any) -> Any:
        context = Context()
        return forward(context, *args, **keywords), context

    own = (parameters_of(forward) or [])[1:]
    run.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
    return run


def reading(backward: Callable[..., Any]) -> Callable[..., Any]:
    """A backward that takes the context last, as others take their cache."""

    @functools.wraps(backward)
    def run(*args: Any) -> Any:
        *cotangents, context = args
        return backward(context, *cotangents)

    own = [p.replace(kind=Parameter.POSITIONAL_ONLY) for p in (parameters_of(backward) or [])[1:]]
    cache = Parameter("cache", Parameter.POSITIONAL_ONLY)
    run.__signature__ = inspect.Signature([*own, cache])  # type: ignore[attr-defined]
    return run
