"""A forward in which variables keep the values that they have at one point.

What `detach` and `stop_gradient` do in a framework, for code without one: the target of a semi-gradient, or a
scale that is taken for a constant. The user's forward is rewritten in memory, with taps at its assignments.
"""

import sys
from collections.abc import Mapping, Sequence

from gradcli.arrays import Array
from gradcli.blame.site import DEF
from gradcli.blame.source import NotReadable, like
from gradcli.blame.taps import tap
from gradcli.blame.trace import Recording, replacing_each
from gradcli.errors import UsageError
from gradcli.problem import Forward, Hold, Problem, Run
from gradcli.subject import copies
from gradcli.targets.near_miss import did_you_mean


def hold(problem: Problem, names: Sequence[str]) -> Hold:
    """How to make, for a point, the forward that holds these variables at their values there.

    Raises UsageError where forward cannot be rewritten, and for a name that it assigns nothing to.
    """
    source = problem.source
    if source is None or source.remake is None:
        raise UsageError(_unknown(names[0], problem, "its forward is no Python function that can be read"))
    try:
        tapped = tap(source.forward)
        made = source.remake(like(source.forward, tapped.function), source.backward)
    except NotReadable as reason:
        raise UsageError(_unknown(names[0], problem, str(reason))) from reason
    taps = tapped.taps
    assigned = {site.name for site in taps.sites if site.role == DEF and site.name is not None}
    for name in names:
        if name not in assigned:
            known = [*problem.inputs, *sorted(assigned)]
            near = did_you_mean(name, known) or f"; there are {', '.join(known)}"
            raise UsageError(_unknown(name, problem, f"forward assigns no such variable{near}"))
    held = {site.number for site in taps.sites if site.role == DEF and site.name in names}

    def at(point: Mapping[str, Array]) -> Forward:
        recording = Recording(largest=sys.maxsize, occurrences=sys.maxsize)
        taps.hook = lambda number, value: recording(number, value) if number in held else value
        try:
            made.forward(copies(dict(point)))
        finally:
            taps.hook = None
        values = recording.values

        def forward(arrays: Mapping[str, Array]) -> Run:
            taps.hook = replacing_each(values)
            try:
                return made.forward(arrays)
            finally:
                taps.hook = None

        return forward

    return at


def _unknown(name: str, problem: Problem, why: str) -> str:
    return f"stop_gradient: {problem.target} has no input {name!r}, and {why}"
