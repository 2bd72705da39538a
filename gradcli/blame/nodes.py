"""The table of nodes: every named value of forward, and what backward computes as its gradient."""

import contextlib
import io
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from gradcli import checker
from gradcli.arrays import Array
from gradcli.blame import truth
from gradcli.blame.allowance import Allowance
from gradcli.blame.bench import Bench
from gradcli.blame.case import Case
from gradcli.blame.compared import compared
from gradcli.blame.pairing import node_of
from gradcli.blame.site import DEF, RETURN, WRITE
from gradcli.blame.source import NotReadable
from gradcli.blame.stored import stored
from gradcli.blame.study import Study, beside, stacked
from gradcli.blame.tape_nodes import study_tape
from gradcli.blame.trace import Trace
from gradcli.blame.truth import Node
from gradcli.blame.versions import Version, versions
from gradcli.clock import Clock, OutOfTime
from gradcli.result import INCONCLUSIVE, UNPAIRED, NodeRow
from gradcli.spec import Settings

_MOST_PARTS = 12  # values of backward that nobody claims, of which sums of two are tried
_PART = re.compile(r"_?(?:\d+|[a-c]|left|right|direct|part\w*|path\w*|via\w*|from\w*|through\w*)$")


def study(case: Case, settings: Settings, seconds: float) -> Study:
    """Read every node and compare its gradient; never raises, what cannot be read is a remark.

    Cost: what the numeric gradients of all nodes take, within `seconds`; nodes that were not reached are
    said to be unresolved.
    """
    rng = np.random.default_rng([settings.seed, 5])
    clock = Clock(seconds)
    silent = contextlib.redirect_stdout(io.StringIO())
    with np.errstate(all="ignore"), warnings.catch_warnings(), silent:
        warnings.simplefilter("ignore")
        parts = list(_parts(case, settings, clock))
        studies = [_study(name, part, settings, clock, rng) for name, part in parts]
    return studies[0] if len(studies) == 1 else _together(studies)


def _parts(case: Case, settings: Settings, clock: Clock) -> Iterator[tuple[str, Case]]:
    """What nodes are read of: the whole, once for each gradient that has a backward of its own; else its
    pieces, by name."""
    alone, rest = case.split()
    yield from (("", one) for one in alone)
    if alone and not rest.gradients:
        return
    source = case.problem.source
    pieces = source.pieces() if source and source.remake is None else ()
    for piece in pieces:
        budget = max(0.1, min(settings.budget, 0.25 * clock.left()))
        result = checker.run(piece, replace(settings, blame=False, nodes=False, budget=budget))
        part = Case.of(piece, result)
        if part.cotangents:
            yield piece.id, part
    if not pieces:
        yield "", rest


def _study(name: str, case: Case, settings: Settings, clock: Clock, rng: np.random.Generator) -> Study:
    seconds = max(0.1, clock.left())
    source = case.problem.source
    late = source.late() if source and source.late else None
    try:
        if late is not None and late.tape is not None:
            return study_tape(case, late.tape, settings.tol, clock, rng)
        bench = Bench(case, settings.tol, Allowance(float("inf"), 2 * seconds))
        found = _Studied(bench, settings.tol, clock, rng).result()
    except NotReadable as reason:
        return Study(remark=f"nodes cannot be read: {reason}")
    except OutOfTime:
        return Study(remark="nodes cannot be read in the time there is")
    except Exception as error:
        return Study(remark=f"nodes cannot be read ({type(error).__name__} while reading them)")
    return _named(found, name) if name else found


def _named(study: Study, piece: str) -> Study:
    """A table with the name of the piece before those of its nodes."""
    return Study(
        tuple(replace(row, name=f"{piece}.{row.name}" if row.name else "") for row in study.rows),
        {f"{piece}.{name}": array for name, array in study.values.items()},
        {f"{piece}.{name}": array for name, array in study.gradients.items()},
    )


def _together(studies: Sequence[Study]) -> Study:
    """The tables one below the other, without what a former one has in the same words."""
    rows = {
        (row.name, row.line, row.backward, row.backward_line, row.verdict): row
        for study in studies
        for row in study.rows
    }
    values = {name: array for study in studies for name, array in study.values.items()}
    gradients = {name: array for study in studies for name, array in study.gradients.items()}
    remark = next((study.remark for study in studies if study.remark), "")
    return Study(tuple(rows.values()), values, gradients, remark)


@dataclass(frozen=True, eq=False)
class _Pair:
    """What backward computes as the gradient of a node."""

    text: str
    line: int
    values: tuple[Array, ...]  # pass by pass, in forward's order
    note: str = ""


class _Studied:
    """The nodes of one problem."""

    def __init__(self, bench: Bench, tol: float, clock: Clock, rng: np.random.Generator) -> None:
        self.bench = bench
        self.tol = tol
        self.clock = clock
        self.rng = rng
        self.forward_trace = bench.forward_trace()
        self.backward_trace = bench.backward_trace()
        moved = bench.backward_trace(tuple(rng.standard_normal(c.shape) for c in bench.cotangents))
        elsewhere = bench.forward_trace({n: beside(a, rng) for n, a in bench.inputs.items()})
        named = versions(bench.forward, self.forward_trace, bench.inputs)
        self.nodes = [v for v in named if _moves(v, elsewhere)]
        self.constant = [v for v in named if not _moves(v, elsewhere)]
        found = versions(bench.backward, self.backward_trace)
        if bench.lone:
            # Nothing moves with a cotangent; of the gradient is what forward has not computed as well.
            own = bench.given.statements or set()
            ahead = [v.values for v in named]
            new = [
                v
                for v in found
                if v.site.statement not in own and not any(_same_passes(v.values, a) for a in ahead)
            ]
        else:
            new = [v for v in found if _moves(v, moved)]
        self.given = [v for v in found if v not in new]
        self.open = new

    def result(self) -> Study:
        self.names = self._names()
        truths = {node.name: self._true(node) for node in self.nodes}
        inputs = {node.name: (node,) for node in truth.inputs(self.bench)}
        pairs: dict[str, _Pair] = {}
        wanted: dict[str, tuple[Node, ...]] = {
            **inputs,
            **{n.name: t for n in self.nodes if (t := truths[n.name]) is not None},
        }
        bases = list(dict.fromkeys([*(n.base for n in self.nodes), *inputs]))
        for base in bases:
            self._by_name(base, truths, inputs, pairs, exact=True)
        for name in inputs:
            if name not in pairs and (pair := self._by_return(name)) is not None:
                pairs[name] = pair
        for way in (self._by_cotangent, self._by_value, self._by_sum):
            for name, true in wanted.items():
                if name not in pairs and (pair := way(name, true)) is not None:
                    pairs[name] = pair
        for base in bases if self.bench.wrong else ():
            # Where all gradients are right, a name that does not fit means something else.
            self._by_name(base, truths, inputs, pairs, exact=False)
        for name, true in wanted.items():
            if name not in pairs and (pair := self._by_expression(true)) is not None:
                pairs[name] = pair
        self.nodes = [n for n in self.nodes if n.name in pairs or not self._is_alias(n, truths[n.name])]
        rows = [self._input_row(name, wanted[name], pairs.get(name)) for name in inputs]
        rows += [self._row(node, truths[node.name], pairs.get(node.name)) for node in self.nodes]
        rows += [self._left_over(version) for version in self.open]
        return Study(
            tuple(rows),
            {n.name: stacked(n.values) for n in [*self.nodes, *self.constant]},
            {name: stacked(pair.values) for name, pair in pairs.items() if name not in inputs},
        )

    def _names(self) -> dict[str, str]:
        """By name in backward the node that it means: its own, and those unpacked under other names."""
        names = {n.base: n.base for n in self.nodes} | {name: name for name in self.bench.inputs}
        for version in self.given:
            same = {n.base for n in self.nodes if _same_passes(n.values, version.values)}
            if version.base not in names and len(same) == 1:
                names[version.base] = same.pop()
        return names

    def _true(self, node: Version) -> tuple[Node, ...] | None:
        """The numeric gradients of a node, pass by pass; None if one of them is not known."""
        found = []
        for key, value in zip(node.keys, node.values, strict=True):
            if not self.clock.affords(0.0):
                return None
            measured = truth.measured(self.bench, key, value, self.rng, self.clock)
            if measured is None:
                return None
            found.append(measured)
        return tuple(found)

    # --- pairs

    def _by_name(
        self,
        base: str,
        truths: Mapping[str, tuple[Node, ...] | None],
        inputs: Mapping[str, tuple[Node, ...]],
        pairs: dict[str, _Pair],
        *,
        exact: bool,
    ) -> None:
        """Pair the nodes of one name with the versions of its gradient, those that agree or all."""
        mine: list[tuple[str, tuple[Node, ...] | None, int]] = []
        if base in inputs:
            mine.append((base, inputs[base], 1))
        mine += [(n.name, truths[n.name], len(n.values)) for n in self.nodes if n.base == base]
        theirs = [v for v in self.open if self._means(v.base) == base]
        for name, true, passes in mine:
            if name in pairs:
                continue
            # What is assigned last in forward is needed first in backward.
            fitting = (
                v for v in reversed(theirs) if (self._agrees(v, true) if exact else len(v.values) == passes)
            )
            chosen = next(fitting, None)
            if chosen is not None:
                pairs[name] = self._claim([chosen], self._pair(chosen, true))
                theirs.remove(chosen)

    def _means(self, name: str) -> str | None:
        found = node_of(name, self.names)
        return None if found is None else self.names[found]

    def _pair(self, version: Version, true: tuple[Node, ...] | None, note: str = "") -> _Pair:
        return _Pair(version.name, version.line, self._ordered(version.values, true), note)

    def _ordered(self, values: tuple[Array, ...], true: tuple[Node, ...] | None) -> tuple[Array, ...]:
        """Passes in forward's order: a loop of backward mostly runs the other way."""
        found = None if true is None else self._in_order(values, true)
        return values[::-1] if found is None else found

    def _in_order(self, values: tuple[Array, ...], true: tuple[Node, ...]) -> tuple[Array, ...] | None:
        """The passes as they fit the true gradients; None if in no order.

        What one pass hands on to the next is of no use in the last one: there, its gradient is zero.
        """
        if len(values) != len(true):
            return None
        shifted = (*values[::-1][1:], np.zeros_like(values[0]))
        for order in (values, values[::-1], shifted):
            fits = [_fits(v, t, self.tol) for v, t in zip(order, true, strict=True)]
            if all(fits) and any(t.gradient.any() for t in true):
                return order
        return None

    def _agrees(self, version: Version, true: tuple[Node, ...] | None) -> bool:
        return true is not None and self._in_order(version.values, true) is not None

    def _is_alias(self, node: Version, true: tuple[Node, ...] | None) -> bool:
        """Whether a name only keeps what has another name already, out of the way of the output."""
        others: list[tuple[Array, ...]] = [(a,) for a in self.bench.inputs.values()]
        others += [v.values for v in self.nodes if v is not node]
        zero = true is not None and not any(t.gradient.any() for t in true)
        return zero and any(_all_equal(node.values, other) for other in others)

    def _by_cotangent(self, _: str, true: tuple[Node, ...]) -> _Pair | None:
        """An output: its gradient is what backward is given."""
        line = self.bench.backward.main.node.lineno
        if self.bench.lone and len(true) == 1 and true[0].matches(np.ones(()), self.tol):
            return _Pair("1", line, (np.ones_like(true[0].gradient),), "a part of the value itself")
        for name, cotangent in zip(self.bench.cotangent_names, self.bench.cotangents, strict=False):
            if len(true) == 1 and true[0].matches(cotangent, self.tol):
                return _Pair(name, line, (cotangent,), "the cotangent")
        return None

    def _by_sum(self, name: str, true: tuple[Node, ...]) -> _Pair | None:
        """The parts `dxmu1 + dxmu2` of a node; or any two values that make up its gradient."""
        base = next((n.base for n in self.nodes if n.name == name), name)
        named = [v for v in self.open if self._means(_PART.sub("", v.base)) == base and len(v.values) == 1]
        if len(named) > 1 and len({v.values[0].shape for v in named}) == 1:
            return self._summed(named, "by parts")
        few = [v for v in self.open if len(v.values) == 1][:_MOST_PARTS]
        for two in combinations(few, 2):
            if two[0].values[0].shape == two[1].values[0].shape and len(true) == 1:
                pair = self._summed(two, "by value")
                if true[0].matches(pair.values[0], self.tol):
                    return self._claim(two, pair)
        return None

    def _summed(self, parts: Sequence[Version], note: str) -> _Pair:
        total = np.sum([v.values[0] for v in parts], axis=0)
        return _Pair(" + ".join(v.name for v in parts), parts[-1].line, (np.asarray(total),), note)

    def _claim(self, parts: Iterable[Version], pair: _Pair) -> _Pair:
        for part in parts:
            self.open.remove(part)
        return pair

    def _by_value(self, _: str, true: tuple[Node, ...]) -> _Pair | None:
        for version in self.open:
            if self._agrees(version, true):
                return self._claim([version], self._pair(version, true, "by value"))
        return None

    def _by_return(self, name: str) -> _Pair | None:
        """An input: its gradient is what backward returns for it, or leaves somewhere."""
        value = self.bench.found.get(name)
        if value is None or not value.any():
            return None
        sites = self.bench.backward.taps.sites
        for version in reversed(self.open):
            if len(version.values) == 1 and np.array_equal(version.values[0], value):
                return self._claim([version], _Pair(version.name, version.line, (value,)))
        left = {id(s) for s, _ in stored(sites, self.backward_trace, value, in_object=True)}
        for site in sites:
            if site.role == RETURN or (id(site.statement) in left and site.role in (DEF, WRITE)):
                passes = self.backward_trace.of(site.number)
                if any(np.array_equal(one.ravel(), value.ravel()) for one in passes):
                    return _Pair(site.text, site.line, (value,))
        return None

    def _by_expression(self, true: tuple[Node, ...]) -> _Pair | None:
        """An expression within a statement whose value is the gradient."""
        for site in self.bench.backward.taps.sites:
            values = tuple(self.backward_trace.of(site.number))
            if values and (ordered := self._in_order(values, true)) is not None:
                return _Pair(site.text, site.line, ordered, "by value")
        return None

    # --- rows

    def _input_row(self, name: str, true: tuple[Node, ...], pair: _Pair | None) -> NodeRow:
        main = self.bench.forward.main
        return self._judged(name, main.file, main.node.lineno, true, pair)

    def _row(self, node: Version, true: tuple[Node, ...] | None, pair: _Pair | None) -> NodeRow:
        passes = f"{len(node.values)} passes" if len(node.values) > 1 else ""
        return self._judged(node.name, node.site.file, node.line, true, pair, passes)

    def _judged(
        self,
        name: str,
        file: str,
        line: int,
        true: tuple[Node, ...] | None,
        pair: _Pair | None,
        more: str = "",
    ) -> NodeRow:
        text, at = (pair.text, pair.line) if pair is not None else ("", None)
        notes = [note for note in (pair.note if pair is not None else "", more) if note]
        verdict, error = UNPAIRED, float("nan")
        if true is None:
            verdict = INCONCLUSIVE
            notes.append("its numeric gradient could not be resolved")
        elif all(not t.gradient.any() for t in true) and pair is None:
            notes.append("its gradient is zero")
        elif pair is not None:
            verdict, error = compared(pair.values, true, self.tol)
            if verdict == INCONCLUSIVE:
                notes.append("its numeric gradient could not be resolved")
        return NodeRow(name, file, line, text, at, verdict, error, ", ".join(notes))

    def _left_over(self, version: Version) -> NodeRow:
        file = version.site.file
        note = "no node of forward goes by this name or has this gradient"
        return NodeRow("", file, None, version.name, version.line, UNPAIRED, float("nan"), note)


def _moves(version: Version, moved: Trace) -> bool:
    """Whether a value is another in the other trace: it depends on what was moved."""
    there = [moved.values.get(key) for key in version.keys]
    return any(b is None or not np.array_equal(a, b) for a, b in zip(version.values, there, strict=True))


def _fits(value: Array, true: Node, tol: float) -> bool:
    if not true.gradient.any():
        return value.size == true.gradient.size and not value.any()
    return true.matches(value, tol)


def _same_passes(one: Sequence[Array], other: Sequence[Array]) -> bool:
    return _all_equal(one, other) or _all_equal(one, other[::-1])


def _all_equal(one: Sequence[Array], other: Sequence[Array]) -> bool:
    return len(one) == len(other) and all(
        a.size == b.size and np.array_equal(a.ravel(), b.ravel()) for a, b in zip(one, other, strict=True)
    )
