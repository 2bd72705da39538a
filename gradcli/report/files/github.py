"""`--report github`: annotations on the lines of a pull request.

GitHub shows ten errors of a step: the tenth says how many more there are.
"""

from collections.abc import Iterator

from gradcli.report.files import Run
from gradcli.report.files.places import Finding, findings
from gradcli.report.plain import printable
from gradcli.suite.outcome import Outcome

_MOST = 9


def render(run: Run) -> Iterator[str]:
    """One workflow command on each line: for each place that is wrong, of the checks that did not pass."""
    found = 0
    for finding in (finding for outcome in run.outcomes for finding in _places(outcome)):
        found += 1
        if found <= _MOST:
            yield f"{_command(finding)}\n"
    if found > _MOST:
        yield f"::error title=gradcli::{found - _MOST} more findings; see the log\n"


def _places(outcome: Outcome) -> list[Finding]:
    """The first finding for each line of code; warnings only where there is nothing else."""
    if outcome.result is not None and (outcome.result.passed or outcome.result.expected is not None):
        return []
    found = list(findings(outcome))
    errors = [finding for finding in found if not finding.is_warning]
    first: dict[tuple[str | None, int | None], Finding] = {}
    for finding in errors or found[:1]:
        first.setdefault((finding.file, finding.line), finding)
    return list(first.values())


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
    lines = "\n".join(map(printable, text.split("\n")))  # the log, too, shows these lines
    return _data(lines).replace(":", "%3A").replace(",", "%2C")
