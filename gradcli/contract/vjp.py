"""Backward for other cotangents at the same point."""

from collections.abc import Iterable, Iterator
from typing import Any

from gradcli.arrays import Array
from gradcli.contract.equality import comparable
from gradcli.errors import BrokenPromise
from gradcli.subject import Subject, copies


class Vjp:
    """The gradients at the point of a problem, for any cotangents.

    `one_cache`: the cache of one forward serves any number of backwards, as tests of repeated calls have
    shown; else there is a forward for each.
    """

    def __init__(self, subject: Subject, *, one_cache: bool) -> None:
        self.subject = subject
        self.problem = subject.problem
        self._one_cache = one_cache
        self._saved: Any = None
        self._ready = False

    def __call__(self, cotangents: tuple[Array, ...], *, copy: bool = True) -> dict[str, Array]:
        """The gradients of the right shape; raises BrokenPromise. The cotangents are passed on as they are:
        they may be written to. Without a `copy`, gradients hold until the next call alone.
        Cost: one backward, and one forward unless a cache serves."""
        if not (self._one_cache and self._ready):
            self._saved = self.subject.forward(copies(self.problem.inputs)).saved
            self._ready = True
        return comparable(self.problem, self.subject.backward(cotangents, self._saved), copy=copy)

    def each(self, cotangents: Iterable[tuple[Array, ...]]) -> Iterator[dict[str, Array]]:
        """The gradients for one cotangent after the other, each until the next; raises BrokenPromise.

        In one call of code that takes many points; else each is evaluated when it is asked for."""
        if not self.subject.stacks:
            yield from (self(given, copy=False) for given in cotangents)
            return
        for found in self.subject.gradients((self.problem.inputs, given) for given in cotangents):
            if isinstance(found, BrokenPromise):
                raise found
            yield comparable(self.problem, found)
