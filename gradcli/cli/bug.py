"""When gradcli itself fails: one message for the user, the traceback into a file."""

import contextlib
import os
import platform
import tempfile

from gradcli import __version__
from gradcli.cli.messages import complain
from gradcli.suite.outcome import Bug


def report_bug(bug: Bug) -> None:
    """Say what happened, with the version, where the details are and where to report it."""
    version = f"gradcli {__version__}, Python {platform.python_version()}"
    complain(
        f"this is a bug in gradcli, not in your code: {bug.kind}\n"
        f"Please report it on the issue tracker of gradcli ({version}){_log(bug.details)}"
    )


def _log(details: str) -> str:
    with contextlib.suppress(OSError):
        handle, path = tempfile.mkstemp(prefix="gradcli-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"gradcli {__version__}, Python {platform.python_version()}\n{details}")
        return f" and attach {path}."
    return f".\n{details}"  # no place to write a file: better a traceback than nothing
