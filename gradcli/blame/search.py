"""The search for the line at fault: the first wrong value in backward order whose own inputs are right."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from gradcli.arrays import Array
from gradcli.blame.bench import Bench
from gradcli.blame.by_name import likelier
from gradcli.blame.choice import Choice
from gradcli.blame.evidence import Evidence, is_alias, is_sorting_out, is_unpacking
from gradcli.blame.pairing import node_of
from gradcli.blame.passes import first_wrong
from gradcli.blame.program import Program
from gradcli.blame.proportion import factor_between
from gradcli.blame.repair import PATHS, Repair, is_sign
from gradcli.blame.repairer import Repairer
from gradcli.blame.site import DEF, WRITE, Site
from gradcli.blame.suspects import Suspects
from gradcli.blame.trace import Key, replacing_each, shifting
from gradcli.blame.truth import Node, in_passes
from gradcli.blame.versions import is_piecewise


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
        self.suspects = Suspects(bench, evidence, self.flow)
        self.choice = Choice(bench, evidence, self.flow, self.suspects)

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
            self.choice.notes.append("several gradients are wrong, and no single line explains them")
            return []
        return found

    def is_first_wrong(self, site: Site) -> bool:
        """Whether a value is not right though all is that it is computed from."""
        statement = site.statement
        if statement is None or self.evidence.is_right(statement):
            return False
        behind = self.flow.sources(statement, None, self.evidence.is_right) - {statement}
        return not self.choice.serious(behind, frozenset()) and not self.choice.unseen({statement}, behind)

    def _one(self, wrong: frozenset[str]) -> Fault | None:
        handed = self._handed_over(wrong)
        if handed:
            chosen = self.choice.by_repairs(handed)
            return None if chosen is None else self._fault(wrong, chosen, None, None, handed, 1)
        suspects = self.suspects.common(wrong, self.evidence.is_right)
        if not suspects:
            return None
        innocent = self._innocent(suspects, {})
        suspects -= innocent
        fixed = self._fixable(suspects, wrong)
        if fixed is not None and self._is_opposite(fixed[0], fixed[2]):
            fixed = None
        scaled = self.repairer.factors(suspects, wrong) if fixed is not None and self.bench.lone else []
        scaled = [r for r in scaled if self.choice.is_usual(r.factor or 0.0) and not is_sign(r.factor)]
        if not any(self._is_mean_of_pieces(r) for r in scaled):
            scaled = [r for r in scaled if not self.choice.passes_on(r.statement, wrong)] or scaled
        if scaled:
            # `err = h - y` may be meant without the 1/m of the cost: a gradient is often scaled last.
            chosen = self.choice.by_repairs(scaled)
            plain = [
                r for r in self.repairer.edited(suspects, wrong, ("operator", "function")) if r.rank == 1
            ]
            if plain and chosen not in [(r.statement, r.line) for r in plain]:
                chosen, scaled = self.choice.by_repairs(plain), plain
            return None if chosen is None else self._fault(wrong, chosen, None, None, scaled, len(suspects))
        if fixed is not None:
            site, node, true = fixed
            assert site.statement is not None
            if site.statement not in suspects:
                # It was taken for the gradient of another node: what is behind it has not been looked at.
                suspects = self.suspects.behind_parts(
                    site.statement, _values(site.statement), self.evidence.is_right
                )
                earlier = self._fixable(suspects, wrong)
                site, node, true = earlier if earlier is not None else fixed
            assert site.statement is not None
            behind = self.flow.sources(site.statement, None, self.evidence.is_right) & suspects
            behind -= {site.statement}
            suspects = behind - self._innocent(behind, true) | {site.statement}
        else:
            site, node = None, None
        early = set() if site else self._early(wrong) & suspects
        later = suspects - early if early else set()
        suspects = early or suspects
        repairs = self.repairer.search(suspects, wrong)
        if not repairs and later:
            # A value of which nothing is known counts as wrong: it need not be the first that is.
            repairs = self.repairer.search(later, wrong)
            suspects = suspects | later
        if site is None and not early and all(r.kind in PATHS for r in repairs):
            # A path may have been lost where the others still are right.
            wider = self.suspects.common(wrong, self.evidence.is_wholly_right) - innocent
            repairs += self.repairer.search(wider - suspects, wrong)
            suspects |= wider
        if not repairs:
            elsewhere = self._mistaken(suspects, wrong)
            if elsewhere:
                chosen = self.choice.by_repairs(elsewhere)
                return None if chosen is None else self._fault(wrong, chosen, None, None, elsewhere, 1)
        if self.bench.lone and any(is_sign(r.factor) for r in repairs):
            reversals = self._mistaken(suspects, wrong, ("sign",))
            if reversals:
                self.choice.note_places({r.statement for r in (*repairs, *reversals)})
                return None
        chosen = self.choice.choose(suspects, likelier(repairs, self.evidence), wrong)
        return None if chosen is None else self._fault(wrong, chosen, site, node, repairs, len(suspects))

    def _is_opposite(self, site: Site, true: Mapping[Key, Array]) -> bool:
        """Whether a cost has the derivative of what it is the negative of: the sign may be due anywhere."""
        values = self.evidence.trace.values
        return self.bench.lone and all(
            np.allclose(values[key], -due, rtol=1e-6, atol=0.0) for key, due in true.items()
        )

    def _is_mean_of_pieces(self, repair: Repair) -> bool:
        """Whether a return lacks the mean of what was put together piece by piece: it is taken at the end."""
        returned = (
            {part.id for part in ast.walk(repair.site.node) if isinstance(part, ast.Name)}
            if repair.site
            else set()
        )
        pieces = {s.name for s in self.bench.backward.taps.sites if s.role == DEF and is_piecewise(s)}
        at_end = isinstance(repair.statement, ast.Return) and bool(returned & pieces)
        return at_end and self.choice.is_of_size(repair.factor or 0.0)

    def _mistaken(
        self, suspects: set[ast.stmt], wrong: frozenset[str], kinds: tuple[str, ...] = ()
    ) -> list[Repair]:
        """Edits of what is right for something else: `y = np.sin(x)`, of forward, where cos(x) is due.

        With `kinds`, edits of these alone, of gradients as well.
        """
        behind = self.suspects.common(wrong, lambda _: False) - suspects
        if not kinds:
            behind -= {s.statement for s in self.bench.backward.taps.sites if self.evidence.depends(s)}
        own: set[ast.stmt] = {s for s in behind if isinstance(s, ast.Assign) and not is_unpacking(s)}
        return self.repairer.edited(own, wrong, kinds)

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
        return first_wrong(self.bench, self.evidence, self.flow, wrong) & self.suspects.common(
            wrong, lambda _: False
        )

    def _handed_over(self, wrong: frozenset[str]) -> list[Repair]:
        """Repairs of how values are unpacked and returned, where only their places are wrong."""
        everything = self.suspects.common(wrong, lambda _: False) | set(self.flow.returns())
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
            or ((is_unpacking(s) or is_sorting_out(s)) and id(s) in moving)
        }
        return self.repairer.reordered(places, wrong)

    def _in_order_of_names(self, statement: ast.Return, wrong: frozenset[str]) -> bool:
        """Whether what is returned for each of these gradients is called like one of it."""
        returned = [(name, self.suspects.elements(statement, name)) for name in wrong]
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
        suspects = self.suspects.common(wrong, lambda _: False)
        repairs = self.repairer.search(suspects, wrong)
        chosen = self.choice.by_repairs(repairs) if repairs else None
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
        if self.choice.calls_unseen(statement):
            self.choice.notes.append(f"line {line} calls a function whose code is not followed")
            return None
        own = tuple(r for r in sorted(repairs, key=lambda r: r.rank) if r.statement is statement)
        return Fault(wrong, statement, self.flow.written(statement).file, line, site, node, own, suspects)

    def _fixable(
        self, suspects: set[ast.stmt], wrong: frozenset[str]
    ) -> tuple[Site, Node, Mapping[Key, Array]] | None:
        """The first wrong value that, replaced by the true gradient of a node, makes everything right.

        In a loop, by that node's gradients in all passes.
        """
        doubtful = self.evidence.doubtful
        everything = self.suspects.common(wrong, lambda _: False) if doubtful else set()
        sites = [
            s
            for s in self.bench.backward.taps.sites
            if s.role == DEF
            and not isinstance(s.node, ast.Assign)
            and (s.statement in suspects or (s.number in doubtful and s.statement in everything))
        ]
        order = {key[0]: place for place, key in reversed([*enumerate(self.evidence.trace.values)])}
        ordered = sorted(sites, key=lambda s: order.get(s.number, 0))
        scaled: tuple[Site, Node, Mapping[Key, Array]] | None = None
        for place, site in enumerate(ordered):
            values = self.evidence.trace.of(site.number)
            if not values or not self.evidence.depends(site):
                continue
            for true in self._candidates(site, values):
                if not self.bench.clock.affords(0.0):
                    return None
                due = self._due(site, values, true, wrong, scaled is None)
                if due is None:
                    continue
                factor, changed = due
                node = replace(true[-1], gradient=factor * true[-1].gradient)
                last = self._last_alike(site, values, true, ordered[place + 1 :])
                found = last, node, changed
                if factor == 1.0:
                    # Where a factor is put right later on, that is no fault of what is scaled there.
                    return found if scaled is None or scaled[1].site is node.site else scaled
                scaled = found
        return scaled

    def _due(
        self, site: Site, values: list[Array], true: tuple[Node, ...], wrong: frozenset[str], scaled: bool
    ) -> tuple[float, Mapping[Key, Array]] | None:
        """What, in the place of a value, makes everything right: a node's gradients, by 1 or a usual factor.

        scaled: whether to try a factor. A cost may carry one along that is put right at its end:
        `delta2.T @ a1 / m`.
        """

        def placed(factor: float) -> dict[Key, Array]:
            return {
                (site.number, i): factor * node.gradient.reshape(value.shape)
                for i, (value, node) in enumerate(zip(values, true, strict=True))
            }

        once = self.bench.gradients(replacing_each(placed(1.0)))
        if self.bench.repairs(once, wrong):
            return 1.0, placed(1.0)
        # What fills zeros may fit by accident.
        empty = site.statement is None or self.flow.is_blank(site.statement)
        if not scaled or empty or not self.bench.lone or once is None:
            return None
        factor = self.repairer.solve(once, self.bench.gradients(replacing_each(placed(2.0))), wrong)
        if factor is None or not self.choice.is_usual(factor):
            return None
        mended = self.bench.repairs(self.bench.gradients(replacing_each(placed(factor))), wrong)
        return (factor, placed(factor)) if mended else None

    def _last_alike(self, site: Site, values: list[Array], true: tuple[Node, ...], later: list[Site]) -> Site:
        """Of assignments of the same value to a name, or to one that belongs to the node, the last.

        One of them may do nothing, and something be missing there: a term in a copy, `dxmu = dxmu2`, or a
        number in `dscores *= 1`.
        """
        is_factor = all(factor_between(n.gradient, v) is not None for v, n in zip(values, true, strict=True))
        for other in later:
            if isinstance(other.statement, ast.AugAssign):
                alike = other.name == site.name
            elif is_alias(other.statement) and not is_factor:
                alike = other.name == site.name or true[-1] in self.evidence.paired(other)
            else:
                continue
            found = self.evidence.trace.of(other.number) if alike else []
            if len(found) == len(values) and all(map(np.array_equal, found, values)):
                site = other
        return site

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

    @property
    def notes(self) -> list[str]:
        """Why no line is named."""
        return self.choice.notes


def _values(statement: ast.stmt) -> list[ast.expr]:
    """What a statement computes."""
    value = getattr(statement, "value", None)
    return [value] if isinstance(value, ast.expr) else []
