"""The ways to make an object of a class for an input: what its axes may mean, what else it may be given."""

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from gradcli.errors import UsageError
from gradcli.targets.built import built
from gradcli.targets.constructor import Shape, construct
from gradcli.targets.passed_in import activations_for


class Maker:
    """Makes objects of a class with the arguments that were given; sizes that nobody gives follow from the
    shape of the input.

    Attributes: `refused`, what the first constructor raised that did not run; `possible`, the readings of the
    shape with which it did; `first`, the object of the first of them. They are known once `plain` has ended.
    """

    def __init__(self, where: str, cls: type, arguments: Mapping[str, Any], seen: Shape | None) -> None:
        self._where = where
        self._cls = cls
        self._arguments = arguments
        self._seen = seen
        self.refused: UsageError | None = None
        self.possible: list[Shape | None] = []
        self.first: Any = None

    def plain(self) -> Iterator[Any]:
        """An object for each reading of the shape."""
        self.possible = []
        for shape in _readings(self._seen):
            try:
                made = self._construct(shape)
            except UsageError as error:
                self.refused = self.refused or error
                continue
            self.first = made if not self.possible else self.first
            self.possible.append(shape)
            yield made

    def with_more(self) -> Iterator[tuple[Any, str]]:
        """Objects that were given an activation of the file, with what to say of that; then those to which
        another method gave their parameters."""
        for passed, told in activations_for(self._cls):
            for shape in self.possible if passed.keys().isdisjoint(self._arguments) else ():
                try:
                    made = self._construct(shape, passed)
                except UsageError:
                    continue
                yield made, told
        for shape in self.possible:
            for made in built(self._cls, partial(self._construct, shape), shape):
                yield made, ""

    def _construct(self, shape: Shape | None, more: Mapping[str, Any] | None = None) -> Any:
        own = {n: v.copy() if isinstance(v, np.ndarray) else v for n, v in self._arguments.items()}
        return construct(self._where, self._cls, {**own, **(more or {})}, shape)


def _readings(shape: Shape | None) -> list[Shape | None]:
    """What the axes of an input can mean: rows and features, the other way round, features of an image or of
    each step of a sequence; a single one without an axis for many."""
    if shape is None or len(shape) < 2:
        return [shape]
    if len(shape) == 2:
        return [shape, shape[::-1], (1, *shape)]
    return [shape, (shape[0], shape[-1]), (shape[0], math.prod(shape[1:])), (1, *shape)]
