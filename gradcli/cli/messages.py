"""What gradcli says on standard error."""

import contextlib
import sys

from gradcli.errors import ConfigError, GradcliError
from gradcli.report.plain import printable_lines


def complain(message: str) -> None:
    """Print an error; a list in it keeps its lines."""
    _say(f"error: {message}")


def remark(message: str) -> None:
    """Print what changes nothing about the result."""
    _say(message)


def _say(message: str) -> None:
    text = "\n".join(printable_lines(message))
    with contextlib.suppress(OSError):  # `2>&1 | head -1`: nobody is left to tell
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        print(f"gradcli: {text}", file=sys.stderr, flush=True)


def describe(error: GradcliError) -> str:
    """The message of an error; a list of mistakes starts on a line of its own."""
    if isinstance(error, ConfigError) and len(error.mistakes) > 1:
        return "\n".join([f"{len(error.mistakes)} mistakes:", *error.mistakes])
    return str(error)
