"""A check whose target has been looked up, and imported where it is a file."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gradcli.problem import Problem


class Opened(NamedTuple):
    """One check of a target; its id is known before its problem is made, which may run forward."""

    id: str
    target: str
    problem: "Callable[[], Problem]"  # raises UsageError for what is missing and cannot be inferred
