"""What became of one check."""

import traceback
from typing import TYPE_CHECKING

from gradcli.dataclass import dataclass

if TYPE_CHECKING:
    from gradcli.result import CheckResult
    from gradcli.suite.drawings import Drawings


class Bug(Exception):
    """Something that gradcli did not foresee, as text: so it can be told by another process too."""

    def __init__(self, kind: str, details: str) -> None:
        super().__init__(kind, details)  # both, for pickle makes the exception again from these
        self.kind = kind
        self.details = details

    def __str__(self) -> str:
        return self.kind

    @classmethod
    def of(cls, error: Exception) -> "Bug":
        """The first line of an exception, and its traceback."""
        kind = f"{type(error).__name__}: {error}".splitlines()[0]
        bug = cls(kind, "".join(traceback.format_exception(error)))
        bug.__cause__ = error
        return bug


@dataclass(frozen=True, eq=False)
class Outcome:
    """A result, or the reason why there is none: a GradcliError or a Bug."""

    id: str
    result: "CheckResult | None" = None
    error: Exception | None = None
    output: str = ""  # what the code under test printed
    drawings: "Drawings | None" = None  # if asked for
    known: str | None = None  # it fails, and this baseline says so: it does not count
    replay: str | None = None  # the shell line that runs its very arrays again, if they were kept

    @property
    def excuse(self) -> str | None:
        """Why a failure does not count: it is expected, or known."""
        if self.result is not None and self.result.expected is not None:
            return f"xfail: {self.result.expected}"
        return None if self.known is None else f"known to fail: {self.known}"
