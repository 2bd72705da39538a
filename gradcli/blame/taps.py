"""Taps: calls placed around the expressions of a function, through which its values can be read and moved.

A tap without a hook gives its value back as it is, the very same object; so a tapped function computes the
same bits as the original, which is checked before anything is believed.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np

from gradcli.blame.source import FunctionNode, NotReadable, Written, plain, read, rebuild

DEF, WRITE, RETURN, USE, EXPRESSION = "def", "write", "return", "use", "expression"

_MOST_FUNCTIONS = 12
_VALUES = (ast.BinOp, ast.UnaryOp, ast.Call, ast.Attribute, ast.Subscript, ast.IfExp)


@dataclass(frozen=True, eq=False)
class Site:
    """A place in the source at which there is a tap."""

    number: int
    role: str  # DEF: a name gets its value; WRITE: into a slice; RETURN: of what is returned
    name: str | None  # of the variable, where it is one
    node: ast.AST  # of the original tree
    statement: ast.stmt | None
    function: str
    file: str

    @property
    def line(self) -> int:
        return int(getattr(self.node, "lineno", 0))

    @property
    def text(self) -> str:
        return ast.unparse(self.node)


Hook = Callable[[int, Any], Any]


class Taps:
    """The sites of one function and of the helpers it calls, and the hook that all of them go through."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self.functions: list[Written] = []
        self.hook: Hook | None = None

    def __call__(self, number: int, value: Any) -> Any:
        hook = self.hook
        if hook is None or not isinstance(value, np.ndarray | np.floating | float):
            return value
        return hook(number, value)

    def add(self, role: str, name: str | None, node: ast.AST, statement: ast.stmt | None, of: Written) -> int:
        site = Site(len(self.sites), role, name, node, statement, of.node_name, of.file)
        self.sites.append(site)
        return site.number


TAP = "__tap__"


@dataclass(eq=False)
class Tapped:
    """A function with taps, its helpers included."""

    taps: Taps
    function: FunctionType
    main: Written
    trees: dict[str, FunctionNode] = field(default_factory=dict)


def tap(function: Callable[..., Any]) -> Tapped:
    """Rewrite a function in memory; raises NotReadable."""
    taps = Taps()
    main = read(plain(function))
    made = _tap(main, taps, {})
    return Tapped(taps, made, main)


def _tap(written: Written, taps: Taps, known: dict[Any, Callable[..., Any]]) -> FunctionType:
    taps.functions.append(written)
    helpers: dict[str, FunctionType] = {}
    tree = copy.deepcopy(written.node)
    rewriter = _Rewriter(written, taps, helpers)
    rewriter.rewrite(tree, written.node)
    forward_cells: dict[str, Any] = {TAP: taps}
    known[written.function] = late = _Late()
    for name, helper in helpers.items():
        if helper not in known:
            if len(taps.functions) >= _MOST_FUNCTIONS:
                known[helper] = helper
            else:
                try:
                    known[helper] = _tap(read(helper), taps, known)
                except NotReadable:
                    known[helper] = helper
        forward_cells[name] = known[helper]
    made = rebuild(written, tree, forward_cells)
    late.function = made
    known[written.function] = made
    return made


class _Late:
    """Stands for a function that calls itself until it is made."""

    function: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


class _Rewriter:
    """Puts taps into a copy of a tree; sites refer to the nodes of the original."""

    def __init__(self, written: Written, taps: Taps, helpers: dict[str, FunctionType]) -> None:
        self.written = written
        self.taps = taps
        self.helpers = helpers
        self.locals: set[str] = set()
        self.statement: ast.stmt | None = None

    def rewrite(self, tree: FunctionNode, original: FunctionNode) -> None:
        self.locals = set(locals_of(original))
        self.outer = {
            n
            for node in ast.walk(original)
            if isinstance(node, ast.Global | ast.Nonlocal)
            for n in node.names
        }
        if isinstance(tree, ast.Lambda):
            assert isinstance(original, ast.Lambda)
            tree.body = self.value(tree.body, original.body, RETURN)
            return
        assert isinstance(original, ast.FunctionDef)
        tree.body = self.block(tree.body, original.body)

    # --- statements

    def block(self, body: list[ast.stmt], original: list[ast.stmt]) -> list[ast.stmt]:
        return [made for new, old in zip(body, original, strict=True) for made in self.one(new, old)]

    def one(self, new: Any, old: Any) -> Iterator[ast.stmt]:
        outer, self.statement = self.statement, old
        after: list[ast.stmt] = []
        if isinstance(new, ast.Assign):
            after = self.assign(new, old)
        elif isinstance(new, ast.AnnAssign):
            if new.value is not None:
                new.value = self.bound(new.value, old.value, old.target)
                after = self.finished([old.target])
        elif isinstance(new, ast.AugAssign):
            new.value = self.value(new.value, old.value, EXPRESSION)
            after = self.finished([old.target], always=True)
        elif isinstance(new, ast.Return):
            new.value = self.returned(new.value, old.value)
        elif isinstance(new, ast.FunctionDef):
            new.body = self.block(new.body, old.body)
        elif isinstance(new, ast.ClassDef | ast.AsyncFunctionDef | ast.Global | ast.Nonlocal | ast.Delete):
            pass
        else:
            self.other(new, old)
        yield new
        yield from after
        self.statement = outer

    def other(self, new: Any, old: Any) -> None:
        """Loops, branches, with, try, expressions: whatever they hold."""
        for name, value in ast.iter_fields(old):
            held = getattr(new, name)
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(new, name, self.block(held, value))
            elif isinstance(value, list):
                for inner_new, inner_old in zip(held, value, strict=True):
                    if isinstance(inner_old, ast.withitem):
                        inner_new.context_expr = self.value(
                            inner_new.context_expr, inner_old.context_expr, EXPRESSION
                        )
                    elif isinstance(inner_old, ast.ExceptHandler | ast.match_case):
                        inner_new.body = self.block(inner_new.body, inner_old.body)
            elif isinstance(value, ast.expr) and name != "target":
                setattr(new, name, self.value(held, value, EXPRESSION))

    def assign(self, new: ast.Assign, old: ast.Assign) -> list[ast.stmt]:
        if len(old.targets) == 1:
            new.value = self.bound(new.value, old.value, old.targets[0])
        else:
            new.value = self.value(new.value, old.value, EXPRESSION)
            return self.finished(old.targets, always=True)
        return self.finished(old.targets)

    def bound(self, new: ast.expr, old: ast.expr, target: ast.expr) -> Any:
        """The right side of an assignment."""
        if isinstance(target, ast.Name | ast.Attribute):
            return self.value(new, old, DEF, ast.unparse(target))
        if isinstance(target, ast.Subscript):
            return self.value(new, old, WRITE, ast.unparse(target.value))
        if isinstance(target, ast.Tuple | ast.List) and isinstance(old, ast.Tuple | ast.List):
            assert isinstance(new, ast.Tuple | ast.List)
            plainly = not any(isinstance(e, ast.Starred) for e in [*target.elts, *old.elts])
            if plainly and len(target.elts) == len(old.elts):
                new.elts = [
                    self.bound(n, o, t) for n, o, t in zip(new.elts, old.elts, target.elts, strict=True)
                ]
                return new
        return self.value(new, old, EXPRESSION)

    def finished(self, targets: list[ast.expr], always: bool = False) -> list[ast.stmt]:
        """Taps on names that a statement has changed other than by a plain assignment to them."""
        names: list[str] = []
        for target in targets:
            unpacked = isinstance(target, ast.Tuple | ast.List) or always
            for part in ast.walk(target):
                if isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store):
                    base = part.value
                    while isinstance(base, ast.Subscript):
                        base = base.value
                    if isinstance(base, ast.Name):
                        names.append(base.id)
                elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store) and unpacked:
                    names.append(part.id)
        taps: list[ast.stmt] = []
        for name in dict.fromkeys(names):
            if name not in self.locals or name in self.outer:
                continue
            assert self.statement is not None
            load = ast.Name(name, ast.Load())
            number = self.taps.add(DEF, name, self.statement, self.statement, self.written)
            made = ast.Assign([ast.Name(name, ast.Store())], _call(number, load))
            taps.append(_placed(made, self.statement))
        return taps

    def returned(self, new: ast.expr | None, old: ast.expr | None) -> Any:
        if new is None or old is None:
            return None
        if isinstance(old, ast.Tuple | ast.List):
            assert isinstance(new, ast.Tuple | ast.List)
            new.elts = [
                n if isinstance(o, ast.Starred) else self.value(n, o, RETURN)
                for n, o in zip(new.elts, old.elts, strict=True)
            ]
            return new
        if isinstance(old, ast.Dict):
            assert isinstance(new, ast.Dict)
            new.values = [self.value(n, o, RETURN) for n, o in zip(new.values, old.values, strict=True)]
            return new
        return self.value(new, old, RETURN)

    # --- expressions

    def value(self, new: Any, old: Any, role: str, name: str | None = None) -> Any:
        """An expression with taps within, and one around it if it can have a number for a value."""
        self.inside(new, old)
        if isinstance(old, ast.Name) and role == EXPRESSION:
            role, name = USE, old.id
        if isinstance(old, ast.Name) and not self.may_be_tapped(old.id):
            return new
        if isinstance(old, ast.UnaryOp) and isinstance(old.operand, ast.Constant) and role == EXPRESSION:
            return new
        if not isinstance(old, (*_VALUES, ast.Name)) and role not in (DEF, WRITE, RETURN):
            return new
        if isinstance(old, ast.Starred | ast.Tuple | ast.List | ast.Dict | ast.Lambda | ast.Constant):
            return new
        number = self.taps.add(role, name, old, self.statement, self.written)
        return _placed(_call(number, new), old)

    def may_be_tapped(self, name: str) -> bool:
        return name in self.locals or name in self.written.function.__code__.co_freevars

    def inside(self, new: Any, old: Any) -> None:
        if isinstance(old, ast.Call):
            self.called(new, old)
            new.args = [
                n if isinstance(o, ast.Starred) else self.value(n, o, EXPRESSION)
                for n, o in zip(new.args, old.args, strict=True)
            ]
            for n, o in zip(new.keywords, old.keywords, strict=True):
                n.value = self.value(n.value, o.value, EXPRESSION)
        elif isinstance(old, ast.Subscript):
            new.value = self.value(new.value, old.value, EXPRESSION)
        elif isinstance(old, ast.Attribute):
            if isinstance(old.value, ast.Name) and old.value.id == "self":
                return
            new.value = self.value(new.value, old.value, EXPRESSION)
        elif isinstance(old, ast.Lambda):
            added = {a.arg for a in [*old.args.args, *old.args.posonlyargs, *old.args.kwonlyargs]}
            outer, self.locals = self.locals, self.locals | added
            new.body = self.value(new.body, old.body, EXPRESSION)
            self.locals = outer
        elif isinstance(old, ast.JoinedStr | ast.FormattedValue | ast.Await | ast.Yield | ast.YieldFrom):
            return
        elif isinstance(old, ast.NamedExpr):
            new.value = self.value(new.value, old.value, DEF, old.target.id)
        else:
            for name, value in ast.iter_fields(old):
                held = getattr(new, name)
                if isinstance(value, ast.expr):
                    setattr(new, name, self.value(held, value, EXPRESSION))
                elif isinstance(value, list):
                    made = [
                        self.value(n, o, EXPRESSION)
                        if isinstance(o, ast.expr) and not isinstance(o, ast.Starred)
                        else self.comprehension(n, o)
                        for n, o in zip(held, value, strict=True)
                    ]
                    setattr(new, name, made)

    def comprehension(self, new: Any, old: Any) -> Any:
        if isinstance(old, ast.comprehension):
            new.iter = self.value(new.iter, old.iter, EXPRESSION)
        return new

    def called(self, new: ast.Call, old: ast.Call) -> None:
        """What is called is no value, but what its method belongs to is; a helper is tapped as well."""
        if isinstance(old.func, ast.Attribute):
            assert isinstance(new.func, ast.Attribute)
            self.inside(new.func, old.func)
        elif isinstance(old.func, ast.Name) and isinstance(new.func, ast.Name):
            helper = self.helper(old.func.id)
            if helper is not None:
                stand_in = f"__tapped_{old.func.id}"
                self.helpers[stand_in] = helper
                new.func.id = stand_in
        elif not isinstance(old.func, ast.Name):
            self.inside(new.func, old.func)

    def helper(self, name: str) -> FunctionType | None:
        """A function of the same file that this name stands for, throughout."""
        function = self.written.function
        if name in self.locals and name not in function.__code__.co_freevars:
            return None
        found: Any = function.__globals__.get(name)
        if name in function.__code__.co_freevars:
            cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
            try:
                found = cells[name].cell_contents
            except ValueError:
                return None
        same = isinstance(found, FunctionType) and found.__code__.co_filename == self.written.file
        return found if same else None


def locals_of(node: ast.AST) -> Iterator[str]:
    """Names that a function binds, those of functions within it included."""
    for part in ast.walk(node):
        if isinstance(part, ast.arg):
            yield part.arg
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id


def _call(number: int, value: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(TAP, ast.Load()), [ast.Constant(number), value], [])


def _placed(made: Any, at: ast.AST) -> Any:
    ast.copy_location(made, at)
    for part in ast.walk(made):
        if not hasattr(part, "lineno") and isinstance(part, ast.expr | ast.stmt):
            ast.copy_location(part, at)
    return made
