"""The problems of checks, for commands that do something else with them than check."""

from collections.abc import Iterable
from dataclasses import dataclass

from gradcli.errors import NothingToCheck, PartlyResolvedError
from gradcli.problem import Problem
from gradcli.spec import CheckSpec
from gradcli.suite.capture import captured_output
from gradcli.suite.outcome import Outcome
from gradcli.suite.perform import check_of


@dataclass(frozen=True, eq=False)
class Case:
    """One check, ready to run."""

    spec: CheckSpec
    problem: Problem


def resolve_all(specs: Iterable[CheckSpec]) -> tuple[list[Case], list[Outcome]]:
    """Every spec as the problems that it asks for, and an outcome for each that cannot be resolved."""
    cases: list[Case] = []
    failed: list[Outcome] = []
    for spec in specs:
        with captured_output() as captured:
            resolved = _resolve(spec)
        if isinstance(resolved, NothingToCheck) and spec.found:
            continue
        if isinstance(resolved, Exception):
            failed.append(Outcome(check_of(spec).id, error=resolved, output=captured.text))
            resolved = resolved.problems if isinstance(resolved, PartlyResolvedError) else []
        cases += [Case(spec, problem) for problem in resolved]
    return cases, failed


def _resolve(spec: CheckSpec) -> list[Problem] | Exception:
    from gradcli import targets

    try:
        return targets.resolve(spec)
    except Exception as error:  # said in its turn
        return error
