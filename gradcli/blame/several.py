"""Several slips at once: what is wrong by its name is put right, and what is wrong behind it looked for.

Values are put right in the order of time, as long as there is one whose sources are right. Then each slip is
searched for by itself, the last one first, with all the others mended. They are named only if each of these
searches ends at the statement in question.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.blame.bench import Bench
from gradcli.blame.evidence import Evidence
from gradcli.blame.repair import PATHS, as_changes
from gradcli.blame.search import Fault, Search
from gradcli.blame.site import DEF, Site
from gradcli.blame.trace import Key, Trace, instead
from gradcli.blame.truth import Node

_MOST = 4  # values that are put right

Changes = dict[Key, Callable[[Any], Any]]


@dataclass(frozen=True, eq=False)
class Slip:
    """A fault among others, and what was known where only it was left."""

    fault: Fault
    search: Search


@dataclass(frozen=True, eq=False)
class _Pin:
    """A value that is wrong by its name and computed from right ones, and what is due there."""

    site: Site
    node: Node
    value: Array

    @property
    def key(self) -> Key:
        return self.site.number, 0

    def put_right(self) -> Changes:
        return {self.key: partial(instead, self.node.gradient.reshape(self.value.shape))}


class Several:
    """Looks for slips that explain the wrong gradients only together."""

    def __init__(self, bench: Bench, nodes: list[Node], forward: Trace, rng: np.random.Generator) -> None:
        self.bench = bench
        self.nodes = nodes
        self.forward = forward
        self.rng = rng
        self.pins: list[_Pin] = []
        while len(self.pins) < _MOST and (pin := self._next()) is not None:
            self.pins.append(pin)

    def run(self) -> list[Slip]:
        """The slips in the order of time; none if that is not certain. Cost: a search for each."""
        mended: Changes = {}
        found: list[Slip] = []
        if self._bench(len(self.pins), mended).wrong:
            last = self._alone(len(self.pins), mended)
            if last is None or not last.fault.repairs:
                return []
            found.append(last)
            mended.update(self._mending(last))
        for place in reversed(range(len(self.pins))):
            slip = self._alone(place, mended)
            if slip is None or slip.fault.statement is not self.pins[place].site.statement:
                return []
            found.insert(0, slip)
            mended.update(self._mending(slip) or self.pins[place].put_right())
        return found if len(found) > 1 else []

    def _bench(self, earlier: int, mended: Changes) -> Bench:
        """With the first values put right, and what comes later mended."""
        right = {key: change for pin in self.pins[:earlier] for key, change in pin.put_right().items()}
        return self.bench.changed({**right, **mended})

    def _alone(self, earlier: int, mended: Changes) -> Slip | None:
        """The one slip that is left."""
        bench = self._bench(earlier, mended)
        search = Search(bench, self._evidence(bench, earlier), self.rng)
        faults = search.run(frozenset(n for n in bench.known if not bench.fits(bench.found, n)))
        return Slip(faults[0], search) if len(faults) == 1 else None

    def _mending(self, slip: Slip) -> Changes:
        """A repair as a change of values, if it is one.

        A factor is right whatever else is mended; a term was measured with the other slips in it. The whole
        of a value is changed rather than a part, which may then look right where another slip is in it.
        """
        repairs = sorted(slip.fault.repairs, key=lambda r: (r.kind in PATHS, -len(r.before)))
        changes = (as_changes(repair, slip.search.evidence.trace) for repair in repairs)
        return next(filter(None, changes), {})

    def _evidence(self, bench: Bench, earlier: int) -> Evidence:
        """With the first values taken for right; what comes later may be wrong for another slip."""
        evidence = Evidence(bench, self.nodes, self.forward, self.rng)
        for pin in self.pins[:earlier]:
            evidence.right |= {id(pin.site.node), id(pin.site.statement)}
        return evidence

    def _next(self) -> _Pin | None:
        """The first value that is wrong, with the others put right."""
        bench = self._bench(len(self.pins), {})
        evidence = self._evidence(bench, len(self.pins))
        search = Search(bench, evidence, self.rng)
        pinned = {pin.site.number for pin in self.pins}
        order = {key[0]: place for place, key in reversed([*enumerate(evidence.trace.values)])}
        for site in sorted(self._named(bench), key=lambda s: order.get(s.number, 0)):
            values = evidence.trace.of(site.number)
            due = [n for n in evidence.paired(site) if values and n.gradient.size == values[0].size]
            if (
                site.number not in pinned
                and len(values) == 1
                and len(due) == 1
                and evidence.depends(site)
                and not evidence.confirmed(site)
                and search.is_first_wrong(site)
            ):
                return _Pin(site, due[0], values[0])
        return None

    def _named(self, bench: Bench) -> Iterator[Site]:
        """Values that get their name once and as a whole."""
        sites = [s for s in bench.backward.taps.sites if s.role == DEF and s.name is not None]
        for site in sites:
            if sum(s.name == site.name for s in sites) == 1 and site.node is not site.statement:
                yield site
