"""Checks one after another; what goes wrong in one leaves the others alone."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from gradcli.errors import PartlyResolvedError, UsageError
from gradcli.problem import Problem
from gradcli.result import PASS, CheckResult
from gradcli.spec import CheckSpec, derive_id
from gradcli.suite.capture import captured_output
from gradcli.suite.outcome import Outcome
from gradcli.suite.select import parse_selection

Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class Case:
    """One check, ready to run."""

    spec: CheckSpec
    problem: Problem
    output: str = ""  # what the target printed while it was loaded


def resolve_all(specs: Iterable[CheckSpec]) -> tuple[list[Case], list[Outcome]]:
    """Every spec as the problems that it asks for, and an outcome for each that cannot be resolved.

    Raises UsageError if two problems have the same id: reports and re-run lines could not tell them apart.
    """
    cases: list[Case] = []
    failed: list[Outcome] = []
    for spec in specs:
        with captured_output() as captured:
            resolved = _resolve(spec)
        if isinstance(resolved, Exception):
            failed.append(Outcome(_id(spec), error=resolved, output=captured.text))
            resolved = resolved.problems if isinstance(resolved, PartlyResolvedError) else []
        cases += [Case(spec, problem, captured.text) for problem in resolved]
    _refuse_duplicates(cases)
    return cases, failed


def select(cases: list[Case], expression: str) -> list[Case]:
    """The checks whose id matches, in their order; an expression that is an id means that check alone.

    Raises UsageError for an expression that does not parse.
    """
    if exact := [case for case in cases if case.problem.id == expression]:
        return exact
    matches = parse_selection(expression)
    return [case for case in cases if matches(case.problem.id)]


def _no_progress(_id: str) -> AbstractContextManager[None]:
    return nullcontext()


def run(
    cases: list[Case],
    progress: Callable[[str], AbstractContextManager[Progress | None]] = _no_progress,
    *,
    curves: bool = False,
) -> Iterator[Outcome]:
    """Run the checks in order, each one's outcome as soon as it is there.

    `progress`, called with an id, shows how far that check is while its context is open.
    `curves`: measure error against step where a gradient does not pass, for reports that draw it.
    Takes the cases out of the list, so that a check's arrays are freed once it is done.
    """
    while cases:
        case = cases.pop(0)
        with progress(case.problem.id) as show, captured_output() as captured:
            outcome = _run(case, show)
            if curves and outcome.result is not None and outcome.result.verdict != PASS:
                outcome = _with_curves(case, outcome, outcome.result)
        yield replace(outcome, output=case.output + captured.text)


def _run(case: Case, progress: Progress | None) -> Outcome:
    from gradcli import cases

    try:
        result = cases.run(case.problem, case.spec.settings, progress=progress)
    except Exception as error:  # a bug in one check must not hide what the others find
        return Outcome(case.problem.id, error=error)
    return Outcome(case.problem.id, result=result)


def _with_curves(case: Case, outcome: Outcome, result: CheckResult) -> Outcome:
    """Whoever stops this has a result all the same, and is stopped."""
    from gradcli.sweep import curves_of_doubt

    try:
        return replace(outcome, curves=curves_of_doubt(case.problem, result, case.spec.settings))
    except KeyboardInterrupt:
        return replace(outcome, result=replace(result, interrupted=True))


def _resolve(spec: CheckSpec) -> list[Problem] | Exception:
    from gradcli import targets

    try:
        return targets.resolve(spec)
    except Exception as error:  # said in its turn; the other checks are run
        return error


def _id(spec: CheckSpec) -> str:
    return spec.id or derive_id(spec.target, spec.options)


def _refuse_duplicates(cases: list[Case]) -> None:
    first: dict[str, Case] = {}
    mistakes = []
    for case in cases:
        earlier = first.setdefault(case.problem.id, case)
        if earlier is not case:
            mistakes.append(
                f"two checks have the id {case.problem.id!r}: {_origin(earlier)} and {_origin(case)}; "
                "an id names one check"
            )
    if mistakes:
        raise UsageError("\n".join(mistakes))


def _origin(case: Case) -> str:
    return case.spec.origin or f"the target {case.spec.target!r}"
