"""Puts taps into the tree of a function: around what it computes, assigns, writes and returns."""

import ast
import copy
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from gradcli.blame.site import CARRIED, DEF, EXPRESSION, RETURN, USE, WRITE
from gradcli.blame.source import FunctionNode, Written

if TYPE_CHECKING:
    from gradcli.blame.taps import Taps

TAP, METHOD = "__tap__", "__method__"
_MOVED = "__moved__"
_VALUES = (ast.BinOp, ast.UnaryOp, ast.Call, ast.Attribute, ast.Subscript, ast.IfExp)


class Rewriter:
    """Puts taps into a copy of a tree; sites refer to the nodes of the original."""

    def __init__(self, written: Written, taps: "Taps", helpers: dict[str, FunctionType]) -> None:
        self.written = written
        self.taps = taps
        self.helpers = helpers
        self.locals: set[str] = set()
        self.outer: set[str] = set()  # names that are declared to be another function's, or the file's
        self.aliases: set[str] = set()  # variables that are given what such a name stands for
        self.statement: ast.stmt | None = None

    def rewrite(self, tree: FunctionNode, original: FunctionNode) -> None:
        self.locals = set(locals_of(original))
        self.outer = {
            n
            for node in ast.walk(original)
            if isinstance(node, ast.Global | ast.Nonlocal)
            for n in node.names
        }
        self.aliases = {
            target.id
            for node in ast.walk(original)
            if isinstance(node, ast.Assign) and isinstance(root := _root(node.value), ast.Name)
            for target in node.targets
            if isinstance(target, ast.Name) and (root.id not in self.locals or root.id in self.outer)
        }
        tree.body = self.block(tree.body, original.body)

    # --- statements

    def block(self, body: list[ast.stmt], original: list[ast.stmt]) -> list[ast.stmt]:
        return [made for new, old in zip(body, original, strict=True) for made in self.one(new, old)]

    def one(self, new: Any, old: Any) -> Iterator[ast.stmt]:
        outer, self.statement = self.statement, old
        after: list[ast.stmt] = []
        if any(self.outlives(target) for target in _targets(old)):
            pass  # what is moved in here would stay
        elif isinstance(new, ast.Assign):
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
                carried = self.carried(old) if isinstance(old, ast.For | ast.While) and name == "body" else ()
                setattr(new, name, [*carried, *self.block(held, value)])
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

    def carried(self, loop: ast.For | ast.While) -> Iterator[ast.stmt]:
        """Taps at the head of a loop's body, on names that it reads and then gives another value."""
        for name in _carried(loop.body):
            if name in self.locals and name not in self.outer:
                number = self.taps.add(CARRIED, name, loop, loop, self.written)
                load = _call(number, ast.Name(name, ast.Load()))
                taken = ast.Assign([ast.Name(name, ast.Store())], load)
                unbound = ast.ExceptHandler(ast.Name("NameError", ast.Load()), None, [ast.Pass()])
                yield cast(ast.stmt, _placed(ast.Try([taken], [unbound], [], []), loop.body[0]))

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
        attributes: list[ast.Attribute] = []
        for target in targets:
            unpacked = isinstance(target, ast.Tuple | ast.List) or always
            for part in ast.walk(target):
                if isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store):
                    base = part.value
                    while isinstance(base, ast.Subscript):
                        base = base.value
                    if isinstance(base, ast.Name):
                        names.append(base.id)
                    elif self.is_own(base):
                        attributes.append(base)
                elif unpacked and self.is_own(part):
                    attributes.append(part)
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
        return [*taps, *map(self.attribute, attributes)]

    def attribute(self, changed: ast.Attribute) -> ast.stmt:
        """A tap on an attribute that was changed in place; it is assigned only where the tap has moved it."""
        assert self.statement is not None
        number = self.taps.add(DEF, ast.unparse(changed), self.statement, self.statement, self.written)
        load = ast.Attribute(changed.value, changed.attr, ast.Load())
        test = ast.Compare(
            ast.NamedExpr(ast.Name(_MOVED, ast.Store()), _call(number, load)), [ast.IsNot()], [load]
        )
        store = ast.Attribute(changed.value, changed.attr, ast.Store())
        made = ast.If(test, [ast.Assign([store], ast.Name(_MOVED, ast.Load()))], [])
        return cast(ast.stmt, _placed(copy.deepcopy(made), self.statement))

    def returned(self, new: ast.expr | None, old: ast.expr | None) -> Any:
        if new is None or old is None:
            return None
        if isinstance(old, ast.Tuple | ast.List):
            assert isinstance(new, ast.Tuple | ast.List)
            new.elts = [
                n if isinstance(o, ast.Starred) else self.returned(n, o)
                for n, o in zip(new.elts, old.elts, strict=True)
            ]
            return new
        if isinstance(old, ast.Dict):
            assert isinstance(new, ast.Dict)
            new.values = [self.returned(n, o) for n, o in zip(new.values, old.values, strict=True)]
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
        elif isinstance(old, ast.Yield):
            if new.value is not None:
                new.value = self.value(new.value, old.value, EXPRESSION)
        elif isinstance(old, ast.JoinedStr | ast.FormattedValue | ast.Await | ast.YieldFrom):
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
            if not self.is_module(old.func.value):
                place = ast.Constant(self.taps.call(old))
                lookup = [new.func.value, ast.Constant(self.mangled(old.func.attr)), place]
                new.func = _placed(ast.Call(ast.Name(METHOD, ast.Load()), lookup, []), old.func)
        elif isinstance(old.func, ast.Name) and isinstance(new.func, ast.Name):
            helper = self.helper(old.func.id)
            if helper is not None:
                self.taps.note_call(old, helper)
                stand_in = f"tapped__{old.func.id}"  # two underscores in front are mangled in a class
                self.helpers[stand_in] = helper
                new.func.id = stand_in
        elif not isinstance(old.func, ast.Name):
            self.inside(new.func, old.func)

    def is_own(self, node: ast.AST) -> TypeGuard[ast.Attribute]:
        """Whether this is an attribute of a variable of the function."""
        return (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in self.locals
            and not self.outlives(node)
        )

    def mangled(self, name: str) -> str:
        """What Python makes of a name like `__x` within a class."""
        owner = (self.written.owner or "").lstrip("_")
        private = name.startswith("__") and not name.endswith("__")
        return f"_{owner}{name}" if private and owner else name

    def outlives(self, target: ast.expr) -> bool:
        """Whether a target is part of what a name of the file, or of a function around it, stands for."""
        root = _root(target)
        return root is not target and isinstance(root, ast.Name) and self.is_outer(root.id)

    def is_outer(self, name: str) -> bool:
        return name not in self.locals or name in self.outer or name in self.aliases

    def is_module(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Name) or self.may_be_tapped(node.id):
            return False
        return isinstance(self.written.function.__globals__.get(node.id), ModuleType)

    def helper(self, name: str) -> FunctionType | None:
        """A function of the same file, or of one beside it, that this name stands for, throughout."""
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
        return found if isinstance(found, FunctionType) and is_near(found, self.written.file) else None


def is_near(function: FunctionType, file: str) -> bool:
    """Whether a function stands in the same file, or in one beside it."""
    return Path(function.__code__.co_filename).parent == Path(file).parent


def locals_of(node: ast.AST) -> Iterator[str]:
    """Names that a function binds, those of functions within it included."""
    for part in ast.walk(node):
        if isinstance(part, ast.arg):
            yield part.arg
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id


def _targets(statement: ast.stmt) -> list[ast.expr]:
    """What an assignment assigns to."""
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, ast.AnnAssign | ast.AugAssign) else []


def _root(node: ast.expr) -> ast.expr:
    """What an attribute or an element is part of."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node


def _carried(body: list[ast.stmt]) -> list[str]:
    """Names that a block reads before it gives them a value."""
    read: list[str] = []
    written: set[str] = set()
    for statement in body:
        names = [part for part in ast.walk(statement) if isinstance(part, ast.Name)]
        read += [n.id for n in names if isinstance(n.ctx, ast.Load) and n.id not in written]
        written |= {n.id for n in names if isinstance(n.ctx, ast.Store)}
    return [name for name in dict.fromkeys(read) if name in written]


def _call(number: int, value: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(TAP, ast.Load()), [ast.Constant(number), value], [])


def _placed(made: Any, at: ast.AST) -> Any:
    ast.copy_location(made, at)
    for part in ast.walk(made):
        if not hasattr(part, "lineno") and isinstance(part, ast.expr | ast.stmt | ast.ExceptHandler):
            ast.copy_location(part, at)
    return made
