"""What gradcli says when it cannot check: one clear message, and the exit code that goes with it.

Code under test that misbehaves is not an error of this kind: it is a `Violation` in the result.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradcli.problem import Problem


class GradcliError(Exception):
    """Nothing can be said about the gradients; the message tells where, what was found and what to do."""

    exit_code = 2


class UsageError(GradcliError):
    """An option, a shape or a value that the command or the API does not accept."""


class LackingError(UsageError):
    """The code needs what this machine has not, a module or a device."""


class PartlyResolvedError(UsageError):
    """Some of what a file holds cannot be checked; the rest can."""

    def __init__(self, message: str, problems: "Sequence[Problem]" = ()) -> None:
        super().__init__(message)
        self.problems = list(problems)


class TargetError(GradcliError):
    """A target that does not exist or cannot be loaded."""


class LoneHalf(TargetError):
    """A forward without its backward, or the other way round, is all that a file holds."""


class ConfigError(GradcliError):
    """Mistakes in a config, all of them at once: one line each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class ArchiveError(GradcliError):
    """An .npz file that cannot be read or written."""


class NothingToCheck(GradcliError):
    """Nothing was selected, so nothing was compared."""

    exit_code = 5


class LeftOut(NothingToCheck):
    """A file of a folder that was passed over, which is said and changes nothing."""


class BrokenPromise(Exception):
    """The code under test broke a promise; `check` turns this into a `Violation`."""

    def __init__(self, code: str, message: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.file = file  # the user's own file and line, where known
        self.line = line


class Unmatched(BrokenPromise):
    """A backward asks for what nothing is known of: it cannot be called, whatever forward is given."""


def first_line(error: BaseException) -> str:
    """What an exception says, but for further lines; "" for nothing."""
    return (said_by(error).splitlines() or [""])[0]


def said_by(error: BaseException) -> str:
    """What an exception says; "" where its own `__str__` raises: it may be the user's."""
    try:
        return str(error)
    except Exception:
        return ""
