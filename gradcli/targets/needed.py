"""The statements of a file that some of its definitions need: these, what they name, and what that needs."""

import ast
import builtins
import re
from collections.abc import Collection, Iterator, Sequence

from gradcli.targets.spelling import roles_of

_BUILTINS = frozenset(dir(builtins))
_SETS = re.compile(r"sys\.path\.|torch\.set_default_\w+\(|(jax\.)?config\.update\(")
_REGISTER = re.compile(r"def_?(vjp|jvp)\w*|register\w*")


def needed(trees: Sequence[ast.Module], symbol: str | None) -> list[ast.Module]:
    """The trees with the statements alone that what is called symbol needs, in their order.

    symbol: a name, or what a pair is called by (`bn` for `bn_forward`); None for every function and class.
    Imports are reduced to the names that are used. What only runs (training, plots, prints) is left out.
    """
    statements = [statement for tree in trees for statement in tree.body]
    wanted = set(_roots(statements, symbol))
    kept: set[int] = set()
    grown = True
    while grown:
        grown = False
        for statement in statements:
            if id(statement) not in kept and (wanted & set(binds(statement)) or _always(statement)):
                kept.add(id(statement))
                wanted |= set(reads(statement)) - _BUILTINS
                grown = True
    return [
        ast.Module([_reduced(s, wanted) for s in tree.body if id(s) in kept], tree.type_ignores)
        for tree in trees
    ]


def _roots(statements: Sequence[ast.stmt], symbol: str | None) -> Iterator[str]:
    if symbol is not None and roles_of(symbol):
        yield from (name.partition(".")[0] for name in roles_of(symbol).values())
        return
    for statement in statements:
        is_definition = isinstance(statement, ast.FunctionDef | ast.ClassDef)
        for name in binds(statement):
            if is_definition if symbol is None else _belongs(name, symbol, is_definition):
                yield name


def _belongs(name: str, symbol: str, is_definition: bool) -> bool:
    """Whether a name is the symbol, or that of a function that is called after it."""
    first = symbol.partition(".")[0]
    return name == first or (is_definition and _plain(first) in _plain(name))


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _always(statement: ast.stmt) -> bool:
    """What may bind any name, and what changes the meaning of the file or where its imports are found."""
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "__future__" or any(alias.name == "*" for alias in statement.names)
    return isinstance(statement, ast.Expr) and bool(_SETS.match(ast.unparse(statement)))


def binds(statement: ast.stmt) -> list[str]:
    """The names of the file that a statement binds or changes."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [_bound_as(alias) for alias in statement.names]
    found: list[str] = [*_registers(statement)]
    for part in _own(statement):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            found.append(part.id)
        elif isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store):
            found += [inner.id for inner in ast.walk(part) if isinstance(inner, ast.Name)][:1]
        elif isinstance(part, ast.FunctionDef | ast.ClassDef):
            found.append(part.name)
        elif isinstance(part, ast.Import | ast.ImportFrom):
            found += [_bound_as(alias) for alias in part.names]
    return found


def _registers(statement: ast.stmt) -> Iterator[str]:
    """`f` of `f.defvjp(forward, backward)` and of `defvjp(f, backward)`: it is changed by what only runs."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call, of = statement.value, statement.value.func
        if isinstance(of, ast.Attribute) and _REGISTER.fullmatch(of.attr) and isinstance(of.value, ast.Name):
            yield of.value.id
        name = of.id if isinstance(of, ast.Name) else getattr(of, "attr", "")
        if _REGISTER.fullmatch(name) and call.args and isinstance(call.args[0], ast.Name):
            yield call.args[0].id


def reads(statement: ast.AST) -> Iterator[str]:
    """The names of the file that a statement uses, at once or when what it defines is called.

    An argument or a local variable that is called like something in the file is not that.
    """
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        own = _locals(statement)
        outside = [*statement.args.defaults, *(one for one in statement.args.kw_defaults if one is not None)]
        if not isinstance(statement, ast.Lambda):
            outside += statement.decorator_list
        body = statement.body if isinstance(statement.body, list) else [statement.body]
        yield from (name for part in outside for name in reads(part))
        yield from (
            name for part in [*body, *_annotations(statement)] for name in reads(part) if name not in own
        )
        return
    if isinstance(statement, ast.Name):
        yield statement.id
    for part in ast.iter_child_nodes(statement):
        yield from reads(part)


def _locals(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    """The names that are a function's own: its arguments, and what it binds."""
    arguments = [part.arg for part in ast.walk(function.args) if isinstance(part, ast.arg)]
    if isinstance(function, ast.Lambda):
        return set(arguments)
    parts = [part for statement in function.body for part in _own(statement)]
    bound = [part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
    shared = {name for part in parts if isinstance(part, ast.Global) for name in part.names}
    return {*arguments, *bound} - shared


def _annotations(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Iterator[ast.AST]:
    for part in ast.walk(function.args):
        if isinstance(part, ast.arg) and part.annotation is not None:
            yield part.annotation
    if not isinstance(function, ast.Lambda) and function.returns is not None:
        yield function.returns


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """A statement and what is within it, but for the insides of functions and classes."""
    todo: list[ast.AST] = [statement]
    while todo:
        part = todo.pop(0)
        yield part
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            todo += ast.iter_child_nodes(part)


def _reduced(statement: ast.stmt, wanted: Collection[str]) -> ast.stmt:
    """An import without the names that nobody uses."""
    if not isinstance(statement, ast.Import | ast.ImportFrom) or _always(statement):
        return statement
    names = [alias for alias in statement.names if _bound_as(alias) in wanted]
    if isinstance(statement, ast.Import):
        return ast.copy_location(ast.Import(names), statement)
    return ast.copy_location(ast.ImportFrom(statement.module, names, statement.level), statement)


def _bound_as(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]
