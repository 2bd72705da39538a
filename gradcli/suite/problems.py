"""The problems of checks, for commands that do something else with them than check."""

from collections.abc import Iterable

from gradcli import targets
from gradcli.errors import LoneHalf, NothingToCheck
from gradcli.problem import Problem
from gradcli.spec import CheckSpec
from gradcli.suite.capture import captured_output


def problems_of(specs: Iterable[CheckSpec]) -> list[Problem]:
    """Every spec as the problems that it asks for; a file that was found in a folder may hold none.

    Raises as `targets.resolve`.
    """
    found: list[Problem] = []
    for spec in specs:
        with captured_output():
            try:
                found += targets.resolve(spec)
            except (NothingToCheck, LoneHalf):
                if not spec.found:
                    raise
    return found
