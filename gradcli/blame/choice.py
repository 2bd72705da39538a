"""Which of several statements is at fault, given the repairs that were found; none where none stands out."""

import ast
from collections.abc import Iterable, Mapping

import numpy as np

from gradcli.blame.bench import Bench
from gradcli.blame.evidence import Evidence, is_unpacking
from gradcli.blame.forms import adds, computes, is_idle, is_plain, reshaped, selects, takes_a_part
from gradcli.blame.freedom import freedom
from gradcli.blame.program import Program
from gradcli.blame.repair import PATHS, Repair, is_sign, is_small
from gradcli.blame.site import DEF, RETURN, USE, WRITE, Site
from gradcli.blame.stored import into_an_object, parts_of
from gradcli.blame.suspects import Suspects
from gradcli.blame.trace import shifting
from gradcli.blame.truth import Node

_MULTIPLE = ("factor", "times", "over")  # kinds of repair
_GROWN = ("times", "over", "factor missing")
_FEW = 6  # lines that are listed where none can be named


class Choice:
    """Chooses among suspects; `notes` say why none was chosen."""

    def __init__(self, bench: Bench, evidence: Evidence, flow: Program, suspects: Suspects) -> None:
        self.bench = bench
        self.evidence = evidence
        self.flow = flow
        self.suspects = suspects
        self.notes: list[str] = []

    def choose(
        self, suspects: set[ast.stmt], repairs: list[Repair], wrong: frozenset[str]
    ) -> tuple[ast.stmt, int] | None:
        """The statement at fault, or None where it could be one of several."""
        paths = [r for r in repairs if r.kind in PATHS]
        own = [
            r for r in repairs if not self.passes_on(r.statement, wrong) or r.kind in ("order", "variable")
        ]
        # `return dx, dq` is at fault itself only where what it passes on lacks a factor: dq * q.
        # So it is where a term was lost that is at hand by its name: the cotangent of a residual.
        repairs = own or [r for r in repairs if r.kind in (*_GROWN, "plus", "term missing")]
        changes = [r for r in repairs if r.kind not in PATHS]
        if changes:
            return self.by_repairs(changes)
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
        if lacking is not None and not (adds(lacking) or is_idle(lacking) or self._is_zero(lacking)):
            # A term was lost from a sum rather than from what is made of it: `d / spread`.
            sums = [s for s in self.serious(suspects - {lacking}, wrong) if adds(s)]
            lacking = lacking if not sums else sums[0] if len(sums) == 1 else None
        if lacking is not None:
            return lacking, self._line(lacking, wrong)
        serious = self.serious(suspects, wrong)
        if not serious:
            returns: set[ast.stmt] = {s for s in suspects if isinstance(s, ast.Return)}
            serious = self._made(returns, suspects, wrong) or returns
        if len(serious) > 1 and self.bench.clock.affords(0.0):
            # All that can be wrong with a plain use of a local derivative was tried.
            local = {s for s in serious if not is_plain(s) or self.unseen({s}, suspects - serious)}
            serious = local if local and not any(self._moves(s) for s in local) else serious
        serious = self._able(serious, wrong)
        if len(serious) == 1 and not self.unseen(serious, suspects):
            (statement,) = serious
            if self._is_wrong_apart(statement, wrong):
                self.notes.append(
                    f"what the wrong parts of line {statement.lineno} have in common is not seen"
                )
                return None
            return statement, self._line(statement, wrong)
        self.notes.append(_open(serious))
        return None

    def _made(self, returns: set[ast.stmt], suspects: set[ast.stmt], wrong: frozenset[str]) -> set[ast.stmt]:
        """Where the names that returns only pass on were given what is no array of floats: a mask."""
        if not all(self.passes_on(s, wrong) for s in returns):
            return set()
        names = {part.id for s in returns for part in ast.walk(s) if isinstance(part, ast.Name)}
        return {
            s
            for s in suspects
            if isinstance(s, ast.Assign) and not self.flow.is_blank(s)
            if any(isinstance(target, ast.Name) and target.id in names for target in s.targets)
        }

    def calls_unseen(self, statement: ast.stmt) -> bool:
        """Whether a gradient goes through code that is not seen: the fault may be in there."""
        moving = {id(s.node) for s in self.bench.backward.taps.sites if self.evidence.depends(s)}
        return any(
            id(part) in moving
            for call in self.flow.unseen_calls(statement)
            for argument in call.args
            for part in ast.walk(argument)
        )

    def unseen(self, chosen: set[ast.stmt], suspects: set[ast.stmt]) -> bool:
        """Whether a statement works with something computed by another suspect of which no value is seen.

        Such as places and counts, and what a loop goes through; plain lengths of axes are not looked at.
        """
        sites = (s for s in self.bench.backward.taps.sites if s.role in (DEF, WRITE))
        seen = {id(s.statement) for s in sites if self.evidence.trace.of(s.number)}
        hidden: set[ast.stmt] = {
            s
            for s in suspects - chosen
            if (isinstance(s, ast.Assign) and id(s) not in seen and computes(s))
            or (isinstance(s, ast.For) and takes_a_part(s.iter))
            if not self.flow.is_blank(s)
        }

        def cut(node: ast.AST) -> bool:
            return isinstance(node, ast.stmt) and node not in hidden

        return any(hidden & self.flow.sources(s, None, cut) for s in chosen)

    def _is_wrong_apart(self, statement: ast.stmt, wrong: frozenset[str]) -> bool:
        """Whether a line would have to be wrong in several parts, of which each makes one gradient."""
        if len(wrong) < 2 or not isinstance(getattr(statement, "value", None), ast.Tuple):
            return False
        sites = self.bench.backward.taps.sites
        parts = [s for s in sites if s.statement is statement and s.role == DEF and s.node is not statement]
        reached = []
        for site in parts:
            keys = self.evidence.trace.keys(site.number)
            moved = self.bench.gradients(
                shifting({}, {k: np.ones(self.evidence.trace.values[k].shape) for k in keys})
            )
            reached.append({n for n in wrong if moved and not np.array_equal(moved[n], self.bench.found[n])})
        return len(parts) > 1 and not any(names == wrong for names in reached)

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

        It is the first one after the gradient is known of the value to which the path leads: what was
        computed last and is not used may be that.
        """
        order = {key[0]: place for place, key in reversed([*enumerate(self.evidence.trace.values)])}
        places = {r.statement: order[r.site.number] for r in paths if r.site and r.site.number in order}
        known = min((self._known_at(r.use, order) for r in paths), default=0)
        unread = max((order[s.number] for s in self._unread() if s.number in order), default=0)
        is_after_unread = unread >= known and any(place >= unread for place in places.values())
        known = unread if is_after_unread else known
        after = [s for s in sorted(places, key=lambda s: places[s]) if places[s] >= known]
        dead = [s for s in after if s is not None and self._is_zero(s)]
        if len(dead) == 1:
            return dead[0]
        idle = [s for s in after if s is not None and is_idle(s)]
        if len(idle) == 1:
            return idle[0]
        sums = [s for s in after if s is not None and adds(s)]
        if sums:
            return sums[0]
        return after[0] if len(after) == 1 or (after and is_after_unread) else None

    def _unread(self) -> list[Site]:
        """Where a variable gets a value that depends on the cotangent and that nothing uses."""
        trees = [written.node for written in self.bench.backward.taps.functions]
        read = {
            part.id
            for tree in trees
            for part in ast.walk(tree)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
        }
        sites = (s for s in self.bench.backward.taps.sites if s.role == DEF and s.name is not None)
        return [
            s for s in sites if "." not in (s.name or "") and s.name not in read and self.evidence.depends(s)
        ]

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

    def by_repairs(self, repairs: list[Repair]) -> tuple[ast.stmt, int] | None:
        best = min(r.rank for r in repairs)
        top = [r for r in repairs if r.rank == best]
        statements = self._up_to_a_conflict(list(dict.fromkeys(r.statement for r in top)))
        top = [r for r in top if r.statement in statements]
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
        if len(statements) > 1 and all(r.kind in _GROWN for r in top):
            # A local derivative is spelled wrongly rather than multiplied wrongly.
            spelled = [s for s in statements if s is not None and not is_plain(s)]
            statements = list(spelled) if len(spelled) == 1 else statements
            top = [r for r in top if r.statement in statements]
        factor = top[0].factor or 0.0
        scaled = all(r.kind == "factor" for r in top) and not is_sign(factor)
        if len(statements) > 1 and self.bench.lone and scaled:
            # A 2 comes from the first derivative that is taken, a mean is put to a gradient last.
            pick = min if is_small(factor) and not self.is_of_size(factor) else max
            chosen = pick(statements, key=lambda s: s.lineno if s is not None else 0)
            top, statements = [r for r in top if r.statement is chosen], [chosen]
        if len(statements) == 1 and statements[0] is not None:
            lines = {r.line for r in top}
            return statements[0], min(lines) if len(lines) == 1 else statements[0].lineno
        self.note_places(statements)
        return None

    def note_places(self, statements: Iterable[ast.stmt | None]) -> None:
        """Say that a repair is possible in more than one place."""
        self.notes.append(f"any of several places could be repaired{_lines(statements)}")

    def _up_to_a_conflict(self, statements: list[ast.stmt | None]) -> list[ast.stmt | None]:
        """Of places for the same repair, those by which every value is what its name says."""
        if len(statements) < 2:
            return statements
        odd = {s.statement for s in self.bench.backward.taps.sites if self.evidence.in_conflict(s)}
        first = min(
            (s for s in statements if s is not None and s in odd), key=lambda s: s.lineno, default=None
        )
        if first is None:
            return statements
        behind = self.flow.sources(first, None, lambda _: False)
        return [s for s in statements if s in behind]

    def _last_right(self, statements: list[ast.stmt | None]) -> list[ast.stmt | None]:
        """Of statements of which each uses the one before and all are right, the last: a factor is due after.

        All of them where that does not hold.
        """
        known = [s for s in statements if s is not None and self.evidence.is_right(s)]
        last = [
            s for s in known if all(t is s or t in self.flow.sources(s, None, lambda _: False) for t in known)
        ]
        return [last[0]] if len(known) == len(statements) and len(last) == 1 else statements

    def is_usual(self, factor: float) -> bool:
        """Whether a cost and its gradient often differ by such a factor: a sign, a 2, a mean for a sum."""
        if not factor or not np.isfinite(factor):
            return False
        return is_small(factor) or self.is_of_size(factor) or self.is_of_size(1 / factor)

    def is_of_size(self, factor: float) -> bool:
        """Whether a factor is one over the length of an axis."""
        return any(abs(abs(factor) * n - 1) < 1e-7 for n in self._lengths())

    def _lengths(self) -> set[int]:
        """Of the inputs' axes, those longer than one."""
        return {n for array in self.bench.inputs.values() for n in array.shape if n > 1}

    def _line(self, statement: ast.stmt, wrong: frozenset[str]) -> int:
        """Where a statement is wrong: of a return over several lines, that of the gradient."""
        if isinstance(statement, ast.Return):
            lines = {part.lineno for name in wrong for part in self.suspects.elements(statement, name) or ()}
            if len(lines) == 1:
                return lines.pop()
        return statement.lineno

    def _moves(self, statement: ast.stmt) -> bool:
        """Whether a statement computes with the cotangent."""
        sites = self.bench.backward.taps.sites
        return any(s.statement is statement and self.evidence.depends(s) for s in sites)

    def serious(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> set[ast.stmt]:
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
            if (id(s) in traced or selects(s))
            and not isinstance(s, ast.For | ast.While | ast.If | ast.With)
            and not self.flow.is_blank(s)
            and not is_unpacking(s)
            and not self.passes_on(s, wrong)
        }

    def passes_on(self, statement: ast.stmt | None, wrong: frozenset[str]) -> bool:
        """Whether a statement only passes on names for these gradients: they were computed elsewhere."""
        if isinstance(statement, ast.Assign) and into_an_object(statement):
            return isinstance(statement.value, ast.Name)
        if not isinstance(statement, ast.Return) or statement.value is None:
            return False
        everything = parts_of(statement.value)
        parts = [part for name in wrong for part in self.suspects.elements(statement, name) or everything]
        named = all(isinstance(reshaped(part), ast.Name | ast.Constant) for part in parts)
        return named and not any(self._serves(statement, part) for part in parts)

    def _serves(self, statement: ast.Return, part: ast.expr) -> bool:
        """Whether another gradient, a right one, is returned as this name or made of it on the spot."""
        own = getattr(reshaped(part), "id", None)
        return any(
            isinstance(leaf, ast.Name) and leaf.id == own
            for name in self.bench.known
            if self.bench.fits(self.bench.found, name)
            for other in self.suspects.elements(statement, name) or ()
            for leaf in ast.walk(other)
        )


def _open(statements: set[ast.stmt]) -> str:
    """What is left of a question to which there is no one answer."""
    if not statements:
        return "no statement explains it alone"
    if len(statements) == 1:
        return f"what line {next(iter(statements)).lineno} works with is not seen"
    return f"{len(statements)} statements could be at fault{_lines(statements)}"


def _lines(statements: Iterable[ast.stmt | None]) -> str:
    """Where statements stand, if they are few enough to be looked through."""
    lines = sorted({s.lineno for s in statements if s is not None})
    return f", on lines {', '.join(map(str, lines))}" if 1 < len(lines) <= _FEW else ""


def _is_listed(site: Site) -> bool:
    """Whether a value is one of several that a statement puts together under a name."""
    value = getattr(site.statement, "value", None)
    parts = value.elts if isinstance(value, ast.List | ast.Tuple) else []
    return isinstance(site.statement, ast.Assign) and any(site.node is part for part in parts)


def _is_made_of(node: Node, use: Site | None) -> bool:
    """Whether a node is made of a use within its statement."""
    return (
        use is not None
        and node.site is not None
        and node.site.role != USE
        and node.site.statement is use.statement
        and any(part is use.node for part in ast.walk(node.site.node))
    )
