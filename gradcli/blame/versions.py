"""The named values of a traced function: each assignment of a name is a node of its own.

A value that is built piece by piece (in slices, or by adding to it in a loop) is one node, the finished
array; a name that a loop gives a new value each time is one node of as many passes.
"""

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise

from gradcli.arrays import Array
from gradcli.blame.flow import makes_blank
from gradcli.blame.site import DEF, Site
from gradcli.blame.taps import Tapped
from gradcli.blame.trace import Key, Trace
from gradcli.unused import unused


@dataclass(frozen=True, eq=False)
class Version:
    """A name as one assignment leaves it."""

    name: str  # in a table or a dump: `h`, `h_2` for its second assignment, `gate.z` in a helper
    base: str  # the name as it is written
    site: Site
    keys: tuple[Key, ...]  # of the passes, in order of time
    steps: tuple[tuple[Key, ...], ...]  # by pass, the changes that lead up to its value
    values: tuple[Array, ...]

    @property
    def line(self) -> int:
        return self.site.line


def versions(tapped: Tapped, trace: Trace, taken: Collection[str] = ()) -> list[Version]:
    """The versions of all names, in order of time; `taken`: names that belong to something else."""
    order = {key: place for place, key in enumerate(trace.values)}
    found: list[Version] = []
    used = set(taken)
    for sites in _grouped(tapped):
        keys = sorted((k for s in sites for k in trace.keys(s.number)), key=order.__getitem__)
        if not keys:
            continue
        steps = _passes(keys, sites)
        keys = [changes[-1] for changes in steps]
        base = (sites[-1].name or "").removeprefix("self.")
        own = sites[-1].function == tapped.main.node_name
        name = unused(base if own else f"{sites[-1].function}.{base}", used)
        used.add(name)
        values = tuple(trace.values[k] for k in keys)
        found.append(Version(name, base, sites[-1], tuple(keys), steps, values))
    return sorted(found, key=lambda version: order[version.keys[-1]])


def is_piecewise(site: Site) -> bool:
    """Whether the tap stands behind a change of part of the value."""
    statement = site.node
    if isinstance(statement, ast.AugAssign):
        return True
    return isinstance(statement, ast.Assign) and any(
        isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store)
        for target in statement.targets
        for part in ast.walk(target)
    )


def _grouped(tapped: Tapped) -> Iterator[list[Site]]:
    """Sites that make one value together: zeros to be filled, and what fills them."""
    by_name: dict[tuple[str, str], list[Site]] = {}
    for site in tapped.taps.sites:
        if site.role == DEF and site.name is not None:
            by_name.setdefault((site.function, site.name), []).append(site)
    for sites in by_name.values():
        group: list[Site] = []
        for site in sites:
            joins = is_piecewise(site) and group and (_is_open(group[-1]) or _in_place(site))
            if group and site.statement is group[-1].statement:
                group[-1] = site  # `a, b = x, y` has a tap on each side of the assignment
                continue
            if group and not joins:
                yield group
                group = []
            group.append(site)
        yield group


def _passes(keys: list[Key], sites: list[Site]) -> tuple[tuple[Key, ...], ...]:
    """The changes of each array that is begun; a plain value is one change."""
    if not is_piecewise(sites[-1]):
        return tuple((key,) for key in keys)
    first = sites[0]
    begun = [place for place, key in enumerate(keys) if key[0] == first.number and not is_piecewise(first)]
    bounds = [0, *begun[1:], len(keys)]
    return tuple(tuple(keys[a:b]) for a, b in pairwise(bounds))


def _is_open(site: Site) -> bool:
    """Whether a value is still to be filled."""
    return is_piecewise(site) or (site.statement is not None and makes_blank(site.statement))


def _in_place(site: Site) -> bool:
    return not isinstance(site.node, ast.AugAssign) or not isinstance(site.node.target, ast.Name)
