"""Which statements a wrong gradient comes from, as far as their values are not known to be right."""

import ast
from collections.abc import Callable

import numpy as np

from gradcli.arrays import Array
from gradcli.blame.bench import Bench
from gradcli.blame.evidence import Evidence
from gradcli.blame.program import Program
from gradcli.blame.site import DEF, RETURN, Site
from gradcli.blame.stored import Stored, stored


class Suspects:
    """Reads from a backward where its gradients come from."""

    def __init__(self, bench: Bench, evidence: Evidence, flow: Program) -> None:
        self.bench = bench
        self.evidence = evidence
        self.flow = flow

    def common(self, wrong: frozenset[str], right: Callable[[ast.AST], bool]) -> set[ast.stmt]:
        """Statements from which wrong gradients come and whose values are not known to be right.

        One fault for several gradients stands where they have a source in common.
        """
        names = sorted(wrong)
        common = set.intersection(*(self._behind(name, right) for name in names)) if names else set()
        for statement in self.flow.returns():
            # Different parts of one return have no more in common than different statements.
            parts = [{id(e) for e in self.elements(statement, name) or ()} for name in names]
            if len(names) > 1 and not set.intersection(*parts):
                common.discard(statement)
        return common - (self.bench.given.statements or set())

    def _behind(self, name: str, right: Callable[[ast.AST], bool]) -> set[ast.stmt]:
        found: set[ast.stmt] = set()
        for statement, part in self._stored(name):
            found |= self.behind_parts(statement, part, right)
        if found:
            return found
        for statement in self.flow.returns():
            parts = self.elements(statement, name)
            if parts is not None or not self._is_method:
                found |= self.behind_parts(statement, parts, right)
        if not found and self._is_method:
            # It is written into an array that the object holds: dW, = self.grads; np.add.at(dW, …).
            for left in self.flow.leaving():
                found |= self.behind_parts(left, None, right)
        if not found and self._is_method:
            # Nothing is left in the object: what is returned is the gradient or a factor of it.
            for statement in self.flow.returns():
                found |= self.behind_parts(statement, None, right)
        return found

    @property
    def _is_method(self) -> bool:
        """Whether backward may leave gradients in an object; then what it returns need not be all."""
        main = self.bench.backward.main
        return main.owner is not None and not any(map(_is_static, main.node.decorator_list))

    def _stored(self, name: str) -> list[Stored]:
        """Statements that leave a gradient somewhere, with the part of each that does so."""
        value = self.bench.found.get(name)
        if value is None:
            return []
        sites = self.bench.backward.taps.sites
        return stored(sites, self.evidence.trace, value, in_object=self._is_method)

    def elements(self, statement: ast.stmt, name: str) -> list[ast.expr] | None:
        """The parts of a return that give one gradient; None if that cannot be told."""
        value = self.bench.found.get(name)
        sites = [s for s in self.bench.backward.taps.sites if s.role == RETURN and s.statement is statement]
        own = [s for s in sites if value is not None and self._returned(s, value)]
        if sites and not own and len(sites) == 1 and not self._is_method:
            own = sites
        if len(own) > 1:
            own = self._due(own, name) or own
        return [s.node for s in own if isinstance(s.node, ast.expr)] or None

    def _due(self, sites: list[Site], name: str) -> list[Site]:
        """Of parts of a return that are equal, those that stand where a gradient is due."""
        value = getattr(sites[0].statement, "value", None)
        parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        names = list(self.bench.found)
        if len(parts) == len(names):
            return [s for s in sites if s.node is parts[names.index(name)]]
        if isinstance(value, ast.Dict):
            keys = [key.value if isinstance(key, ast.Constant) else None for key in value.keys]
            return [
                s
                for key, v in zip(keys, value.values, strict=True)
                for s in sites
                if s.node is v and key == name
            ]
        return []

    def behind_parts(
        self, statement: ast.stmt, parts: list[ast.expr] | None, right: Callable[[ast.AST], bool]
    ) -> set[ast.stmt]:
        forced = {id(part) for part in parts or ()} | {id(s) for s in self._direct(parts)}

        def cut(node: ast.AST) -> bool:
            return id(node) not in forced and right(node)

        return self.flow.sources(statement, None if parts is None else list(parts), cut)

    def _direct(self, parts: list[ast.expr] | None) -> list[ast.stmt]:
        """Statements whose value is returned as it is: wrong for this gradient, whatever it resembles.

        Not so where the same name is a right gradient of another input, or the gradient of its own node.
        """
        names = {part.id for part in parts or () if isinstance(part, ast.Name)}
        found = []
        for site in self.bench.backward.taps.sites:
            if site.role != DEF or site.name not in names or site.statement is None:
                continue
            values = self.evidence.trace.of(site.number)
            paired = self.evidence.paired(site)
            own = any(n is p for n in self.evidence.of.get(site.number, ()) for p in paired)
            used = any(
                values and self.bench.fits(self.bench.found, name) and np.array_equal(value, values[-1])
                for name, value in self.bench.found.items()
            )
            if not own and not used:
                found.append(site.statement)
        return found

    def _returned(self, site: Site, value: Array) -> bool:
        values = self.evidence.trace.of(site.number)
        return any(v.size == value.size and np.array_equal(v.ravel(), value.ravel()) for v in values)


def _is_static(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Name) and decorator.id == "staticmethod"
