"""Values only: what a check found. Nothing here computes a verdict, prints or exits."""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray
from gradcli.dataclass import dataclass
from gradcli.verdict import Comparison

if TYPE_CHECKING:
    from gradcli.spec import CheckSpec

PASS, FAIL, INCONCLUSIVE = "pass", "fail", "inconclusive"
DECLARED = "declared"  # of a gradient: it differs, and that is declared
UNPAIRED = "unpaired"  # of a node: there is nothing to compare
TIES = "ties counted more than once"  # a note


@dataclass(frozen=True)
class Violation:
    """A broken promise (GC1xx, the check fails) or a warning (GC2xx, it does not)."""

    code: str
    message: str
    gradient: str | None = None  # the input concerned, if it is one
    file: str | None = None  # the user's file and line, where known
    line: int | None = None

    @property
    def is_warning(self) -> bool:
        return self.code.startswith("GC2")


@dataclass(frozen=True)
class Blame:
    """The line at fault: the first wrong value of backward whose own inputs are right."""

    gradient: str  # the input whose wrong gradient led there
    node: str  # the value that is wrong, as backward names it; "" where it has no name
    file: str
    line: int  # from 1; in a notebook, of its cell
    diagnosis: str  # what is wrong with the value, in a sentence
    source: str = ""  # the line itself
    downstream: tuple[str, ...] = ()  # values of backward that are wrong because of it: `dmu (16)`
    gradients: tuple[str, ...] = ()  # all that are wrong because of it


@dataclass(frozen=True)
class NodeRow:
    """A value inside forward and what backward computes as its gradient; one of the two may be missing."""

    name: str  # in forward, `h_2` for the second assignment of h; "": backward's value belongs to no node
    file: str
    line: int | None  # in forward
    backward: str  # a name, a sum of names, an expression; "" where nothing belongs to the node
    backward_line: int | None
    verdict: str  # "pass", "fail", "inconclusive" or "unpaired"
    relative_error: float  # NaN where nothing was compared
    note: str = ""  # how they were paired where not by name, and why nothing was decided


@dataclass(frozen=True, eq=False)
class Gradient:
    """One input's gradient, both ways. All arrays have the input's shape.

    Elements that were not compared hold NaN in `numeric`, `uncertainty` and `allowed`.
    """

    name: str
    analytic: Array
    numeric: FloatArray
    uncertainty: FloatArray  # half-width, both sides together
    tol: float  # relative error that passes beside the uncertainty
    verdict: str  # "pass", "fail", "inconclusive" or "declared"
    worst_index: tuple[int, ...]  # the element that decided; () for a 0-d or empty gradient
    relative_error: float  # at worst_index: |analytic - numeric| / max(|analytic|, |numeric|)
    method: str  # "linear", "complex", "central", "probe"
    evaluations: int  # of forward, spent on this gradient
    compared: int  # how many elements were compared one by one
    at_kink: int = 0  # elements at a kink, judged by their one-sided slopes
    failing: BoolArray | None = None  # which elements are wrong; None: none
    unresolved: int = 0  # elements that could not be decided
    note: str = ""  # a few words for the table: "3 at a kink", "zero everywhere", why inconclusive
    probes: int = 0  # random directions compared (elements="probe")
    detectable: float | None = None  # smallest single-element error the probes would have shown
    beside: Array | None = None  # the input, where all numbers are those of a point beside the kinks at it

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.numeric.shape)

    @property
    def size(self) -> int:
        return int(self.numeric.size)

    @property
    def allowed(self) -> FloatArray:
        """The largest error that passes; worked out when it is asked for, NaN where not compared."""
        return Comparison(self.analytic, self.numeric, self.uncertainty, self.tol).allowed

    @property
    def error(self) -> FloatArray:
        """|analytic - numeric|, NaN where not compared."""
        with np.errstate(invalid="ignore", over="ignore"):
            return np.abs(np.asarray(self.analytic, dtype=np.float64) - self.numeric)


@dataclass(frozen=True, eq=False)
class CheckResult:
    """All that one check found.

    `verdict` is "pass", "fail" or "inconclusive", and `passed` whether it is the first. It fails for a wrong
    gradient or a broken promise, and is inconclusive where none was found but some gradient could not be
    decided. `gradients` are by input name, in the order of the inputs; `violations` also hold the warnings.
    `blame` is the line at fault, where the evidence leaves one; `rerun` a shell line that repeats the check.
    """

    id: str
    target: str
    verdict: str
    gradients: Mapping[str, Gradient]
    violations: tuple[Violation, ...] = ()
    blame: Blame | None = None
    also: tuple[Blame, ...] = ()  # further faults, independent of the first
    rerun: str | None = None
    seed: int = 0
    dtype: str = "float64"
    seconds: float = 0.0
    evaluations: int = 0  # of forward, in the whole check
    backward_evaluations: int = 0
    interrupted: bool = False
    remarks: tuple[str, ...] = ()  # what was left out, and why
    cases: tuple[str, ...] = ()  # the points at which the target was checked, this one among them
    file: str | None = None  # where backward is written, and its line
    line: int | None = None
    arrays: Mapping[str, Array] = field(default_factory=dict)  # by archive key: in/NAME, cotangent, out
    nodes: Callable[[], Mapping[str, Array]] = dict  # what forward saved, by name; read when it is asked for
    constants: Mapping[str, Any] = field(default_factory=dict)
    node_gradients: Callable[[], Mapping[str, Array]] = dict  # of nodes, as backward computed them
    node_table: tuple[NodeRow, ...] = ()  # where it was asked for
    spec: "CheckSpec | None" = None  # what was asked for, so that a dump can be checked again
    expected: str | None = None  # it fails, and is declared to: the reason. It does not count

    @property
    def passed(self) -> bool:
        """Whether the verdict is "pass": an inconclusive check has not passed."""
        return self.verdict == PASS

    @property
    def cotangents(self) -> tuple[Array, ...]:
        """Those that the check was made with, in the order of the outputs."""
        return tuple(a for name, a in self.arrays.items() if name.partition("/")[0] == "cotangent")

    @property
    def blames(self) -> tuple[Blame, ...]:
        """All lines at fault."""
        return (self.blame, *self.also) if self.blame is not None else ()

    @property
    def compared(self) -> int:
        """How many elements were compared, of all gradients."""
        return sum(gradient.compared for gradient in self.gradients.values())

    @property
    def size(self) -> int:
        """How many elements all gradients have."""
        return sum(gradient.size for gradient in self.gradients.values())
