"""Arguments that are dictionaries of parameters: forward reads `parameters["Wax"]`, so Wax is an input."""

import ast
import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter
from types import FunctionType
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
    is_tuple: bool = False  # `w, b = params`
    paths: tuple[tuple[str, ...], ...] = ()  # where each stands in a dictionary of dictionaries

    def _folded(self, entries: Mapping[str, Any]) -> Any:
        """The argument that holds these."""
        if self.is_tuple:
            return tuple(entries.values())
        if not self.paths:
            return dict(entries)
        whole: dict[str, Any] = {}
        for path, value in zip(self.paths, entries.values(), strict=True):
            within = whole
            for key in path[:-1]:
                within = within.setdefault(key, {})
            within[path[-1]] = value
        return whole

    def unfold(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with its parameters as arguments of their own, if it takes the dictionary."""
        if self.argument not in argument_names(function):
            return function

        @functools.wraps(function)
        def unfolded(*args: Any, **keywords: Any) -> Any:
            bound = signature.bind(*args, **keywords)
            given = dict(bound.arguments)
            entries = {key: given.pop(key) for key in self.keys}
            given[self.argument] = self._folded(entries)
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


def find_parameter_tree(function: Callable[..., Any]) -> ParameterDict | None:
    """The argument that a function reads arrays from by keys, one in the other: `params["out"]["w"]`."""
    names, tree = argument_names(function), source_tree(function) or ast.Module([], [])
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Subscript)]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    read = [found for node in nodes if (found := _path(node)) is not None and found[0] in names]
    for argument in names:
        paths = list(dict.fromkeys(path for name, path in read if name == argument))
        ends = [path for path in paths if not any(path == other[: len(path)] != other for other in paths)]
        keys = tuple("_".join(path) for path in ends)
        if keys and all(map(str.isidentifier, keys)) and not {*keys} & {*names}:
            return ParameterDict(argument, keys, paths=tuple(ends))
    return None


def _path(node: ast.AST) -> tuple[str, tuple[str, ...]] | None:
    """`params`, `("out", "w")` of `params["out"]["w"]`."""
    path: list[str] = []
    while isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        if not isinstance(node.slice.value, str):
            return None
        path.insert(0, node.slice.value)
        node = node.value
    return (node.id, tuple(path)) if path and isinstance(node, ast.Name) else None


def find_parameter_tuple(function: Callable[..., Any]) -> ParameterDict | None:
    """The argument that a function takes its parameters out of in order: `w, b = params`."""
    names = argument_names(function)
    tree = source_tree(function) or ast.Module([], [])
    for node in (node for node in ast.walk(tree) if isinstance(node, ast.Assign)):
        value, target = node.value, node.targets[0]
        if isinstance(value, ast.Name) and value.id in names and isinstance(target, ast.Tuple):
            keys = tuple(part.id for part in target.elts if isinstance(part, ast.Name))
            if len(keys) == len(target.elts) and not {*keys} & {*names}:
                return ParameterDict(value.id, keys, is_tuple=True)
    return None


def keys_read(function: Callable[..., Any], argument: str) -> tuple[str, ...]:
    """The constant keys that a function reads from an argument, in order; what it hands it on to included."""
    return tuple(dict.fromkeys(key for key in _keys(function, argument, frozenset()) if key.isidentifier()))


def _keys(function: Callable[..., Any], argument: str, seen: frozenset[str]) -> Iterator[str]:
    tree = source_tree(function) or ast.Module([], [])
    places = [node for node in ast.walk(tree) if isinstance(node, ast.Subscript | ast.Call)]
    for node in sorted(places, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(node, ast.Subscript):
            if _is_name(node.value, argument) and isinstance(node.slice, ast.Constant):
                yield from [node.slice.value] if isinstance(node.slice.value, str) else []
        elif isinstance(node.func, ast.Name) and node.func.id not in seen:
            callee = getattr(function, "__globals__", {}).get(node.func.id)
            if isinstance(callee, FunctionType):
                for name in _received(node, callee, argument):
                    yield from _keys(callee, name, seen | {node.func.id})


def _received(call: ast.Call, callee: FunctionType, argument: str) -> Iterator[str]:
    """What the called function calls the argument, if it is handed it."""
    yield from (
        name
        for name, value in zip(argument_names(callee), call.args, strict=False)
        if _is_name(value, argument)
    )
    yield from (word.arg for word in call.keywords if word.arg and _is_name(word.value, argument))


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
