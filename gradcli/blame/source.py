"""The source of a function as a syntax tree, and a function made of a changed tree.

The user's file is only read. A rebuilt function keeps file, line numbers, globals, defaults and the very
closure cells of the original.
"""

import __future__

import ast
import linecache
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any
from weakref import WeakKeyDictionary

from gradcli.installed import is_installed

_MADE: "WeakKeyDictionary[FunctionType, Written]" = WeakKeyDictionary()
_FUTURES = 0
for _feature in __future__.all_feature_names:
    _FUTURES |= getattr(__future__, _feature).compiler_flag

FunctionNode = ast.FunctionDef  # a lambda is read as a function that only returns
_LAMBDA = "<lambda>"


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
    """The Python function behind a callable; raises NotReadable.

    What is looked through calls that very function: methods, `functools.partial`, objects of a class with
    `__call__`, and compilers and caches that keep the function that they were given.
    """
    if isinstance(function, FunctionType):
        return function
    if isinstance(function, MethodType):
        return plain(function.__func__)
    if isinstance(function, partial):
        return plain(function.func)
    found = _kept(function) or _own_call(function)
    if found is not None:
        return found
    name = getattr(function, "__name__", "")
    kind = f"{type(function).__module__}.{type(function).__qualname__}".removeprefix("builtins.")
    raise NotReadable(f"{name or 'what is called'} has no source in Python ({kind})")


def _kept(function: Callable[..., Any]) -> FunctionType | None:
    """The function that a compiler or a cache, which is not written in Python itself, was given."""
    names = ("py_func",) if _own_call(function) else ("py_func", "__wrapped__")
    kept = (getattr(function, name, None) for name in names)
    return next((one for one in kept if isinstance(one, FunctionType)), None)


def _own_call(function: Callable[..., Any]) -> FunctionType | None:
    """How the user's own class says that its objects are called."""
    called = getattr(type(function), "__call__", None)  # noqa: B004  what it is matters, not whether
    if not isinstance(called, FunctionType):
        return None
    return None if is_installed(called.__code__.co_filename) else called


def read(function: FunctionType) -> Written:
    """Find the tree of a function in its file; raises NotReadable."""
    if function in _MADE:
        return _MADE[function]
    code = function.__code__
    for node, owner in _functions(code.co_filename):
        if _first_line(node) == code.co_firstlineno and node.name == code.co_name and _is_of(node, code):
            return Written(function, node, owner)
    raise NotReadable(f"the source of {function.__name__} cannot be read")


def made_of(written: Written, node: FunctionNode) -> FunctionType:
    """A function that is written otherwise in its file; it can be read like one that stands there so."""
    made = rebuild(written, node, {})
    _MADE[made] = Written(made, node, written.owner)
    return made


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


@contextmanager
def standing_in(written: Written, made: FunctionType) -> Iterator[bool]:
    """While another version stands in for a function, wherever that is called from; False if it cannot."""
    own = written.function.__code__
    if made.__code__.co_freevars != own.co_freevars:
        yield False
        return
    written.function.__code__ = made.__code__
    try:
        yield True
    finally:
        written.function.__code__ = own


def like(function: Callable[..., Any], made: FunctionType) -> Callable[..., Any]:
    """A rebuilt function in the place of the one that is behind a callable: bound to what that was."""
    if isinstance(function, MethodType):
        return MethodType(made, function.__self__)
    if isinstance(function, partial):
        return partial(like(function.func, made), *function.args, **function.keywords)
    is_object = not isinstance(function, FunctionType) and _kept(function) is None
    return MethodType(made, function) if is_object and _own_call(function) else made


def _compile(written: Written, node: FunctionNode, extra: list[str]) -> CodeType:
    original = written.function.__code__
    inner: ast.stmt = ast.copy_location(ast.FunctionDef(node.name, _bare(node.args), [], []), node)
    _without_type_parameters(inner)
    names = [*original.co_freevars, *extra]
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg(n) for n in names], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    around: list[ast.stmt] = [inner]
    if node.name not in names:
        around.insert(
            0, ast.Global([node.name])
        )  # one that calls itself calls what the file knows by its name
    outer: ast.stmt = ast.FunctionDef("__around__", arguments, around, [])
    _without_type_parameters(outer)
    if written.owner is not None:
        outer = ast.ClassDef(written.owner, [], [], [outer], [])
        _without_type_parameters(outer)
    module = ast.fix_missing_locations(ast.Module([outer], []))
    if isinstance(inner, ast.FunctionDef):
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
    linecache.checkcache(file)  # it may have been saved since it was last read
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
            if isinstance(child, ast.FunctionDef):
                found.append((child, owner))
            elif isinstance(child, ast.Lambda):
                found.append((_named(child), owner))
            walk(child, child.name if isinstance(child, ast.ClassDef) else owner)

    walk(tree, None)
    return found


def _named(node: ast.Lambda) -> ast.FunctionDef:
    """A lambda as a function of one statement."""
    body = ast.copy_location(ast.Return(node.body), node.body)
    made = ast.copy_location(ast.FunctionDef(_LAMBDA, node.args, [body], []), node)
    _without_type_parameters(made)
    return made


def _first_line(node: FunctionNode) -> int:
    return node.decorator_list[0].lineno if node.decorator_list else node.lineno


def _is_of(node: FunctionNode, code: CodeType) -> bool:
    """Of several lambdas on one line, whether it is this one: by its arguments and where its code stands."""
    if node.name != _LAMBDA:
        return True
    named = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    if list(code.co_varnames[: len(named)]) != named or not hasattr(code, "co_positions"):
        return list(code.co_varnames[: len(named)]) == named
    body = node.body[0]
    place = body.lineno, body.end_lineno, body.col_offset, body.end_col_offset
    return place in list(code.co_positions())
