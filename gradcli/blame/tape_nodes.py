"""The table of nodes of a tape: every value that an operation leaves there, and the gradient that it gets."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gradcli.arrays import Array
from gradcli.blame import truth
from gradcli.blame.case import Case
from gradcli.blame.compared import compared
from gradcli.blame.study import Study, beside, stacked
from gradcli.blame.truth import Node
from gradcli.clock import Clock
from gradcli.problem import Problem, Tape, Taped
from gradcli.result import INCONCLUSIVE, UNPAIRED, Gradient, NodeRow
from gradcli.unused import unused

_NODE = "the value on the tape"


def study_tape(case: Case, tape: Tape, tol: float, clock: Clock, rng: np.random.Generator) -> Study:
    """Read the values of a tape and compare the gradient of each; raises what the user's code raises.

    Cost: the numeric gradient of each value, within the clock.
    """
    problem, cotangents = case.problem, case.cotangents
    values = list(tape.read(problem.inputs, cotangents))
    moved = list(tape.read({n: beside(a, rng) for n, a in problem.inputs.items()}, cotangents))
    same = [one.place for one in moved] == [one.place for one in values]
    reader = _Reader(problem, tape, cotangents, clock, rng)
    names = iter(problem.inputs)
    rows: list[NodeRow] = []
    kept: dict[str, Array] = {}
    found: dict[str, Array] = {}
    used = set(problem.inputs)
    for numbers in _passes(values):
        taped = [values[number] for number in numbers]
        if not taped[0].name:
            name = next(names)
            known = case.gradients.get(name)
            true = None if known is None else _known(name, known)
        elif same and all(_equal(values[n].value, moved[n].value) for n in numbers):
            continue  # a constant
        else:
            name = unused(taped[0].name, used)
            true = reader.true(numbers, taped)
            kept[name] = stacked(tuple(one.value for one in taped))
        used.add(name)
        given = [one.gradient for one in taped if one.gradient is not None]
        if len(given) == len(taped) and name in kept:
            found[name] = stacked(tuple(given))
        rows.append(_row(name, taped, true, given, tol))
    return Study(tuple(rows), kept, found)


class _Reader:
    """Measures what the gradients of values on a tape really are."""

    def __init__(
        self,
        problem: Problem,
        tape: Tape,
        cotangents: tuple[Array, ...],
        clock: Clock,
        rng: np.random.Generator,
    ) -> None:
        self.tape = tape
        self.inputs = problem.inputs
        self.outputs = tuple(np.array(out) for out in problem.forward(problem.inputs).outputs)
        self.cotangents = tuple(c.astype(np.float64) for c in cotangents)
        self.clock = clock
        self.rng = rng

    def true(self, numbers: Sequence[int], taped: Sequence[Taped]) -> list[Node] | None:
        """The numeric gradients of some values; None if one of them is not known."""
        found = []
        for number, one in zip(numbers, taped, strict=True):
            if not self.clock.affords(0.0):
                return None
            value = np.asarray(one.value, dtype=np.float64)

            def call(arrays: Mapping[str, Array], number: int = number) -> tuple[Array, ...]:
                inputs = {name: array for name, array in arrays.items() if name != _NODE}
                return self.tape.moved(inputs, number, arrays[_NODE])

            point = {**self.inputs, _NODE: value}
            measured = truth.derivative(
                call, point, _NODE, self.outputs, self.cotangents, self.rng, self.clock
            )
            if measured is None:
                return None
            found.append(Node(None, 0, one.name, value, *measured))
        return found


def _known(name: str, gradient: Gradient) -> list[Node] | None:
    """What the check has measured for an input."""
    if not np.all(np.isfinite(gradient.numeric)):
        return None
    doubt = np.nan_to_num(gradient.uncertainty)
    return [Node(None, 0, name, gradient.numeric, gradient.numeric, doubt)]


def _passes(values: Sequence[Taped]) -> Iterator[list[int]]:
    """The values of each place, in the order of their first ones."""
    found: dict[object, list[int]] = {}
    for number, one in enumerate(values):
        found.setdefault(one.place, []).append(number)
    yield from found.values()


def _row(
    name: str, taped: Sequence[Taped], true: Sequence[Node] | None, given: Sequence[Array], tol: float
) -> NodeRow:
    verdict, error, notes = UNPAIRED, float("nan"), []
    if len(taped) > 1:
        notes.append(f"{len(taped)} passes")
    if true is None:
        verdict = INCONCLUSIVE
        notes.append("its numeric gradient could not be resolved")
    elif len(given) < len(taped):
        notes.append("the tape keeps no gradient of it")
    else:
        verdict, error = compared(given, true, tol)
        if verdict == INCONCLUSIVE:
            notes.append("its numeric gradient could not be resolved")
    last = taped[-1]
    return NodeRow(
        name, last.file, last.line, last.backward, last.backward_line, verdict, error, ", ".join(notes)
    )


def _equal(one: Array, other: Array) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))
