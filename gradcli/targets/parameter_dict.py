"""Arguments that are dictionaries of parameters: forward reads `parameters["Wax"]`, so Wax is an input."""

import ast
import functools
import inspect
import re
from collections.abc import Callable
from inspect import Parameter
from typing import Any, NamedTuple

from gradcli.targets.forward_call import argument_names
from gradcli.targets.source_tree import source_tree

_PARAMETERS = re.compile(r"(\w+_)?param(eter)?s|weights|theta", re.IGNORECASE)
# What is no array: `parameters["stride"]`, `params["mode"]`.
_SETTINGS = re.compile(
    r"stride|pad(ding)?|mode|eps(ilon)?|momentum|p|seed|rate|lr|learning_rate|alpha|f|activation|reg|lambd\w*"
    r"|num\w*|n_\w+|\w*_?(size|dim|shape|type|name)|running_\w+",
    re.IGNORECASE,
)


class ParameterDict(NamedTuple):
    """An argument, and the keys that are read from it."""

    argument: str
    keys: tuple[str, ...]

    def unfold(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with its parameters as arguments of their own, if it takes the dictionary."""
        if self.argument not in argument_names(function):
            return function

        @functools.wraps(function)
        def unfolded(*args: Any, **keywords: Any) -> Any:
            bound = signature.bind(*args, **keywords)
            given = dict(bound.arguments)
            given[self.argument] = {key: given.pop(key) for key in self.keys}
            return function(**given)

        parameters: list[Parameter] = []
        for parameter in inspect.signature(function).parameters.values():
            own = [Parameter(key, Parameter.POSITIONAL_OR_KEYWORD) for key in self.keys]
            parameters += own if parameter.name == self.argument else [parameter]
        signature = inspect.Signature(sorted(parameters, key=lambda p: p.default is not Parameter.empty))
        unfolded.__signature__ = signature  # type: ignore[attr-defined]
        return unfolded


def find_parameter_dict(function: Callable[..., Any]) -> ParameterDict | None:
    """The argument that a function reads its parameters from by constant keys; None if there is none."""
    names = argument_names(function)
    for argument in names:
        if _PARAMETERS.fullmatch(argument):
            keys = keys_read(function, argument)
            free = keys and not any(_SETTINGS.fullmatch(key) or key in names for key in keys)
            return ParameterDict(argument, keys) if free else None
    return None


def keys_read(function: Callable[..., Any], argument: str) -> tuple[str, ...]:
    """The constant keys that a function reads from an argument, in order."""
    found = [
        (node.lineno, node.col_offset, node.slice.value)
        for node in ast.walk(source_tree(function) or ast.Module([], []))
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == argument
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    ]
    return tuple(dict.fromkeys(key for *_, key in sorted(found) if key.isidentifier()))
