"""The outcome of a check whose process ended, or had to be ended: it failed, and the reason is known."""

import re
import signal
import sysconfig
from pathlib import Path
from typing import NamedTuple

import numpy as np

import gradcli
from gradcli.result import FAIL, CheckResult, Violation
from gradcli.shell import shell_line
from gradcli.suite.outcome import Outcome
from gradcli.suite.perform import Check

_FRAME = re.compile(r'File "(.+)", line (\d+) in ')
_OURS = [Path(str(module.__file__)).parent for module in (gradcli, np)]
_LIBRARY = Path(sysconfig.get_path("stdlib"))


class LastWords(NamedTuple):
    """What is left of a process."""

    stack: str = ""  # where it was when it ended, as faulthandler tells it
    printed: str = ""  # by the code under test, of this check


_NONE = LastWords()


def ended(check: Check, code: int, last: LastWords = _NONE) -> Outcome:
    """code: that of the process; minus the number of the signal that killed it."""
    return _lost(check, f"the code under test ended its process: {_how(code)}", "--isolate", last)


def overdue(check: Check, timeout: float, last: LastWords = _NONE) -> Outcome:
    """It was not done after so many seconds."""
    return _lost(check, f"not done after {timeout:g} s: stopped", f"--timeout {timeout:g}", last)


def killed(check: Check, message: str) -> Outcome:
    """Every worker of a cluster that was given it has died."""
    return _lost(check, f"the code under test ended its process: {message.splitlines()[0]}", "--isolate")


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        return f"killed by signal {-code}"
    return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")


def _lost(check: Check, reason: str, flags: str, last: LastWords = _NONE) -> Outcome:
    file, line = _place(last.stack)
    result = CheckResult(
        id=check.id,
        target=check.target,
        verdict=FAIL,
        gradients={},
        violations=(Violation("GC108", reason, file=file, line=line),),
        rerun=f"{_again(check)} {flags}",
        seed=check.spec.settings.seed,
        dtype=check.spec.dtype,
        spec=check.spec,
    )
    return Outcome(check.id, result=result, output=last.printed)


def _again(check: Check) -> str:
    """The line that runs it again: from its config, or as a target with the same arguments."""
    from gradcli.targets.rerun import rerun_line

    spec = check.spec
    line = rerun_line(
        spec, id=check.id, target=check.target, options=dict(spec.options), inputs=dict(spec.inputs)
    )
    return line or shell_line(["gradcli", "check", check.target])


def _place(stack: str) -> tuple[str | None, int | None]:
    """The innermost line of the user's own in what faulthandler wrote when the process was stopped."""
    for file, line in _FRAME.findall(stack):
        path = Path(file)
        is_library = path.is_relative_to(_LIBRARY) and "site-packages" not in path.parts
        if path.is_absolute() and not is_library and not any(map(path.is_relative_to, _OURS)):
            return file, int(line)
    return None, None
