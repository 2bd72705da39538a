"""What a decorator hides that does not say so: `wrapper(*args, **kwargs)` without functools.wraps."""

import inspect
from collections.abc import Callable
from functools import partial
from inspect import Parameter
from types import FunctionType
from typing import Any

_OPEN = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def written(function: Callable[..., Any]) -> Callable[..., Any]:
    """The Python function that `torch.jit.script` has compiled, which tells no arguments; else the same."""
    is_compiled = type(function).__name__ == "ScriptFunction"
    return getattr(function, "_torchdynamo_inline", function) if is_compiled else function


def behind(function: Callable[..., Any]) -> Callable[..., Any]:
    """The only function that a wrapper of open arguments closes over, as deep as it goes; else the same.

    The decorator's own helpers do not count.
    """
    if isinstance(function, partial):
        inner = behind(function.func)
        return function if inner is function.func else partial(inner, *function.args, **function.keywords)
    if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
        return function
    held = closed_over(function)
    decorator = function.__qualname__.partition("<locals>")[0]
    functions = [
        value
        for value in held
        if isinstance(value, FunctionType) and not value.__qualname__.startswith(f"{decorator}<locals>")
    ]
    parameters = list(inspect.signature(function).parameters.values())
    open_ones = [parameter for parameter in parameters if parameter.kind in _OPEN]
    named = [parameter.name for parameter in parameters if parameter.kind not in _OPEN]
    hides = bool(open_ones) and named in ([], ["self"]) and len(functions) == 1
    return behind(functions[0]) if hides else function


def closed_over(function: Callable[..., Any]) -> list[Any]:
    """The values of the function around it that a function keeps."""
    return [cell.cell_contents for cell in getattr(function, "__closure__", None) or () if _is_set(cell)]


def _is_set(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # not assigned yet
        return False
