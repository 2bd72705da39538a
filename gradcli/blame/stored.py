"""Where backward leaves a gradient that it does not return: in its object, in a list, in a dictionary."""

import ast
from collections.abc import Iterator

import numpy as np

from gradcli.arrays import Array
from gradcli.blame.site import DEF, WRITE, Site
from gradcli.blame.trace import Trace

Stored = tuple[ast.stmt, list[ast.expr] | None]  # a statement, and the parts of it that do so if not all do


def stored(sites: list[Site], trace: Trace, gradient: Array, *, in_object: bool) -> list[Stored]:
    """The statements that put a gradient, or a multiple of it, somewhere: `self.dW = …`.

    in_object: backward is a method, which may leave things in its object.
    """
    found: list[Stored] = []
    arrays = {id(s.node) for s in sites if isinstance(s.node, ast.stmt) and trace.of(s.number)}
    for site in sites:
        statement = site.statement
        if statement is None or not any(is_multiple(v, gradient) for v in trace.of(site.number)):
            continue
        if in_object:
            found += _assigned(site, statement)
            found += _put_in(site, statement)
        if id(statement) not in arrays:
            found += _under_a_key(site, statement)
            found += _within(site, statement)
    return list({id(statement): (statement, part) for statement, part in found}.values())


def _assigned(site: Site, statement: ast.stmt) -> Iterator[Stored]:
    """`self.dW = …`, `self.grads = {"W": dW, …}`, `self.dW += …`."""
    if not isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign) or statement.value is None:
        return
    if not into_an_object(statement):
        return
    if (
        site.node is statement and site.role == DEF and "." in (site.name or "")
    ) or site.node is statement.value:
        yield statement, None
    elif isinstance(site.node, ast.expr) and any(site.node is part for part in parts_of(statement.value)):
        yield statement, [site.node]


def _put_in(site: Site, statement: ast.stmt) -> Iterator[Stored]:
    """`self.grads.append(dW)`, `self.grads.insert(0, dW)`."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("append", "insert", "appendleft")
        and site.node is call.args[-1]
    ):
        yield statement, None


def _under_a_key(site: Site, statement: ast.stmt) -> Iterator[Stored]:
    """`grads["dW"] = …`, `grads[name] = …`: into what is no array."""
    if isinstance(statement, ast.Assign) and site.role == WRITE and site.node is statement.value:
        yield statement, None


def _within(site: Site, statement: ast.stmt) -> Iterator[Stored]:
    """`grads = {"dW": dW, …}`, `grads = [dW, db]`: that is returned."""
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        listed = isinstance(statement.value, ast.Dict | ast.List | ast.Tuple)
        if listed and any(site.node is part for part in parts_of(statement.value)):
            assert isinstance(site.node, ast.expr)
            yield statement, [site.node]


def into_an_object(statement: ast.Assign | ast.AugAssign | ast.AnnAssign) -> bool:
    """Whether a statement assigns to an attribute, or to a part of one."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return any(_is_in_an_object(target) for target in targets)


def _is_in_an_object(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return any(_is_in_an_object(part) for part in target.elts)
    while isinstance(target, ast.Subscript):
        target = target.value
    return isinstance(target, ast.Attribute)


def is_multiple(value: Array, gradient: Array) -> bool:
    """Whether a value is the gradient times a power of two: in an update, times the step."""
    if value.size != gradient.size or not value.size or np.iscomplexobj(value):  # a spectrum is no gradient
        return False
    flat, wanted = value.ravel(), gradient.ravel()
    place = int(np.argmax(np.abs(wanted)))
    if not wanted[place] or not flat[place] or np.frexp(flat[place] / wanted[place])[0] not in (0.5, -0.5):
        return bool(np.array_equal(flat, wanted))
    return bool(np.array_equal(flat, wanted * (flat[place] / wanted[place])))


def parts_of(value: ast.expr) -> list[ast.expr]:
    """What a return or an assignment gives, one by one."""
    if isinstance(value, ast.Dict):
        return value.values
    return value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
