"""What became of one check."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradcli.result import CheckResult


@dataclass(frozen=True, eq=False)
class Outcome:
    """A result, or the reason why there is none."""

    id: str
    result: "CheckResult | None" = None
    error: Exception | None = None
    output: str = ""  # what the code under test printed
