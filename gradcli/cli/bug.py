"""When gradcli itself fails: one message for the user, the traceback into a file."""

import contextlib
import os
import platform
import tempfile
import traceback

from gradcli import __version__
from gradcli.cli.messages import complain


def report_bug(error: Exception) -> None:
    """Say what happened, with the version, where the details are and where to report it."""
    kind = f"{type(error).__name__}: {error}".splitlines()[0]
    version = f"gradcli {__version__}, Python {platform.python_version()}"
    complain(
        f"this is a bug in gradcli, not in your code: {kind}\n"
        f"Please report it on the issue tracker of gradcli ({version}){_log(error)}"
    )


def _log(error: Exception) -> str:
    text = "".join(traceback.format_exception(error))
    with contextlib.suppress(OSError):
        handle, path = tempfile.mkstemp(prefix="gradcli-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"gradcli {__version__}, Python {platform.python_version()}\n{text}")
        return f" and attach {path}."
    return f".\n{text}"  # no place to write a file: better a traceback than nothing
