"""Where loops are: the first value in order of time that is wrong, pass by pass.

A line of a loop may be right in its first pass and wrong from then on: a path from pass to pass is lost. All
that was computed earlier and is known is right then, so the fault is in the first wrong value's own
statement, or in one that leads up to it and of which nothing is known.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradcli.arrays import Array
from gradcli.blame.bench import Bench
from gradcli.blame.evidence import Evidence, is_alias, is_unpacking
from gradcli.blame.flow import makes_blank
from gradcli.blame.pairing import node_of
from gradcli.blame.program import Program
from gradcli.blame.site import CARRIED, DEF, EXPRESSION
from gradcli.blame.trace import replacing_each
from gradcli.blame.truth import Node
from gradcli.blame.versions import Version, versions


@dataclass(frozen=True, eq=False)
class _Judged:
    """A value of backward beside the passes of the node that it is the gradient of."""

    version: Version
    true: tuple[Node | None, ...]  # None: nothing is known of that pass
    right: tuple[bool, ...]


def first_wrong(bench: Bench, evidence: Evidence, flow: Program, names: frozenset[str]) -> set[ast.stmt]:
    """The statements that may have made the first wrong value; none where no loop runs, or all is right."""
    if not flow.loops:
        return set()
    order = {key: place for place, key in enumerate(evidence.trace.values)}
    found = [v for v in versions(bench.backward, evidence.trace) if evidence.depends(v.site)]
    families = _families(evidence)
    judged = [j for v in found if (j := _judge(v, families, bench.tol)) is not None]
    wrong = [
        (order[j.version.keys[i]], j, i)
        for j in judged
        for i, right in enumerate(j.right)
        if not right and j.true[i] is not None
    ]
    events = ((j, i) for _, j, i in sorted(wrong, key=lambda event: event[0]))
    first, place = next(((j, i) for j, i in events if _mends(bench, j, names)), (None, 0))
    if first is None:
        return set()
    judged = [j for j in judged if j is first or _holds(j) or any(j.right)]
    own = _writers(evidence, first, place)
    sites = bench.backward.taps.sites
    known = {id(sites[key[0]].statement) for j in judged for steps in j.version.steps for key in steps}
    known -= {id(s) for s in own}
    behind = [
        flow.sources(statement, None, lambda n: id(n) in known or evidence.is_right(n)) for statement in own
    ]
    # Several pieces that are wrong at once have one cause rather than several.
    shared = set.intersection(*behind) - set(own)
    common: set[ast.stmt] = {
        s for s in shared if isinstance(s, ast.Assign | ast.AugAssign) and not is_unpacking(s)
    }
    return set(common) if len(own) > 1 and common else set.union(*behind)


def _mends(bench: Bench, judged: _Judged, names: frozenset[str]) -> bool:
    """Whether all gradients are right with the true values in place: it is that node's gradient indeed."""
    if not bench.clock.affords(0.0):
        return False
    true = {
        key: t.gradient.reshape(value.shape)
        for key, t, value in zip(judged.version.keys, judged.true, judged.version.values, strict=True)
        if t is not None and t.gradient.size == value.size
    }
    return bench.repairs(bench.gradients(replacing_each(true)), names)


def _families(evidence: Evidence) -> dict[str, list[list[Node]]]:
    """The measured passes of each value of forward, by name; those without a name by their text."""
    found: dict[str, dict[int, list[Node]]] = defaultdict(lambda: defaultdict(list))
    for node in evidence.nodes:
        if node.site is not None and node.site.role == EXPRESSION:
            found[node.site.text][node.site.number].append(node)
        elif node.site is not None and node.site.role == CARRIED:
            found[f"{node.name} of the pass before"][node.site.number].append(node)
        elif node.name and (node.site is None or node.site.role == DEF):
            found[node.name][-1 if node.site is None else node.site.number].append(node)
    return {name: list(sites.values()) for name, sites in found.items()}


def _judge(version: Version, families: dict[str, list[list[Node]]], tol: float) -> _Judged | None:
    """Beside the node with which most passes agree; where none does, beside the one of its name."""
    name = node_of(version.base, [n for n in families if n.isidentifier() or n.startswith("self.")])
    best: tuple[int, str, _Judged | None] = (0, "", None)
    for own, passes in ((own, passes) for own, several in families.items() for passes in several):
        for true in _alignments(passes, len(version.values)):
            right = _right(version.values, true, tol)
            agreeing = sum(right)
            if agreeing > best[0]:
                best = agreeing, own, _Judged(version, true, right)
    if best[2] is not None:
        # One pass in which it agrees with another node than that of its name says nothing.
        doubtful = name not in (None, best[1]) or is_alias(version.site.statement)
        return None if doubtful and not _holds(best[2]) else best[2]
    for passes in families.get(name or "", ()):
        for true in _alignments(passes, len(version.values)):
            if all(t is None or t.gradient.size == v.size for t, v in zip(true, version.values, strict=True)):
                return _Judged(version, true, _right(version.values, true, tol))
    return None


def _holds(judged: _Judged) -> bool:
    """Whether all passes are right of which anything is known."""
    return all(r or t is None for r, t in zip(judged.right, judged.true, strict=True))


def _alignments(passes: Sequence[Node], count: int) -> Iterator[tuple[Node | None, ...]]:
    """The passes of a node in backward's order: the other way round, one late, or the same way."""
    length = max((n.occurrence for n in passes), default=0) + 1
    if length != count:
        return
    by_pass = [next((n for n in passes if n.occurrence == i), None) for i in range(length)]
    yield tuple(by_pass[::-1])
    if length > 1:
        yield (*by_pass[-2::-1], None)
        yield tuple(by_pass)


def _right(values: Sequence[Array], true: Sequence[Node | None], tol: float) -> tuple[bool, ...]:
    return tuple(t is not None and _is(v, t, tol) for v, t in zip(values, true, strict=True))


def _is(value: Array, true: Node, tol: float) -> bool:
    if not true.gradient.any():
        return value.size == true.gradient.size and not value.any()
    return true.matches(value, tol)


def _writers(evidence: Evidence, judged: _Judged, place: int) -> list[ast.stmt]:
    """The statements that made the wrong elements of a value that is written piece by piece."""
    version, true = judged.version, judged.true[place]
    sites = evidence.bench.backward.taps.sites
    steps = version.steps[place]
    statements = {key: sites[key[0]].statement for key in steps}
    if len(steps) == 1 or true is None or true.gradient.size != version.values[place].size:
        return [s for s in dict.fromkeys(statements.values()) if s is not None]
    value = version.values[place]
    gap = np.abs(value - true.gradient.reshape(value.shape))
    wrong = gap > 1e-7 * np.max(np.abs(true.gradient))
    states = [np.zeros_like(value), *(evidence.trace.values[key] for key in steps)]
    found: dict[ast.stmt, None] = {}
    for key, before, after in zip(steps, states, states[1:], strict=False):
        statement = statements[key]
        if statement is None or makes_blank(statement):
            continue
        if np.any((before != after) & wrong):
            found[statement] = None
    return list(found) or [s for s in dict.fromkeys(statements.values()) if s is not None]
