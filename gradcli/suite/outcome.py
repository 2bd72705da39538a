"""What became of one check."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradcli.result import CheckResult
    from gradcli.sweep import Curve


@dataclass(frozen=True, eq=False)
class Outcome:
    """A result, or the reason why there is none."""

    id: str
    result: "CheckResult | None" = None
    error: Exception | None = None
    output: str = ""  # what the code under test printed
    curves: "Mapping[str, Curve]" = field(default_factory=dict)  # of gradients in doubt, if asked for
