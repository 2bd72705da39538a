"""`--report github`: annotations on the lines of a pull request.

GitHub shows ten errors of a step: the tenth says how many more there are.
"""

from gradcli.report.files import Run
from gradcli.report.files.places import Finding, findings

_MOST = 9


def render(run: Run) -> str:
    """One workflow command on each line; the first finding of every check that failed."""
    failed = [outcome for outcome in run.outcomes if outcome.result is None or not outcome.result.passed]
    firsts = [next(findings(outcome), None) for outcome in failed]
    found = [finding for finding in firsts if finding is not None]
    lines = [_command(finding) for finding in found[:_MOST]]
    if len(found) > _MOST:
        lines.append(f"::error title=gradcli::{len(found) - _MOST} more checks did not pass; see the log")
    return "".join(f"{line}\n" for line in lines)


def _command(finding: Finding) -> str:
    level = "warning" if finding.is_warning else "error"
    properties = {"title": f"gradcli {finding.code}"}
    if finding.file is not None:
        properties = {"file": finding.file, "line": str(finding.line or 1), **properties}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {listed}::{_data(finding.message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
