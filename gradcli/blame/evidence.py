"""What is known about the values that backward computes: which are right, and which node they belong to."""

import ast
from collections import Counter, defaultdict

import numpy as np

from gradcli.arrays import Array
from gradcli.blame.bench import Bench
from gradcli.blame.forms import is_reshaping, overwriting
from gradcli.blame.pairing import node_of
from gradcli.blame.site import DEF, EXPRESSION, RETURN, USE, WRITE, Site
from gradcli.blame.trace import Trace
from gradcli.blame.truth import Node
from gradcli.blame.versions import is_piecewise


class Evidence:
    """Verdicts on the sites of backward.

    A value is right if it is, to within uncertainty, the true gradient of some node of forward, or if it does
    not depend on the cotangent and is a value of forward. A name that belongs to a node by its spelling must
    be right for that node.
    """

    def __init__(self, bench: Bench, nodes: list[Node], forward: Trace, rng: np.random.Generator) -> None:
        self.bench = bench
        self.nodes = nodes
        self.forward = forward
        self.trace = bench.backward_trace()
        others = tuple(rng.standard_normal(c.shape) for c in bench.cotangents)
        self._moved = bench.backward_trace(others)
        self._forward = [v for v in forward.values.values() if v.size] + [
            a for a in bench.inputs.values() if a.dtype.kind == "f"
        ]
        self._forward += [np.asarray(c) for c in bench.original.constants.values() if isinstance(c, float)]
        self._given = [*self._forward, *bench.cotangents]
        self._by_name: dict[str, list[Array]] = defaultdict(list)  # what forward gives a name to
        for site in bench.forward.taps.sites:
            if site.role == DEF and site.name:
                self._by_name[site.name] += forward.of(site.number)
        self._by_size: dict[int, list[Node]] = defaultdict(list)
        for node in nodes:
            self._by_size[node.gradient.size].append(node)
        self._named = _names(nodes)
        self._defined: dict[object, set[int]] = defaultdict(set)  # by variable, what gives it a value
        self.right: set[int] = set(bench.given.parts)  # ids of syntax nodes
        self.partly: set[int] = set()  # of those, the ones that are right for one path of several
        self.of: dict[int, list[Node]] = {}  # the nodes that a site's last value belongs to
        self.doubtful: set[int] = set()  # sites that are right for other nodes than that of their name
        self._judge()

    def is_right(self, node: ast.AST) -> bool:
        return id(node) in self.right

    def is_wholly_right(self, node: ast.AST) -> bool:
        """Right, and not just for one of several paths that lead to a node."""
        return id(node) in self.right and id(node) not in self.partly

    def depends(self, site: Site) -> bool:
        """Whether a value depends on the cotangent; where there is none, whether it is none of forward's."""
        if self.bench.lone:
            return not all(self._is_forward_value(value) for value in self.trace.of(site.number))
        ours, theirs = self.trace.of(site.number), self._moved.of(site.number)
        if len(ours) != len(theirs):
            return True
        return any(a.shape != b.shape or not np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))

    def matching(self, value: Array) -> list[Node]:
        return [n for n in self._by_size[value.size] if n.matches(value, self.bench.tol)]

    def paired(self, site: Site) -> list[Node]:
        """The nodes that a site's name belongs to."""
        if site.name is None:
            return []
        name = node_of(site.name, self._named)
        whole = (n for n in self.nodes if n.site is None or n.site.role == DEF)
        return [n for n in whole if name is not None and n.name == name]

    def _judge(self) -> None:
        sites = self.bench.backward.taps.sites
        by_statement: dict[int, list[Site]] = defaultdict(list)
        for site in sites:
            if site.role == DEF and site.name is not None:
                if not is_reshaping(site.statement):
                    self._defined[_variable(site)].add(id(site.statement))
                by_statement[id(site.statement)].append(site)
            elif site.role == WRITE:
                self._defined[_variable(site)].add(id(site.statement))
        good: dict[int, bool] = {}
        renamed = {s.name for s in sites if s.role == DEF and is_alias(s.statement) and not self.confirmed(s)}
        for site in sites:
            values = self.trace.of(site.number)
            if not values:
                continue
            finished = isinstance(site.node, ast.stmt)
            judged = values[-1:] if finished and is_piecewise(site) else values
            if finished and is_unpacking(site.statement):
                # Nothing is computed here: these are what forward kept, or the cotangents.
                good[site.number] = all(
                    any(v.shape == g.shape and np.array_equal(v, g) for g in self._given) for v in judged
                )
                continue
            good[site.number] = self._good(site, judged, self._is_only(site))
            if site.role == USE and site.name in renamed:
                good[site.number] = False
            if good[site.number] and site.role == DEF and self._is_misnamed(site):
                self.doubtful.add(site.number)
            if good[site.number] and not finished and site.role != RETURN:
                self.right.add(id(site.node))
                if self._only_in_part(site):
                    self.partly.add(id(site.node))
        self._distrust_constants()
        doubted = self._doubles()
        self._distrust({s.name for s in sites if self.in_conflict(s) and self.depends(s)})
        doubted |= self._overwritten()
        for statement, own in by_statement.items():
            if statement in doubted:
                continue
            if all(good.get(s.number, False) for s in own if s.number in good) and any(
                s.number in good for s in own
            ):
                if any(s.name in renamed for s in own if is_alias(s.statement)):
                    continue
                self.right.add(statement)
                if any(self._only_in_part(s) for s in own):
                    self.partly.add(statement)

    def _overwritten(self) -> set[int]:
        """Statements that overwrite what nothing has used: it may have been meant to be added to.

        Nor are the uses of what they leave right, whatever it is the gradient of.
        """
        functions = self.bench.backward.taps.functions
        statements = {id(s) for written in functions for s in overwriting(written.node)}
        sites = self.bench.backward.taps.sites
        variables = {_variable(s) for s in sites if s.role == DEF and id(s.statement) in statements}
        self.right -= {id(s.node) for s in sites if s.role == USE and _variable(s) in variables}
        return statements

    def in_conflict(self, site: Site) -> bool:
        """Whether a value is not the gradient of the node that its name, which it alone has, belongs to."""
        if site.role != DEF or not self._is_only(site):
            return False
        values = self.trace.of(site.number)
        return (
            bool(values)
            and any(n.gradient.size == values[-1].size for n in self.paired(site))
            and not self.confirmed(site)
        )

    def _is_only(self, site: Site) -> bool:
        """Whether the variable of a site gets its value in one statement."""
        return len(self._defined.get(_variable(site), ())) == 1

    def _doubles(self) -> set[int]:
        """Statements that compute the same value as another one, of more names than nodes that have it.

        One of them stands for something else: `d2 = dout * p1` where `d1 = dout * p1` is right.
        """
        same: dict[bytes, list[Site]] = defaultdict(list)
        for site in self.bench.backward.taps.sites:
            values = self.trace.of(site.number)
            whole = (
                site.role == DEF
                and isinstance(site.statement, ast.Assign)
                and site.node is not site.statement
            )
            if whole and len(values) == 1 and self.of.get(site.number) and not is_alias(site.statement):
                same[values[0].tobytes()].append(site)
        return {
            id(site.statement)
            for sites in same.values()
            for site in sites
            if len({s.name for s in sites}) > len({_place(n) for s in sites for n in self.of[s.number]})
        }

    def _distrust_constants(self) -> None:
        """A term beside others that depend on the cotangent must depend on it as well."""
        fixed = {
            id(s.node): not self.depends(s) for s in self.bench.backward.taps.sites if self.trace.of(s.number)
        }
        for site in self.bench.backward.taps.sites:
            node = site.node
            if (
                isinstance(node, ast.BinOp)
                and isinstance(node.op, ast.Add | ast.Sub)
                and fixed.get(id(node)) is False
            ):
                self.right -= {id(side) for side in (node.left, node.right) if fixed.get(id(side))}

    def _distrust(self, names: set[str | None]) -> None:
        """A product of wrong values may be the gradient of a node by accident: a lost 1/N twice."""
        for site in self.bench.backward.taps.sites:
            if site.role == EXPRESSION and any(
                isinstance(p, ast.Name) and p.id in names for p in ast.walk(site.node)
            ):
                self.right.discard(id(site.node))

    def confirmed(self, site: Site) -> bool:
        """Whether a value is the gradient of the very node that its name belongs to."""
        values = self.trace.of(site.number)
        if not values:
            return False
        paired = self.paired(site)
        own = {id(n.site.statement) for n in paired if n.site is not None}
        inner = [n for n in self.nodes if n.site is not None and id(n.site.statement) in own]
        near = [*paired, *(n for n in inner if any(_is_within(n, p) for p in paired))]
        return all(any(n.matches(v, self.bench.tol) for n in near) for v in values)

    def _is_misnamed(self, site: Site) -> bool:
        """Whether a value is that of other nodes than the one, or one use of it, that its name belongs to."""
        found = self.of.get(site.number, [])
        names = {n.name for n in self.paired(site) if found and n.gradient.size == found[-1].gradient.size}
        return bool(names) and not any(n.name in names for n in found)

    def _only_in_part(self, site: Site) -> bool:
        """Whether a value is the gradient through one use of a node, and of no node as a whole."""
        found = self.of.get(site.number, [])
        return bool(found) and all(n.site is not None and n.site.role == USE for n in found)

    def _good(self, site: Site, values: list[Array], only_definition: bool) -> bool:
        if not self.depends(site):
            if isinstance(site.node, ast.stmt) and is_piecewise(site):
                return False  # under construction
            if only_definition and (self._is_another(site, values) or self._is_named_otherwise(site, values)):
                return False
            return all(self._is_forward_value(v) for v in values)
        matches = self._matching_each(values)
        self.of[site.number] = matches[-1]
        if not all(matches):
            return False
        if site.role in (DEF, USE) and only_definition:
            paired = [n for n in self.paired(site) if n.gradient.size == values[-1].size]
            if paired and not any(n is p or _is_within(n, p) for n in matches[-1] for p in paired):
                return False
        return True

    def _is_another(self, site: Site, values: list[Array]) -> bool:
        """Whether a value that backward computes again is not the one that forward calls so."""
        own = self._by_name.get(site.name or "", []) if site.role in (DEF, USE) else []
        return bool(own) and not all(any(_are_equal(v, value) for v in own) for value in values)

    def _is_named_otherwise(self, site: Site, values: list[Array]) -> bool:
        """Whether a value of forward has the name of a gradient that it is not: all else was lost from it."""
        paired = self.paired(site) if site.role in (DEF, USE) else []
        due = [n for n in paired if n.gradient.size == values[-1].size]
        return bool(due) and not any(n.matches(values[-1], self.bench.tol) for n in due)

    def _matching_each(self, values: list[Array]) -> list[list[Node]]:
        """By pass, the nodes that its value belongs to: of as many passes of forward, each once."""
        matches = [self.matching(value) for value in values]
        places: dict[int, set[int]] = defaultdict(set)
        for node in (n for found in matches for n in found):
            if node.site is not None:
                places[node.site.number].add(node.occurrence)
        passes = Counter(n.site.number for n in self.nodes if n.site is not None)
        mixed = {site for site, seen in places.items() if passes[site] == len(values) > len(seen)}
        return [[n for n in found if n.site is None or n.site.number not in mixed] for found in matches]

    def _is_forward_value(self, value: Array) -> bool:
        if not np.any(value):
            return False
        return any(_are_equal(v, value) for v in self._forward)


def _variable(site: Site) -> object:
    """What a name stands for: a variable of its function, or an attribute, which all functions share."""
    return site.name if "." in (site.name or "") else (site.file, site.function, site.name)


def _names(nodes: list[Node]) -> set[str]:
    """The names that values of forward go by; of a value and what is kept of it, `self.std = std`, one.

    What is kept for backward alone has no gradient of its own.
    """
    alike: dict[str, dict[str, list[Node]]] = defaultdict(lambda: defaultdict(list))
    for node in nodes:
        if node.name:
            alike[node.name.rpartition(".")[2]][node.name].append(node)
    found: set[str] = set()
    for named in alike.values():
        moving = {name for name, own in named.items() if any(n.gradient.any() for n in own)}
        found |= moving if len(moving) == 1 else set(named)
    return found


def _are_equal(known: Array, value: Array) -> bool:
    """Whether these are the same numbers to within rounding, with axes of length one more or less."""
    if known.size != value.size:
        return False
    if known.shape != value.shape and known.squeeze().shape != value.squeeze().shape:
        return False
    scale = float(np.max(np.abs(value), initial=0.0))
    return bool(np.all(np.abs(known.reshape(value.shape) - value) <= 1e-12 * scale))


def _place(node: Node) -> object:
    """Where a node stands, the uses of a value being in the place of that value."""
    return node.name or (None if node.site is None else id(node.site.node))


def _is_within(node: Node, named: Node) -> bool:
    """Whether a value has no name of its own in the statement that makes a named one.

    With `i = sigmoid(x @ w)`, `di` may well be the gradient of the product.
    """
    if node.site is None or named.site is None or node.site.role != EXPRESSION:
        return False
    return node.site.statement is named.site.statement and node.site.node is not named.site.node


def is_alias(statement: ast.stmt | None) -> bool:
    """Whether a statement only gives another name to a value: something may have been forgotten in it."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        return False
    value: ast.expr = statement.value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        name, owner, arguments = value.func.attr, value.func.value, value.args
        if name == "copy" and not arguments:
            value = owner
        elif name in ("array", "copy", "asarray") and len(arguments) == 1:
            value = arguments[0]
    return isinstance(value, ast.Name)


def is_unpacking(statement: ast.stmt | None) -> bool:
    """Whether a statement takes a tuple apart without computing anything."""
    return (
        isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Tuple | ast.List)
        and isinstance(statement.value, ast.Name | ast.Attribute | ast.Subscript)
    )


def is_sorting_out(statement: ast.stmt | None) -> bool:
    """Whether a statement only gives names to several parts of values: `a, b = x[0], x[1]`."""
    return (
        isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Tuple)
        and isinstance(statement.value, ast.Tuple)
        and all(isinstance(e, ast.Name | ast.Attribute | ast.Subscript) for e in statement.value.elts)
    )
