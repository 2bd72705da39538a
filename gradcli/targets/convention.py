"""What every calling convention has in common: something in a user's file that can become a Problem.

A convention is a module of this package with `find(loaded) -> list[Checkable]`; `conventions.py` lists them.
Nothing else in the program knows how the user's functions are called.
"""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from gradcli.arrays import Array
from gradcli.problem import Problem
from gradcli.targets.decorated import closed_over
from gradcli.targets.forward_call import (
    argument_names,
    bind_forward,
    is_open_ended,
    required_arguments,
)
from gradcli.targets.label import Label
from gradcli.targets.lengths_written import lengths_written

Advise = Callable[[list[str]], str]  # what to add to a check for arguments that got nothing

T = TypeVar("T", bound="ByName")


class Checkable(Protocol):
    """One thing of a file that can be checked: a pair of functions, a class, a cost function, …"""

    @property
    def name(self) -> str:
        """What stands after the colon of its target."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The file's names that it is made of; no convention further down the list sees them."""

    @property
    def shown(self) -> str:
        """It and its arguments for messages: `batchnorm_forward(x, gamma, beta, eps)`."""

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """The user's functions whose signature, annotations and docstring describe the arguments."""

    @property
    def lengths(self) -> Sequence[int]:
        """The lengths of dimensions that it is made for, where it has any: a network of 784 inputs."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names that inputs and constants can have, in order."""

    @property
    def wraps(self) -> bool:
        """Whether arrays reach the functions in objects of the user's own, as values of a tape."""

    def takes(self, name: str) -> bool:
        """Whether it can be given an argument of this name."""

    def missing(self, given: Collection[str]) -> list[str]:
        """The arguments that must be given beside these: those without a default."""

    def bind(self, where: str, inputs: Sequence[str], constants: Collection[str], advise: Advise) -> None:
        """Raise UsageError, starting with where, for names that it does not take and for what is missing."""

    def problem(
        self,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Any],
        label: Label,
    ) -> Problem:
        """The Problem at these inputs. Raises UsageError for arguments that make none."""

    @property
    def numbers(self) -> Collection[str]:
        """The arguments that are no arrays, as far as the code says so."""

    @property
    def moving(self) -> Collection[str]:
        """The arguments that have a gradient, as far as the code says so."""

    @property
    def order(self) -> int:
        """1: the derivative of a function; 2: that of a gradient, a Hessian."""

    def of_order(self, order: int) -> "Checkable | None":
        """The same, or what belongs to it, of this order; None where there is none."""

    def without(self, nograd: frozenset[str]) -> "Checkable":
        """The same, where backward need not have a gradient for these inputs."""


class ByName:
    """The part of a Checkable whose gradients have names: one more or less does not matter."""

    order = 1
    wraps = False

    @property
    def numbers(self) -> Collection[str]:
        return ()

    @property
    def moving(self) -> Collection[str]:
        return ()

    def of_order(self, order: int) -> "Checkable | None":
        checkable: Any = self  # with the rest of it
        return checkable if self.order == order else None

    def without(self: T, nograd: frozenset[str]) -> T:
        return self


class ByArguments(ByName):
    """The part of a Checkable that follows from the signature of one function."""

    @property
    def called(self) -> Callable[..., Any]:
        """The function whose arguments inputs and constants are."""
        raise NotImplementedError

    @property
    def shown(self) -> str:
        return f"{getattr(self.called, '__name__', 'forward')}({', '.join(self.arguments)})"

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """As of a Checkable."""
        return (self.called,)

    @property
    def lengths(self) -> Sequence[int]:
        """Of the arrays of the file that the function names, and those that the code is written for."""
        function = inspect.unwrap(self.called)
        named = getattr(getattr(function, "__code__", None), "co_names", ())
        held = [getattr(function, "__globals__", {}).get(name) for name in named]
        held += closed_over(function)
        shapes = [array.shape for array in held if isinstance(array, np.ndarray)]
        held_lengths = (length for shape in shapes for length in shape if length > 1)
        return list(dict.fromkeys([*held_lengths, *lengths_written(self.functions)]))

    @property
    def arguments(self) -> tuple[str, ...]:
        return argument_names(self.called)

    def takes(self, name: str) -> bool:
        return name in self.arguments or is_open_ended(self.called)

    def missing(self, given: Collection[str]) -> list[str]:
        return [name for name in required_arguments(self.called) if name not in given]

    def bind(self, where: str, inputs: Sequence[str], constants: Collection[str], advise: Advise) -> None:
        bind_forward(where, self.called, inputs, constants, by_position=False, advise=advise)
