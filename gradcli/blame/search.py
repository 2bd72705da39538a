"""The search for the line at fault: the first wrong value in backward order whose own inputs are right."""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gradcli.arrays import Array
from gradcli.blame.bench import Bench
from gradcli.blame.evidence import Evidence, is_unpacking
from gradcli.blame.forms import computes, is_plain, reshaped
from gradcli.blame.freedom import freedom
from gradcli.blame.pairing import node_of
from gradcli.blame.passes import first_wrong
from gradcli.blame.program import Program
from gradcli.blame.repair import PATHS, Repair, Repairer, is_small
from gradcli.blame.stored import Stored, into_an_object, parts_of, stored
from gradcli.blame.taps import DEF, RETURN, USE, WRITE, Site
from gradcli.blame.trace import Key, replacing_each, shifting
from gradcli.blame.truth import Node, in_passes


@dataclass(frozen=True, eq=False)
class Fault:
    """A statement at fault."""

    gradients: frozenset[str]  # that are wrong because of it
    statement: ast.stmt
    file: str
    line: int
    site: Site | None  # whose value is wrong, where one was found
    node: Node | None  # the node that it belongs to
    repairs: tuple[Repair, ...]
    suspects: int


class Search:
    """Looks for faults in one backward."""

    def __init__(self, bench: Bench, evidence: Evidence, rng: np.random.Generator) -> None:
        self.bench = bench
        self.evidence = evidence
        self.flow = Program(bench.backward, bench.given.functions)
        self.rng = rng
        self.repairer = Repairer(bench, evidence, self.flow, rng)
        self.notes: list[str] = []

    def run(self, wrong: frozenset[str]) -> list[Fault]:
        """One fault for all wrong gradients if one explains them, else one for each where possible."""
        together = self._one(wrong)
        if len(wrong) == 1 or (together is not None and (together.repairs or together.site)):
            return [together] if together is not None else []
        common, repairs = self._common(wrong)
        if common is not None:
            return [common]
        if together is not None:
            # One change that makes all of them right says more than a statement that is wrong in several
            # ways; where that change may be made in several places, nothing is said.
            return [] if repairs else [together]
        found: list[Fault] = []
        for name in sorted(wrong):
            fault = self._one(frozenset({name}))
            if fault is not None and fault.repairs:
                found.append(fault)
        # Several slips at once are less likely than one that was not understood.
        if len({f.line for f in found}) > 2 or {n for f in found for n in f.gradients} != wrong:
            self.notes.append("several gradients are wrong, and no single line explains them")
            return []
        return found

    def is_first_wrong(self, site: Site) -> bool:
        """Whether a value is not right though all is that it is computed from."""
        statement = site.statement
        if statement is None or self.evidence.is_right(statement):
            return False
        behind = self.flow.sources(statement, None, self.evidence.is_right) - {statement}
        return not self._serious(behind, frozenset()) and not self._unseen({statement}, behind)

    def _one(self, wrong: frozenset[str]) -> Fault | None:
        handed = self._handed_over(wrong)
        if handed:
            chosen = self._by_repairs(handed)
            return None if chosen is None else self._fault(wrong, chosen, None, None, handed, 1)
        suspects = self._suspects(wrong, self.evidence.is_right)
        if not suspects:
            return None
        innocent = self._innocent(suspects, {})
        suspects -= innocent
        fixed = self._fixable(suspects, wrong)
        scaled = self.repairer.factors(suspects, wrong) if fixed is not None and self.bench.lone else []
        scaled = [r for r in scaled if not self._passes_on(r.statement, wrong)] or scaled
        scaled = [r for r in scaled if self._is_usual(r.factor or 0.0)]
        if scaled:
            # `err = h - y` may be meant without the 1/m of the cost: a gradient is often scaled last.
            chosen = self._by_repairs(scaled)
            return None if chosen is None else self._fault(wrong, chosen, None, None, scaled, len(suspects))
        if fixed is not None:
            site, node, true = fixed
            assert site.statement is not None
            if site.statement not in suspects:
                # It was taken for the gradient of another node: what is behind it has not been looked at.
                suspects = self._behind_parts(site.statement, _values(site.statement), self.evidence.is_right)
                earlier = self._fixable(suspects, wrong)
                site, node, true = earlier if earlier is not None else fixed
            assert site.statement is not None
            behind = self.flow.sources(site.statement, None, self.evidence.is_right) & suspects
            behind -= {site.statement}
            suspects = behind - self._innocent(behind, true) | {site.statement}
        else:
            site, node = None, None
        early = set() if site else self._early(wrong) & suspects
        suspects = early or suspects
        repairs = self.repairer.search(suspects, wrong)
        if site is None and not early and all(r.kind in PATHS for r in repairs):
            # A path may have been lost where the others still are right.
            wider = self._suspects(wrong, self.evidence.is_wholly_right) - innocent
            repairs += self.repairer.search(wider - suspects, wrong)
            suspects |= wider
        if not repairs:
            elsewhere = self._mistaken(suspects, wrong)
            if elsewhere:
                chosen = self._by_repairs(elsewhere)
                return None if chosen is None else self._fault(wrong, chosen, None, None, elsewhere, 1)
        chosen = self._choose(suspects, repairs, wrong)
        return None if chosen is None else self._fault(wrong, chosen, site, node, repairs, len(suspects))

    def _mistaken(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> list[Repair]:
        """Edits of what is right for something else: `y = np.sin(x)`, of forward, where cos(x) is due."""
        behind = self._suspects(wrong, lambda _: False) - suspects
        kept = {s.statement for s in self.bench.backward.taps.sites if self.evidence.depends(s)}
        own: set[ast.stmt] = {s for s in behind - kept if isinstance(s, ast.Assign) and not is_unpacking(s)}
        return self.repairer.edited(own, wrong)

    def _innocent(self, suspects: set[ast.stmt], true: Mapping[Key, Array]) -> set[ast.stmt]:
        """Suspects whose values are right, because gradients that are right come from them.

        `true`: what is put in the place of wrong values, so that all gradients are right that do not come
        from something else that is wrong. A value is right if a small change of it makes one of those wrong.
        """
        base = self.bench.gradients(replacing_each(true))
        right = [name for name in self.bench.known if self.bench.fits(base, name)]
        by_statement: dict[ast.stmt, list[Site]] = {}
        for site in self.bench.backward.taps.sites:
            if site.statement in suspects and site.role in (WRITE, DEF):
                by_statement.setdefault(site.statement, []).append(site)

        def matters(site: Site) -> bool:
            if not self.bench.clock.affords(0.0):
                return False
            keys = self.evidence.trace.keys(site.number)
            changed = {key: self._elsewhere(self.evidence.trace.values[key]) for key in keys}
            moved = self.bench.gradients(shifting(true, changed))
            if moved is None:
                return False
            # What is summed up may be wrong and its sum right.
            seen = sum(self.bench.known[n].numeric.size for n in right if not self.bench.fits(moved, n))
            return bool(keys) and seen >= sum(change.size for change in changed.values())

        return {
            statement
            for statement, sites in by_statement.items()
            if not is_unpacking(statement) and all(matters(site) for site in sites)
        }

    def _elsewhere(self, value: Array) -> Array:
        """A small change, at random."""
        scale = float(np.max(np.abs(value), initial=0.0)) or 1.0
        return np.asarray(0.05 * scale * self.rng.uniform(0.5, 1.0, value.shape))

    def _early(self, wrong: frozenset[str]) -> set[ast.stmt]:
        """Where a loop runs, the statements of the first wrong value from which all these gradients come."""
        return first_wrong(self.bench, self.evidence, self.flow, wrong) & self._suspects(
            wrong, lambda _: False
        )

    def _handed_over(self, wrong: frozenset[str]) -> list[Repair]:
        """Repairs of how values are unpacked and returned, where only their places are wrong."""
        everything = self._suspects(wrong, lambda _: False) | set(self.flow.returns())
        moving = {
            id(s.statement)
            for s in self.bench.backward.taps.sites
            if s.role == DEF and s.statement in everything and self.evidence.depends(s)
        }
        places = {
            s
            for s in everything
            if (
                isinstance(s, ast.Return)
                and not self._in_order_of_names(s, wrong)
                and not self.flow.is_taken_as_named(s)
            )
            or (is_unpacking(s) and id(s) in moving)
        }
        return self.repairer.reordered(places, wrong)

    def _in_order_of_names(self, statement: ast.Return, wrong: frozenset[str]) -> bool:
        """Whether what is returned for each of these gradients is called like one of it."""
        returned = [(name, self._elements(statement, name)) for name in wrong]
        return all(
            parts is not None
            and all(
                isinstance(part, ast.Name) and node_of(part.id, self.bench.inputs) == name for part in parts
            )
            for name, parts in returned
        )

    def _common(self, wrong: frozenset[str]) -> tuple[Fault | None, list[Repair]]:
        """A statement before all wrong gradients in which one change makes all of them right.

        Its own value may be that of some node, just not of the one that is due. With all such changes.
        """
        suspects = self._suspects(wrong, lambda _: False)
        repairs = self.repairer.search(suspects, wrong)
        chosen = self._by_repairs(repairs) if repairs else None
        if chosen is None:
            return None, repairs
        return self._fault(wrong, chosen, None, None, repairs, len(suspects)), repairs

    def _fault(
        self,
        wrong: frozenset[str],
        chosen: tuple[ast.stmt, int],
        site: Site | None,
        node: Node | None,
        repairs: list[Repair],
        suspects: int,
    ) -> Fault | None:
        statement, line = chosen
        if self._calls_unseen(statement):
            self.notes.append(f"line {line} calls a function whose code is not followed")
            return None
        own = tuple(r for r in sorted(repairs, key=lambda r: r.rank) if r.statement is statement)
        return Fault(wrong, statement, self.flow.written(statement).file, line, site, node, own, suspects)

    def _calls_unseen(self, statement: ast.stmt) -> bool:
        """Whether a gradient goes through code that is not seen: the fault may be in there."""
        moving = {id(s.node) for s in self.bench.backward.taps.sites if self.evidence.depends(s)}
        return any(
            id(part) in moving
            for call in self.flow.unseen_calls(statement)
            for argument in call.args
            for part in ast.walk(argument)
        )

    def _choose(
        self, suspects: set[ast.stmt], repairs: list[Repair], wrong: frozenset[str]
    ) -> tuple[ast.stmt, int] | None:
        """The statement at fault, or None where it could be one of several."""
        paths = [r for r in repairs if r.kind in PATHS]
        own = [
            r for r in repairs if not self._passes_on(r.statement, wrong) or r.kind in ("order", "variable")
        ]
        # `return dx, dq` is at fault itself only where what it passes on lacks a factor: dq * q.
        # So it is where a term was lost that is at hand by its name: the cotangent of a residual.
        repairs = own or [r for r in repairs if r.kind in ("times", "over", "plus", "term missing")]
        changes = [r for r in repairs if r.kind not in PATHS]
        if changes:
            return self._by_repairs(changes)
        stubs = self.flow.stubs()
        if len(stubs) == 1:
            return stubs[0], stubs[0].lineno
        lacking = self._lacking(repairs)
        if lacking is None and any(r.statement and self._is_finished(r.statement) for r in repairs):
            # It is missing where a finished gradient is passed on as that of another node.
            lacking = self._lacking(paths)
        if lacking is not None and self._is_finished(lacking):
            self.notes.append("a path is missing, and where it should be added cannot be told")
            return None
        if lacking is not None:
            return lacking, self._line(lacking, wrong)
        serious = self._serious(suspects, wrong)
        if not serious:
            serious = {s for s in suspects if isinstance(s, ast.Return)}
        if len(serious) > 1 and self.bench.clock.affords(0.0):
            # All that can be wrong with a plain use of a local derivative was tried.
            local = {s for s in serious if not is_plain(s) or self._unseen({s}, suspects - serious)}
            serious = local if local and not any(self._moves(s) for s in local) else serious
        serious = self._able(serious, wrong)
        if len(serious) == 1 and not self._unseen(serious, suspects):
            (statement,) = serious
            return statement, self._line(statement, wrong)
        self.notes.append(f"{len(serious)} statements could be at fault")
        return None

    def _unseen(self, chosen: set[ast.stmt], suspects: set[ast.stmt]) -> bool:
        """Whether a statement works with something computed by another suspect of which no value is seen.

        Such as places and counts; plain lengths of axes are not looked at.
        """
        sites = (s for s in self.bench.backward.taps.sites if s.role in (DEF, WRITE))
        seen = {id(s.statement) for s in sites if self.evidence.trace.of(s.number)}
        hidden: set[ast.stmt] = {
            s
            for s in suspects - chosen
            if isinstance(s, ast.Assign) and id(s) not in seen and computes(s)
            if not self.flow.is_blank(s)
        }

        def cut(node: ast.AST) -> bool:
            return isinstance(node, ast.stmt) and node not in hidden

        return any(hidden & self.flow.sources(s, None, cut) for s in chosen)

    def _able(self, serious: set[ast.stmt], wrong: frozenset[str]) -> set[ast.stmt]:
        """Statements that can be at fault; of several, the one that is bound most and still explains all.

        What decides on few elements and is all that is needed is at fault rather than what decides on all.
        """
        free = {s: freedom(self.bench, self.evidence, s, wrong) for s in serious}
        able = {s for s, rank in free.items() if rank != 0}
        ranks = sorted(rank for rank in free.values() if rank)
        gap = sum(self.bench.known[name].numeric.size for name in wrong if name in self.bench.known)
        bound = bool(ranks) and 2 * ranks[0] <= min([*ranks[1:2], gap])
        return {s for s in able if free[s] == ranks[0]} if bound else able

    def _lacking(self, paths: list[Repair]) -> ast.stmt | None:
        """The sum that lacks a path, of all the places at which it could be added.

        It is the first one after the gradient is known of the value to which the path leads.
        """
        order = {key[0]: place for place, key in reversed([*enumerate(self.evidence.trace.values)])}
        places = {r.statement: order[r.site.number] for r in paths if r.site and r.site.number in order}
        known = min((self._known_at(r.use, order) for r in paths), default=0)
        after = [s for s in sorted(places, key=lambda s: places[s]) if places[s] >= known]
        dead = [s for s in after if s is not None and self._is_zero(s)]
        if len(dead) == 1:
            return dead[0]
        idle = [s for s in after if s is not None and _is_idle(s)]
        if len(idle) == 1:
            return idle[0]
        sums = [s for s in after if s is not None and _adds(s)]
        if sums:
            return sums[0]
        return after[0] if len(after) == 1 else None

    def _is_finished(self, statement: ast.stmt) -> bool:
        """Whether what a statement contributes to ends up as the gradient of the node of its name."""
        sites = [s for s in self.bench.backward.taps.sites if s.role == DEF and s.name is not None]
        names = {s.name for s in sites if s.statement is statement}
        return any(s.name in names and self.evidence.depends(s) and self.evidence.confirmed(s) for s in sites)

    def _known_at(self, use: Site | None, order: Mapping[int, int]) -> int:
        """When backward knows the gradient of what a use goes into, the narrowest part of its line first."""
        into = [n for n in self.evidence.nodes if _is_made_of(n, use)]
        for node in sorted(into, key=lambda n: 0 if n.site is None else len(n.site.text)):
            times = [
                place
                for number, place in order.items()
                for value in self.evidence.trace.of(number)[:1]
                if node.matches(value, self.bench.tol)
            ]
            if times:
                return min(times)
        return 0

    def _is_zero(self, statement: ast.stmt) -> bool:
        """Whether a statement computes nothing but zeros."""
        sites = [s for s in self.bench.backward.taps.sites if s.statement is statement and s.role == DEF]
        values = [value for site in sites for value in self.evidence.trace.of(site.number)]
        return bool(values) and not any(v.any() for v in values) and not self.flow.is_blank(statement)

    def _by_repairs(self, repairs: list[Repair]) -> tuple[ast.stmt, int] | None:
        best = min(r.rank for r in repairs)
        top = [r for r in repairs if r.rank == best]
        statements = list(dict.fromkeys(r.statement for r in top))
        if len(statements) > 1 and any(r.kind in _MULTIPLE for r in top):
            # What is wrong by a factor in one place is so from there on: other words for it say more.
            own = list(dict.fromkeys(r.statement for r in top if r.kind not in _MULTIPLE))
            statements = own if len(own) == 1 else statements
        if len(statements) > 1 and all(r.kind in PATHS for r in top):
            # The same error is one factor elsewhere: a 2 is more often lost than half of a sum.
            plain = [r for r in repairs if r.kind == "factor" and is_small(r.factor or 0.0)]
            top, statements = plain or top, list(dict.fromkeys(r.statement for r in plain)) or statements
        if len(statements) > 1 and all(r.kind in _MULTIPLE for r in top):
            statements = self._last_right(statements)
        if len(statements) > 1 and self.bench.lone and all(r.kind == "factor" for r in top):
            # A 2 or a sign comes from the first derivative that is taken, a mean is put to a gradient last.
            factor = top[0].factor or 0.0
            pick = min if is_small(factor) and not self._is_of_size(factor) else max
            chosen = pick(statements, key=lambda s: s.lineno if s is not None else 0)
            top, statements = [r for r in top if r.statement is chosen], [chosen]
        if len(statements) == 1 and statements[0] is not None:
            lines = {r.line for r in top}
            return statements[0], min(lines) if len(lines) == 1 else statements[0].lineno
        self.notes.append("several places could be repaired")
        return None

    def _last_right(self, statements: list[ast.stmt | None]) -> list[ast.stmt | None]:
        """Of statements of which each uses the one before and all are right, the last: a factor is due after.

        All of them where that does not hold.
        """
        known = [s for s in statements if s is not None and self.evidence.is_right(s)]
        last = [
            s for s in known if all(t is s or t in self.flow.sources(s, None, lambda _: False) for t in known)
        ]
        return [last[0]] if len(known) == len(statements) and len(last) == 1 else statements

    def _is_usual(self, factor: float) -> bool:
        """Whether a cost and its gradient often differ by such a factor: a sign, a 2, a mean for a sum."""
        return is_small(factor) or self._is_of_size(factor) or self._is_of_size(1 / factor)

    def _is_of_size(self, factor: float) -> bool:
        """Whether a factor is one over the length of an axis."""
        return any(abs(abs(factor) * n - 1) < 1e-7 for n in self._lengths())

    def _lengths(self) -> set[int]:
        """Of the inputs' axes, those longer than one."""
        return {n for array in self.bench.inputs.values() for n in array.shape if n > 1}

    def _line(self, statement: ast.stmt, wrong: frozenset[str]) -> int:
        """Where a statement is wrong: of a return over several lines, that of the gradient."""
        if isinstance(statement, ast.Return):
            lines = {part.lineno for name in wrong for part in self._elements(statement, name) or ()}
            if len(lines) == 1:
                return lines.pop()
        return statement.lineno

    def _moves(self, statement: ast.stmt) -> bool:
        """Whether a statement computes with the cotangent."""
        sites = self.bench.backward.taps.sites
        return any(s.statement is statement and self.evidence.depends(s) for s in sites)

    def _serious(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> set[ast.stmt]:
        """Suspects but for those that compute counts and shapes, make zeros, pass on names or steer.

        What can be wrong with those is found by a repair, or not at all.
        """
        traced = {
            id(site.statement)
            for site in self.bench.backward.taps.sites
            if (site.number, 0) in self.evidence.trace.values
            and (
                site.role in (DEF, WRITE, RETURN) or isinstance(site.statement, ast.Expr) or _is_listed(site)
            )
        }
        return {
            s
            for s in suspects
            if (id(s) in traced or _selects(s))
            and not isinstance(s, ast.For | ast.While | ast.If | ast.With)
            and not self.flow.is_blank(s)
            and not is_unpacking(s)
            and not self._passes_on(s, wrong)
        }

    def _passes_on(self, statement: ast.stmt | None, wrong: frozenset[str]) -> bool:
        """Whether a statement only passes on names for these gradients: they were computed elsewhere."""
        if isinstance(statement, ast.Assign) and into_an_object(statement):
            return isinstance(statement.value, ast.Name)
        if not isinstance(statement, ast.Return) or statement.value is None:
            return False
        everything = parts_of(statement.value)
        parts = [part for name in wrong for part in self._elements(statement, name) or everything]
        named = all(isinstance(reshaped(part), ast.Name | ast.Constant) for part in parts)
        return named and not any(self._serves(statement, part) for part in parts)

    def _serves(self, statement: ast.Return, part: ast.expr) -> bool:
        """Whether another gradient, a right one, is returned as this name or made of it on the spot."""
        own = getattr(reshaped(part), "id", None)
        return any(
            isinstance(leaf, ast.Name) and leaf.id == own
            for name in self.bench.known
            if self.bench.fits(self.bench.found, name)
            for other in self._elements(statement, name) or ()
            for leaf in ast.walk(other)
        )

    def _suspects(self, wrong: frozenset[str], right: Callable[[ast.AST], bool]) -> set[ast.stmt]:
        """Statements from which wrong gradients come and whose values are not known to be right.

        One fault for several gradients stands where they have a source in common.
        """
        names = sorted(wrong)
        common = set.intersection(*(self._behind(name, right) for name in names)) if names else set()
        for statement in self.flow.returns():
            # Different parts of one return have no more in common than different statements.
            parts = [{id(e) for e in self._elements(statement, name) or ()} for name in names]
            if len(names) > 1 and not set.intersection(*parts):
                common.discard(statement)
        return common - (self.bench.given.statements or set())

    def _behind(self, name: str, right: Callable[[ast.AST], bool]) -> set[ast.stmt]:
        found: set[ast.stmt] = set()
        for statement, part in self._stored(name):
            found |= self._behind_parts(statement, part, right)
        if found:
            return found
        for statement in self.flow.returns():
            parts = self._elements(statement, name)
            if parts is not None or not self._is_method:
                found |= self._behind_parts(statement, parts, right)
        if not found and self._is_method:
            # It is written into an array that the object holds: dW, = self.grads; np.add.at(dW, …).
            for left in self.flow.leaving():
                found |= self._behind_parts(left, None, right)
        return found

    @property
    def _is_method(self) -> bool:
        """Whether backward may leave gradients in an object; then what it returns need not be all."""
        return self.bench.backward.main.owner is not None

    def _stored(self, name: str) -> list[Stored]:
        """Statements that leave a gradient somewhere, with the part of each that does so."""
        value = self.bench.found.get(name)
        if value is None:
            return []
        sites = self.bench.backward.taps.sites
        return stored(sites, self.evidence.trace, value, in_object=self._is_method)

    def _elements(self, statement: ast.stmt, name: str) -> list[ast.expr] | None:
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

    def _behind_parts(
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

    def _fixable(
        self, suspects: set[ast.stmt], wrong: frozenset[str]
    ) -> tuple[Site, Node, Mapping[Key, Array]] | None:
        """The first wrong value that, replaced by the true gradient of a node, makes everything right.

        In a loop, by that node's gradients in all passes.
        """
        doubtful = self.evidence.doubtful
        everything = self._suspects(wrong, lambda _: False) if doubtful else set()
        sites = [
            s
            for s in self.bench.backward.taps.sites
            if s.role == DEF
            and not isinstance(s.node, ast.Assign)
            and (s.statement in suspects or (s.number in doubtful and s.statement in everything))
        ]
        order = {key[0]: place for place, key in reversed([*enumerate(self.evidence.trace.values)])}
        for site in sorted(sites, key=lambda s: order.get(s.number, 0)):
            values = self.evidence.trace.of(site.number)
            if not values or not self.evidence.depends(site):
                continue
            for true in self._candidates(site, values):
                if not self.bench.clock.affords(0.0):
                    return None
                changed = {
                    (site.number, i): node.gradient.reshape(value.shape)
                    for i, (value, node) in enumerate(zip(values, true, strict=True))
                }
                if self.bench.repairs(self.bench.gradients(replacing_each(changed)), wrong):
                    return site, true[-1], changed
        return None

    def _candidates(self, site: Site, values: list[Array]) -> Iterator[tuple[Node, ...]]:
        """Nodes whose gradient a value may be, pass by pass; those of its name first."""
        paired = self.evidence.paired(site)
        ranked = sorted(self.evidence.nodes, key=lambda n: not any(n is p for p in paired))
        if site.number in self.evidence.doubtful:
            ranked = [n for n in ranked if any(n.name == p.name for p in paired)]
        rows: list[tuple[Node, ...]]
        if len(values) == 1:
            rows = [(node,) for node in ranked if node.site is not None]
        else:
            rows = [row for passes in in_passes(ranked) for row in (passes[::-1], passes)]
        shapes = [value.squeeze().shape for value in values]
        for row in rows:
            if [node.gradient.squeeze().shape for node in row] == shapes:
                yield row


def _is_listed(site: Site) -> bool:
    """Whether a value is one of several that a statement puts together under a name."""
    value = getattr(site.statement, "value", None)
    parts = value.elts if isinstance(value, ast.List | ast.Tuple) else []
    return isinstance(site.statement, ast.Assign) and any(site.node is part for part in parts)


def _values(statement: ast.stmt) -> list[ast.expr]:
    """What a statement computes."""
    value = getattr(statement, "value", None)
    return [value] if isinstance(value, ast.expr) else []


def _is_made_of(node: Node, use: Site | None) -> bool:
    """Whether a node is made of a use within its statement."""
    return (
        use is not None
        and node.site is not None
        and node.site.role != USE
        and node.site.statement is use.statement
        and any(part is use.node for part in ast.walk(node.site.node))
    )


def _is_idle(statement: ast.stmt) -> bool:
    """Whether nothing but `x = x` is left of a statement."""
    value = getattr(statement, "value", None)
    if not isinstance(statement, ast.Assign) or not isinstance(value, ast.Name):
        return False
    return any(isinstance(t, ast.Name) and t.id == value.id for t in statement.targets)


def _adds(statement: ast.stmt) -> bool:
    """Whether a statement adds something up."""
    if isinstance(statement, ast.AugAssign):
        return isinstance(statement.op, ast.Add | ast.Sub)
    value = getattr(statement, "value", None)
    return isinstance(value, ast.expr) and any(
        isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add | ast.Sub) for part in ast.walk(value)
    )


_MULTIPLE = ("factor", "times", "over")  # kinds of repair
_SHAPES = ("shape", "ndim", "size", "dtype")


def _selects(statement: ast.stmt) -> bool:
    """Whether a statement computes places or a mask, rather than counts, shapes or nothing at all."""
    if not isinstance(statement, ast.Assign | ast.AugAssign) or isinstance(
        statement.value, ast.Name | ast.Attribute | ast.Constant
    ):
        return False
    return any(isinstance(p, ast.Compare) for p in ast.walk(statement.value)) or any(
        _looked_up(statement.value)
    )


def _looked_up(node: ast.AST) -> Iterator[bool]:
    """Elements of arrays, other than lengths, that go into an expression."""
    if isinstance(node, ast.Attribute) and node.attr in _SHAPES:
        return
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "len":
        return
    if isinstance(node, ast.Subscript) and not any(
        isinstance(p, ast.Attribute) and p.attr in _SHAPES for p in ast.walk(node.value)
    ):
        yield not (isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant))
    for child in ast.iter_child_nodes(node):
        yield from _looked_up(child)
