"""The source of a function as a syntax tree, and a function made of a changed tree.

The user's file is only read. A rebuilt function keeps file, line numbers, globals, defaults and the very
closure cells of the original.
"""

import __future__

import ast
import linecache
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

_FUTURES = 0
for _feature in __future__.all_feature_names:
    _FUTURES |= getattr(__future__, _feature).compiler_flag

FunctionNode = ast.FunctionDef | ast.Lambda


class NotReadable(Exception):
    """The source of a function cannot be had, or not be rewritten."""


@dataclass(frozen=True, eq=False)
class Written:
    """A function and the tree it was written as."""

    function: FunctionType
    node: FunctionNode
    owner: str | None  # the class it stands in: names like __x are mangled with it

    @property
    def file(self) -> str:
        return self.function.__code__.co_filename

    @property
    def node_name(self) -> str:
        return self.function.__name__


def plain(function: Callable[..., Any]) -> FunctionType:
    """The Python function behind a callable; raises NotReadable."""
    if isinstance(function, MethodType):
        function = function.__func__
    if isinstance(function, FunctionType):
        return function
    raise NotReadable(f"{getattr(function, '__name__', type(function).__name__)} is not a Python function")


def read(function: FunctionType) -> Written:
    """Find the tree of a function in its file; raises NotReadable."""
    code = function.__code__
    for node, owner in _functions(code.co_filename):
        if _first_line(node) == code.co_firstlineno and _name(node) == code.co_name:
            return Written(function, node, owner)
    raise NotReadable(f"the source of {function.__name__} cannot be read")


def rebuild(written: Written, node: FunctionNode, extra: Mapping[str, Any]) -> FunctionType:
    """The function of a changed tree, in which the names of `extra` stand for these values."""
    original = written.function
    code = _compile(written, node, list(extra))
    cells = dict(zip(original.__code__.co_freevars, original.__closure__ or (), strict=True))
    closure = tuple(cells[n] if n in cells else CellType(extra[n]) for n in code.co_freevars)
    made = FunctionType(code, original.__globals__, original.__name__, original.__defaults__, closure)
    made.__kwdefaults__ = original.__kwdefaults__
    made.__dict__.update({k: v for k, v in vars(original).items() if k != "__wrapped__"})
    return made


def like(function: Callable[..., Any], made: FunctionType) -> Callable[..., Any]:
    """A rebuilt method is bound to what the original was bound to."""
    return MethodType(made, function.__self__) if isinstance(function, MethodType) else made


def _compile(written: Written, node: FunctionNode, extra: list[str]) -> CodeType:
    original = written.function.__code__
    if isinstance(node, ast.Lambda):
        inner: ast.stmt = ast.Return(node)
    else:
        inner = ast.copy_location(ast.FunctionDef(node.name, _bare(node.args), [], []), node)
        _without_type_parameters(inner)
    names = [*original.co_freevars, *extra]
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg(n) for n in names], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    outer: ast.stmt = ast.FunctionDef("__around__", arguments, [inner], [])
    _without_type_parameters(outer)
    if written.owner is not None:
        outer = ast.ClassDef(written.owner, [], [], [outer], [])
        _without_type_parameters(outer)
    module = ast.fix_missing_locations(ast.Module([outer], []))
    if isinstance(inner, ast.FunctionDef) and isinstance(node, ast.FunctionDef):
        inner.body = node.body  # its statements have their places: only what is new was given one
    code = _code_of(module, original)
    found = _inner(code, original.co_name)
    if found is None:
        raise NotReadable(f"{original.co_name} cannot be rewritten")
    return found


def _code_of(module: ast.Module, original: CodeType) -> CodeType:
    flags = original.co_flags & _FUTURES
    made = partial(compile, filename=original.co_filename, mode="exec", flags=flags, dont_inherit=True)
    try:
        code: CodeType = made(module)
    except TypeError:  # an edit has made parts without a place
        code = made(ast.fix_missing_locations(module))
    return code


def _without_type_parameters(node: ast.stmt) -> None:
    """Say so where Python knows of type parameters (from 3.12 on), and would miss the list."""
    if "type_params" in node._fields:
        node.type_params = []  # type: ignore[attr-defined]


def _bare(arguments: ast.arguments) -> ast.arguments:
    """Defaults are evaluated where the function is made: here they are taken over as values instead."""

    def none(values: list[Any]) -> list[Any]:
        return [None if value is None else ast.Constant(None) for value in values]

    def plain_arg(argument: ast.arg) -> ast.arg:
        return ast.copy_location(ast.arg(argument.arg), argument)

    return ast.arguments(
        posonlyargs=[plain_arg(a) for a in arguments.posonlyargs],
        args=[plain_arg(a) for a in arguments.args],
        vararg=arguments.vararg and plain_arg(arguments.vararg),
        kwonlyargs=[plain_arg(a) for a in arguments.kwonlyargs],
        kw_defaults=none(arguments.kw_defaults),
        kwarg=arguments.kwarg and plain_arg(arguments.kwarg),
        defaults=none(arguments.defaults),
    )


def _inner(code: CodeType, name: str) -> CodeType | None:
    """The code of the function within __around__."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if code.co_name == "__around__" and constant.co_name == name:
                return constant
            found = _inner(constant, name)
            if found is not None:
                return found
    return None


def _functions(file: str) -> list[tuple[FunctionNode, str | None]]:
    return _parsed(file, "".join(linecache.getlines(file)))


@lru_cache(maxsize=16)
def _parsed(file: str, text: str) -> list[tuple[FunctionNode, str | None]]:
    if not text:
        return []
    try:
        tree = ast.parse(text, file)
    except (SyntaxError, ValueError, RecursionError):
        return []
    found: list[tuple[FunctionNode, str | None]] = []

    def walk(node: ast.AST, owner: str | None) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.Lambda):
                found.append((child, owner))
            walk(child, child.name if isinstance(child, ast.ClassDef) else owner)

    walk(tree, None)
    return found


def _first_line(node: FunctionNode) -> int:
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        return node.decorator_list[0].lineno
    return node.lineno


def _name(node: FunctionNode) -> str:
    return node.name if isinstance(node, ast.FunctionDef) else "<lambda>"
