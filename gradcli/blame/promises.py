"""The lines at which promises are broken that are not about a value: found by watching what lines leave."""

import linecache
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.blame.pairing import node_of
from gradcli.blame.proportion import factor_between
from gradcli.blame.steps import RETURN, Place, Step, first_change, steps
from gradcli.cache import arrays_within
from gradcli.clock import OutOfTime
from gradcli.contract.elsewhere import elsewhere
from gradcli.contract.layout import variants
from gradcli.problem import Problem
from gradcli.result import Blame, Violation
from gradcli.subject import Subject, copies

_CODES = ("GC102", "GC103", "GC104", "GC105", "GC106", "GC107", "GC108", "GC109", "GC110", "GC111")
_CALLS = 8  # forwards and backwards that a search may take
_FACTOR = 1024.0


def located(
    subject: Subject, cotangents: tuple[Array, ...], violations: Sequence[Violation]
) -> tuple[list[Violation], str]:
    """Violations with the lines at which they come about, and why some have none.

    Cost: up to eight forwards and backwards for each that has no line yet, watched line by line.
    """
    found = list(violations)
    open_codes: dict[str, str] = {}
    for i, violation in enumerate(violations):
        if violation.code not in _CODES or violation.line is not None or violation.is_warning:
            continue
        place, why = _located(subject, cotangents, violation)
        if place is None:
            open_codes[violation.code] = why
        else:
            found[i] = replace(violation, file=place[0], line=place[1])
    whys = dict.fromkeys(open_codes.values())
    said = [f"{' and '.join(c for c, w in open_codes.items() if w == why)}: {why}" for why in whys]
    return found, f"no line is named for {'; '.join(said)}" if said else ""


def _located(
    subject: Subject, cotangents: tuple[Array, ...], violation: Violation
) -> tuple[Place | None, str]:
    """The line of one violation, or why it has none."""
    source, calls = subject.problem.source, subject.calls
    if source is None or source.file is None:
        return None, "the code is not in a file"
    try:
        subject.clock.check(_CALLS * (calls.forward_seconds + calls.backward_seconds))
        place = _Search(subject, Path(source.file).parent, cotangents).place(violation)
    except OutOfTime:
        return None, "there is no time left to look for it"
    except Exception:  # what the code raises, the check has told
        place = None
    return place, "no single line shows it"


def forgotten(subject: Subject, cotangents: tuple[Array, ...], wrong: Sequence[str]) -> Blame | None:
    """Where backward returns None for gradients that a framework then takes for zero.

    Cost: a forward and a backward, watched line by line.
    """
    source = subject.problem.source
    if source is None or source.file is None or source.late is not None:  # a tape returns nothing
        return None
    search = _Search(subject, Path(source.file).parent, cotangents)
    try:
        subject.clock.check()
        found, _ = search.backward()
    except (OutOfTime, Exception):
        return None
    place = search.returned(found)
    nothing = [s for s in found if s.value is None and (s.file, s.line) == place]
    if place is None or len(nothing) < len(wrong):
        return None
    said = f"None is returned for {' and '.join(wrong)}"
    text = linecache.getline(*place).strip()
    return Blame(wrong[0], "", *place, said, source=text, gradients=tuple(wrong))


class _Search:
    """Looks for the line of one violation."""

    def __init__(self, subject: Subject, folder: Path, cotangents: tuple[Array, ...]) -> None:
        self.subject = subject
        self.problem: Problem = subject.problem
        self.folder = folder
        self.cotangents = cotangents

    def place(self, violation: Violation) -> Place | None:
        code, of_forward = violation.code, violation.message.startswith("forward")
        if code in ("GC102", "GC108"):
            return self.returned(self.backward()[0])
        if code == "GC103":
            return self._given(violation.gradient)
        if code == "GC104":
            return self._first(_narrower(self.problem), of_forward) or self._given(violation.gradient)
        if code == "GC105":
            return self._first(lambda value: not np.all(np.isfinite(value)), of_forward)
        if code == "GC106":
            call = self.forward if of_forward else self.backward
            return _parting(call()[0], call()[0])
        if code == "GC107":
            return self._change(of_forward)
        if code == "GC109":
            # What backward calls does not have the cotangent unless it is given it.
            return self._unscaled() or self._given(violation.gradient, helpers=False)
        if code == "GC110":
            return self._laid_out(violation.message) or self._given(violation.gradient)
        return self._carried_over()

    def forward(self, inputs: Any = None) -> tuple[list[Step], Any]:
        given = copies(self.problem.inputs if inputs is None else inputs)
        return steps(lambda: self.subject.forward(given), self.folder)

    def backward(
        self, cotangents: tuple[Array, ...] | None = None, saved: Any = None
    ) -> tuple[list[Step], Any]:
        kept = self.subject.forward(copies(self.problem.inputs)).saved if saved is None else saved
        given = tuple(c.copy() for c in self.cotangents) if cotangents is None else cotangents
        return steps(lambda: self.subject.backward(given, kept), self.folder)

    def returned(self, found: Sequence[Step]) -> Place | None:
        """Where backward itself returns; where it is not known, what returns last."""
        returns = [step for step in found if step.name.startswith(RETURN)]
        own = [step for step in returns if step.code is self._code] or returns
        return _place(own[-1]) if own else None

    @property
    def _code(self) -> object:
        """That of backward itself."""
        source = self.problem.source
        return getattr(source and source.backward, "__code__", None)

    def _given(self, name: str | None, *, helpers: bool = True) -> Place | None:
        """The line at which a gradient first is what is returned; helpers: also in what backward calls."""
        found, gradients = self.backward()
        if name is None or gradients.get(name) is None:
            return self.returned(found)
        wanted = np.asarray(gradients[name])
        seen = [s for s in found if helpers or s.code is self._code]
        own = [(s, s.value) for s in seen if not s.is_argument and s.value is not None]
        alike = [s for s, value in own if _same(value, wanted)]
        # The gradient of a cost takes its cotangent only afterwards.
        alike = alike or [s for s, value in own if factor_between(value, wanted) is not None]
        source = self.problem.source
        of_forward = getattr(source and source.forward, "__code__", None)
        # `'dbc': dcandidate` is wrong where it is handed over: that is the gradient of another value.
        named = of_forward.co_varnames if of_forward is not None else ()
        nodes = list(dict.fromkeys([*self.problem.inputs, *named]))
        meant = [(step, node_of(step.name, nodes)) for step in alike]
        chosen = [step for step, of in meant if of == name] or [step for step, of in meant if of is None]
        return _place(chosen[0]) if chosen else self.returned(found)

    def _first(self, holds: Callable[[Array], bool], of_forward: bool) -> Place | None:
        """The first line that leaves something of a kind behind, in backward or, before it, in forward."""
        for run in (self.forward,) if of_forward else (self.forward, self.backward):
            for step in run()[0]:
                if not step.is_argument and step.value is not None and holds(step.value):
                    return _place(step)
        return None

    def _change(self, of_forward: bool) -> Place | None:
        """The line after which an argument or the cache is not what it was."""
        inputs = copies(self.problem.inputs)
        if of_forward:
            return first_change(
                lambda: self.subject.forward(inputs), lambda: list(inputs.values()), self.folder
            )
        saved = self.subject.forward(inputs).saved
        given = tuple(c.copy() for c in self.cotangents)
        return first_change(
            lambda: self.subject.backward(given, saved),
            lambda: [*given, *inputs.values(), *arrays_within(saved)],
            self.folder,
        )

    def _unscaled(self) -> Place | None:
        """The first line whose value neither stays nor grows with the cotangent."""
        one, _ = self.backward()
        other, _ = self.backward(tuple(c * c.dtype.type(_FACTOR) for c in self.cotangents))
        for a, b in zip(one, other, strict=False):
            if (a.file, a.line, a.name) != (b.file, b.line, b.name):
                return _place(a)
            if a.value is None or b.value is None or a.is_argument:
                continue
            if a.value.shape != b.value.shape or not any(
                np.allclose(f * a.value, b.value, rtol=1e-9, atol=0.0) for f in (1.0, _FACTOR)
            ):
                return _place(a)
        return None

    def _laid_out(self, message: str) -> Place | None:
        for what, given, plain in variants(self.cotangents):
            if what in message:
                return _parting(self.backward(plain)[0], self.backward(given)[0])
        return None

    def _carried_over(self) -> Place | None:
        """Where what one call leaves behind shows in the next: of the same point, cache, or after another."""
        there = {name: elsewhere(array) for name, array in self.problem.inputs.items()}
        first, saved = self.forward()
        back = self.backward(None, saved.saved)[0]
        again = self.backward(None, saved.saved)[0]
        place = _parting(back, again)
        if place is not None:
            return place
        self.backward(None, self.subject.forward(copies(there)).saved)
        return _parting(first, self.forward()[0]) or _parting(back, self.backward(None, saved.saved)[0])


def _parting(one: Sequence[Step], other: Sequence[Step]) -> Place | None:
    """The first line at which two runs part."""
    for a, b in zip(one, other, strict=False):
        same = a.value is b.value or (a.value is not None and b.value is not None and _same(a.value, b.value))
        if (a.file, a.line, a.name) != (b.file, b.line, b.name) or not same:
            if a.is_argument:
                continue
            return _place(b)
    return None


def _narrower(problem: Problem) -> Callable[[Array], bool]:
    widest = max(problem.inputs[name].dtype.itemsize for name in problem.differentiable)
    return lambda value: value.dtype.kind == "f" and value.dtype.itemsize < widest


def _same(one: Array, other: Array) -> bool:
    return (
        one.shape == other.shape
        and one.dtype == other.dtype
        and bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))
    )


def _place(step: Step) -> Place:
    return step.file, step.line
