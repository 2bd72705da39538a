"""What is checked: a function, its hand-written gradient, and the point at which they are compared."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from gradcli.arrays import Array
from gradcli.dataclass import dataclass
from gradcli.result import Violation

if TYPE_CHECKING:
    from gradcli.spec import CheckSpec, InputSpec


class Run(NamedTuple):
    """One evaluation of forward."""

    outputs: tuple[Array, ...]  # one array per output; a scalar loss is a 0-d array
    saved: Any  # whatever forward keeps for backward (the cache)


# Both may raise what the user's code raises, or BrokenPromise when it returns what it must not.
Forward = Callable[[Mapping[str, Array]], Run]
# (cotangents, saved) -> gradient by input name, exactly as the user's backward returned each
# (None, a wrong shape and a wrong dtype included): judging them is the contract's business.
Backward = Callable[[tuple[Array, ...], Any], Mapping[str, Any]]

# Points, and for each the cotangents if gradients are wanted -> outputs and gradients at each, in one call of
# code for which a call is dear. It may raise because of a single point.
Together = Callable[
    [Sequence[Mapping[str, Array]], Sequence[tuple[Array, ...]] | None],
    Sequence[tuple[tuple[Array, ...], Mapping[str, Any]]],
]

# Point -> the forward in which something keeps the value that it has there; for differencing.
Hold = Callable[[Mapping[str, Array]], Forward]


@dataclass(frozen=True, eq=False)
class Source:
    """Where the code under test comes from, for blame and for messages."""

    forward: Callable[..., Any]  # the user's own function
    backward: Callable[..., Any]
    file: str | None = None  # None: not from a file (a builtin, a lambda at a prompt)
    # The same problem around other functions of the same signatures, for blame's rewritten ones.
    remake: "Callable[[Callable[..., Any], Callable[..., Any]], Problem] | None" = None
    lone: bool = False  # backward takes no cotangent: what it computes is the gradient of a value
    doubtful: bool = False  # of several values, and it looks like that of neither their sum nor their mean
    # Forward and backward are one function, which returns the value at this place, gradients beside it.
    value_at: int | None = None
    # Where each gradient has a backward of its own, these by gradient.
    of_gradient: "Callable[[], Mapping[str, Source]]" = dict
    # What it consists of: checks of their own, at the points at which the whole calls them.
    pieces: "Callable[[], Sequence[Problem]]" = tuple
    late: "Callable[[], Late] | None" = None  # where backward is spread over functions that forward makes
    why_not: str = ""  # why no line of backward can be named, where that is known


@dataclass(frozen=True, eq=False)
class Late:
    """The user's functions in which a backward stands that is no function of its own."""

    functions: Sequence[FunctionType]
    beside: "Sequence[Problem]" = ()  # what else they compute
    tape: "Tape | None" = None  # the values that forward leaves behind, each with its gradient
    driving: Sequence[FunctionType] = ()  # what runs through the tape


@dataclass(frozen=True, eq=False)
class Taped:
    """A value on a tape, and the gradient that backward left there."""

    name: str  # of the operation that it comes from; "": an input
    place: object  # equal for the passes of a loop
    file: str
    line: int | None
    value: Array
    gradient: Array | None
    backward: str  # what was added up to that gradient, as it is written
    backward_file: str
    backward_line: int | None


class Tape(Protocol):
    """Reads and moves the values of a tape; both raise what the user's code raises."""

    def read(self, inputs: Mapping[str, Array], cotangents: tuple[Array, ...]) -> Sequence[Taped]:
        """The values in the order in which forward makes them, the inputs first."""

    def moved(self, inputs: Mapping[str, Array], number: int, value: Array) -> tuple[Array, ...]:
        """The outputs of forward if one of these values is another one."""

    def flowing(self, inputs: Mapping[str, Array], cotangents: tuple[Array, ...]) -> set[tuple[str, int]]:
        """The lines (with their files) that run in backward from the first gradient on."""


@dataclass(frozen=True, eq=False)
class Inferred:
    """What was chosen because the user did not say it, and what else could have been."""

    inputs: "Mapping[str, InputSpec]"
    constants: Mapping[str, object]
    label: str  # what sets this case apart: "x=1x3"
    others: "Callable[[], Iterable[Problem]]" = tuple  # further cases, each one that the code accepts
    smaller: "Callable[[], Iterable[Problem]]" = tuple  # the same case with a dimension shortened
    # The same for symmetric matrices, where the code may be meant for them alone.
    narrower: "Callable[[], Iterable[tuple[str, Problem]]]" = tuple
    is_scaled: bool = False  # of another scale than the first case
    is_extreme: bool = False  # so large a scale that only what is not finite counts
    sizes: Mapping[str, int] = field(default_factory=dict)  # of the dimensions that have names
    seconds: float = 0.0  # that slow code took for it: they count towards the budget


@dataclass(frozen=True)
class Declared:
    """What is declared of a problem, worked out at its point."""

    factors: Mapping[str, float] = field(default_factory=dict)  # by which derivatives are multiplied
    constant: tuple[str, ...] = ()  # inputs through which no gradient goes: backward gives none, or zeros
    surrogates: Mapping[str, str] = field(default_factory=dict)  # why gradients may be another function's

    def factor(self, name: str) -> float:
        """What the derivative by an input is multiplied by, before backward is held against it."""
        return self.factors.get(name, 1.0)


@dataclass(frozen=True, eq=False)
class Problem:
    """A target made concrete.

    `forward` and `backward` are the convention's adapters around the user's functions. They keep
    nothing between calls and pass the arrays on as they are, so that a change made to them is seen.
    """

    id: str
    target: str
    forward: Forward
    backward: Backward
    inputs: dict[str, Array]  # every array argument in order; those of floating dtype have a gradient
    constants: dict[str, Any] = field(default_factory=dict)
    output_names: tuple[str, ...] = ("out",)  # names for several outputs where the convention knows them
    cotangents: tuple[Array, ...] | None = None  # None: drawn at random once the outputs' shapes are known
    source: Source | None = None
    saved_names: Callable[[Any], dict[str, Array]] | None = None  # the cache's arrays by name, for dumps
    rerun: str | None = None  # the shell line that repeats this check
    inferred: Inferred | None = None  # None: everything was said
    reseed: bool = False  # start every call from the same state of the global random generators
    noticed: tuple[Violation, ...] = ()  # what came to light while the problem was made
    nograd: frozenset[str] = frozenset()  # floating-point inputs that have no gradient all the same: targets
    declared: Declared = Declared()
    together: Together | None = None  # many points in one call
    hold: Hold | None = None  # where values inside forward are declared constant
    remarks: tuple[str, ...] = ()  # what was assumed, for the report
    spec: "CheckSpec | None" = None  # what was asked for; None: a caller had the functions in memory

    def precision_of(self, name: str, gradient: Array) -> np.dtype[Any]:
        """The dtype whose digits a gradient can be expected to hold: its own or its input's, the coarser."""
        return min(gradient.dtype, self.inputs[name].dtype, key=lambda dtype: dtype.itemsize)

    @cached_property
    def differentiable(self) -> tuple[str, ...]:
        """Names of the inputs that have a gradient."""
        return tuple(
            name for name, array in self.inputs.items() if array.dtype.kind == "f" and name not in self.nograd
        )
