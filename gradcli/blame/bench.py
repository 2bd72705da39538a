"""The code under test on the bench: run with taps, read, moved, and compared with what is right."""

import copy
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from types import FunctionType
from typing import Any

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.blame.allowance import Allowance
from gradcli.blame.case import Case
from gradcli.blame.site import DEF, USE, Site
from gradcli.blame.source import NotReadable, Written, like
from gradcli.blame.taps import Tapped, tap
from gradcli.blame.trace import Key, Recording, Trace, changing_each
from gradcli.blame.value import of_forward, of_value
from gradcli.errors import BrokenPromise
from gradcli.problem import Problem, Run
from gradcli.subject import Subject, copies
from gradcli.verdict import K


class Bench:
    """One problem, its rewritten functions and the numeric gradients that its own are held against."""

    def __init__(
        self,
        case: Case,
        tol: float,
        clock: Allowance,
    ) -> None:
        problem, cotangents = case.problem, case.cotangents
        source = problem.source
        if source is None or source.remake is None:
            why = source.why_not if source is not None else ""
            raise NotReadable(why or "the code is not a pair of Python functions")
        self.tol = tol
        self.clock = clock
        self.lone = source.lone
        self.cotangents = tuple(c.astype(np.float64) for c in cotangents)
        self.known = {n: g for n, g in case.gradients.items() if g.numeric.size and g.method}
        if self.lone and len(cotangents) == 1 and cotangents[0].size == 1:
            self._ask_for_one()
        self.forward: Tapped = tap(source.forward)
        self.backward: Tapped = tap(source.backward)
        self._source = source
        self._reseed = problem.reseed
        self.inputs = {
            n: a.astype(np.float64) if a.dtype.kind == "f" else a.copy() for n, a in problem.inputs.items()
        }
        self.declared = problem.declared
        self.factors = tuple(dict.fromkeys((1.0, *self.declared.factors.values())))
        self.original = self._remade(source.forward, source.backward)
        self.problem = self._remade(
            like(source.forward, self.forward.function), like(source.backward, self.backward.function)
        )
        self.subject = Subject(self.problem, clock)
        self._verify()
        # From here on without what stands between: a compiler does not see that a function was changed.
        self.original = self._remade(
            like(source.forward, self.forward.main.function),
            like(source.backward, self.backward.main.function),
        )
        place = source.value_at
        self.given = of_forward(self.forward) if place is None else of_value(self.backward, place)
        self.saved: Any = None
        self.reusable = False
        self.standing: Mapping[Key, Callable[[Any], Any]] = {}
        self.refresh()

    def _ask_for_one(self) -> None:
        """A gradient that takes no cotangent is held against the derivative of the value itself."""
        (cotangent,) = self.cotangents
        factor = float(cotangent.ravel()[0])
        self.cotangents = (np.ones_like(cotangent),)
        self.known = {
            name: replace(
                known,
                analytic=known.analytic / factor,
                numeric=known.numeric / factor,
                uncertainty=known.uncertainty / abs(factor),
            )
            for name, known in self.known.items()
        }

    def _remade(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> Problem:
        assert self._source.remake is not None
        made = replace(self._source.remake(forward, backward), inputs=self.inputs, reseed=self._reseed)
        return self.clock.counted(made)

    def _verify(self) -> None:
        """With nothing moved, the rewritten code must give the same bits."""
        try:
            wanted = Subject(self.original, self.clock).both(self.inputs, self.cotangents)
            found = self.subject.both(self.inputs, self.cotangents)
        except BrokenPromise as broken:
            raise NotReadable(f"with taps in it, {broken.message}") from broken
        same = len(wanted.run.outputs) == len(found.run.outputs)
        pairs: list[tuple[Any, Any]] = list(zip(wanted.run.outputs, found.run.outputs, strict=False))
        pairs += [(wanted.gradients[n], found.gradients.get(n)) for n in wanted.gradients]
        if not same or not all(_same_bits(a, b) for a, b in pairs):
            raise NotReadable("the code gives other numbers with taps in it")
        if not all(_alike(known.analytic, wanted.gradients.get(name)) for name, known in self.known.items()):
            raise NotReadable("called by itself, the code gives other numbers than in the check")
        self.outputs = found.run.outputs
        self.found = _floats(found.gradients)

    def changed(self, changes: Mapping[Key, Callable[[Any], Any]]) -> "Bench":
        """The same code with certain values of backward changed in every run at the point."""
        made = copy.copy(self)
        made.standing = changes
        found = made.gradients()
        made.found = self.found if found is None else found
        return made

    # --- runs

    def refresh(self) -> None:
        """Run forward at the point once more: a backward that reads state finds what it expects."""
        self.saved = self.forward_run().saved
        first, second = self.gradients(), self.gradients()
        self.reusable = (
            first is not None
            and second is not None
            and all(
                _same_bits(first[n], second.get(n)) and _same_bits(first[n], self.found.get(n)) for n in first
            )
        )

    def forward_run(self, inputs: Mapping[str, Array] | None = None) -> Run:
        return self.subject.forward(copies(self.inputs if inputs is None else inputs))

    def forward_trace(self, inputs: Mapping[str, Array] | None = None) -> Trace:
        recording = Recording()
        self.forward.taps.hook = recording
        try:
            self.forward_run(inputs)
        finally:
            self.forward.taps.hook = None
        return self._of_forward(recording.trace)

    def _of_forward(self, trace: Trace) -> Trace:
        """Without what the function computes for the gradient, where it returns that as well."""
        given = self.given.statements
        if given is None:
            return trace
        sites = self.forward.taps.sites
        own = {s.number for s in sites if s.statement in given}
        values = {key: value for key, value in trace.values.items() if key[0] in own}
        return Trace(values, {number: count for number, count in trace.counts.items() if number in own})

    def backward_trace(self, cotangents: tuple[Array, ...] | None = None) -> Trace:
        recording = Recording()
        self.gradients(recording, cotangents)
        return recording.trace

    def gradients(
        self, hook: Callable[[int, Any], Any] | None = None, cotangents: tuple[Array, ...] | None = None
    ) -> dict[str, FloatArray] | None:
        """What the tapped backward returns, a hook in place; None where it raises."""
        saved = self.saved if self.reusable else self.forward_run().saved
        given = tuple(c.copy() for c in (cotangents or self.cotangents))
        self.backward.taps.hook = self._with_standing(hook) if cotangents is None else hook
        try:
            return _floats(self.subject.backward(given, saved))
        except (BrokenPromise, ValueError, TypeError):
            return None
        finally:
            self.backward.taps.hook = None

    def _with_standing(self, hook: Callable[[int, Any], Any] | None) -> Callable[[int, Any], Any] | None:
        if not self.standing:
            return hook
        change = changing_each(self.standing)
        return change if hook is None else lambda number, value: hook(number, change(number, value))

    @contextmanager
    def other(self, written: Written, made: FunctionType) -> Iterator["Attempt | None"]:
        """The problem with other code in a function, which has its own again afterwards."""
        function = written.function
        own = function.__code__
        if self.standing:
            yield None  # another code has other taps
        elif made.__code__.co_freevars == own.co_freevars:
            function.__code__ = made.__code__
            try:
                yield Attempt(self, self.original)
            finally:
                function.__code__ = own
        elif written is self.backward.main:
            yield Attempt(self, self._remade(self._source.forward, like(self._source.backward, made)))
        else:
            yield None

    # --- comparisons

    def fits(self, gradients: Mapping[str, Array] | None, name: str) -> bool:
        """Whether a gradient agrees with the numeric one wherever that is known."""
        known = self.known.get(name)
        if known is None:
            return True
        if gradients is None or name not in gradients:
            return False
        value = gradients[name]
        if value.shape != known.numeric.shape:
            return False
        there = np.isfinite(known.numeric)
        if not there.any():
            return True
        numeric = known.numeric[there]
        given = value[there]
        size = np.maximum(np.abs(numeric), np.abs(given))
        slack = 1e-10 * float(np.max(np.abs(numeric), initial=0.0))
        allowed = self.tol * size + K * np.nan_to_num(known.uncertainty[there]) + slack
        with np.errstate(invalid="ignore"):
            # isfinite, because inf <= tol * inf holds
            return bool(np.all(np.isfinite(given) & (np.abs(given - numeric) <= allowed)))

    def repairs(self, gradients: Mapping[str, Array] | None, wrong: frozenset[str]) -> bool:
        """Whether these gradients are right where they were wrong, and still right elsewhere."""
        if gradients is None or any(not self.fits(gradients, n) for n in wrong):
            return False
        return all(self.fits(gradients, n) for n in self.known if self.fits(self.found, n))

    @cached_property
    def cotangent_names(self) -> list[str]:
        """What backward calls its cotangents, if it takes them one by one."""
        if self.lone:
            return []
        node = self.backward.main.node.args
        names = [a.arg for a in [*node.posonlyargs, *node.args] if a.arg not in ("self", "ctx")]
        defined = [s.name for s in self.backward.taps.sites if s.role == DEF and s.name]
        for known in (names, defined):  # backward may take them as a tuple, and unpack that
            used = self._used_as(known)
            if used is not None:
                return used
        return names[:1] if len(self.cotangents) == 1 else []

    def _used_as(self, names: Collection[str]) -> list[str] | None:
        """The variables that have the cotangents' values; None if they are not used as they are."""
        trace = self.backward_trace()
        values = {
            site.name: value
            for site in self.backward.taps.sites
            if site.role in (USE, DEF) and site.name in names
            for value in trace.of(site.number)[:1]
        }
        found = [
            next((name for name, value in values.items() if name and _same_bits(value, cotangent)), None)
            for cotangent in self.cotangents
        ]
        return None if None in found else [name for name in found if name is not None]

    @property
    def wrong(self) -> bool:
        """Whether some gradient is wrong."""
        return any(not self.fits(self.found, name) for name in self.known)

    def site(self, number: int) -> Site:
        return self.backward.taps.sites[number]


@dataclass(eq=False)
class Attempt:
    """The problem with another backward: with other code, or with what a hook does to its values."""

    bench: Bench
    problem: Problem
    hook: Callable[[int, Any], Any] | None = None

    def gradients(self) -> dict[str, FloatArray] | None:
        bench = self.bench
        try:
            saved = bench.forward_run().saved  # a fresh one: what was changed may write into it
            with np.errstate(all="ignore"):
                return _floats(self.problem.backward(tuple(c.copy() for c in bench.cotangents), saved))
        except Exception:
            return None

    def holds_elsewhere(self, names: frozenset[str], rng: np.random.Generator) -> bool:
        """Whether the derivative along a random direction agrees at another point, for another cotangent."""
        bench = self.bench
        point, moves = {}, {}
        for name, array in bench.inputs.items():
            if array.dtype.kind != "f":
                point[name] = array
                continue
            point[name] = array * (1 + 0.03 * rng.uniform(-1, 1, array.shape))
            if name in names:
                reach = np.minimum(np.abs(array), np.std(array) or 1.0) if array.size > 1 else np.abs(array)
                moves[name] = np.asarray(reach * rng.choice([-1.0, 1.0], array.shape))
        weights = tuple(rng.standard_normal(c.shape) for c in bench.cotangents)
        try:
            with np.errstate(all="ignore"):
                run = self.problem.forward(copies(point))
                found = self._backward(tuple(w.copy() for w in weights), run.saved)
                parts = [found[n] * moves[n] / bench.declared.factor(n) for n in names]
                claimed = sum(float(np.sum(part)) for part in parts)
                size = sum(float(np.sum(np.abs(part))) for part in parts)
                slopes = [self._slope(point, moves, weights, step) for step in (2.0**-14, 2.0**-15)]
        except Exception:
            return False
        measured = (4 * slopes[1] - slopes[0]) / 3
        doubt = 4 * abs(slopes[1] - measured) + 1e-6 * size
        return bool(abs(claimed - measured) <= doubt)

    def _backward(self, cotangents: tuple[Array, ...], saved: Any) -> dict[str, FloatArray]:
        self.bench.backward.taps.hook = self.hook
        try:
            return _floats(self.problem.backward(cotangents, saved))
        finally:
            self.bench.backward.taps.hook = None

    def _slope(
        self,
        point: Mapping[str, Array],
        moves: Mapping[str, Array],
        weights: tuple[Array, ...],
        step: float,
    ) -> float:
        sides = []
        for sign in (1.0, -1.0):
            there = {n: a + sign * step * moves[n] if n in moves else a.copy() for n, a in point.items()}
            sides.append(tuple(np.array(out) for out in self.problem.forward(there).outputs))
        differences = zip(weights, *sides, strict=True)
        return sum(float(np.sum(w * (plus - minus))) for w, plus, minus in differences) / (2 * step)


def _floats(gradients: Mapping[str, Any]) -> dict[str, FloatArray]:
    return {
        name: np.array(value, dtype=np.float64)
        for name, value in gradients.items()
        if value is not None and np.asarray(value).dtype.kind in "fiub"
    }


def _alike(first: Array, second: Any) -> bool:
    """Whether these are the same numbers, in whatever precision."""
    other = np.asarray(second)
    if first.shape != other.shape or other.dtype.kind not in "fiub":
        return first.shape != other.shape  # judged by its shape
    slack = 1e-3 * float(np.max(np.abs(first), initial=0.0, where=np.isfinite(first)))
    with np.errstate(invalid="ignore"):
        return bool(np.all((np.abs(first - other) <= slack) | ~np.isfinite(first)))


def _same_bits(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    first, second = np.asarray(a), np.asarray(b)
    return first.shape == second.shape and bool(
        np.array_equal(first, second, equal_nan=first.dtype.kind in "fc")
    )
