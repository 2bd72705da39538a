"""`--report gitlab`: GitLab's code quality report."""

from collections.abc import Iterator

from gradcli.report.files import Run
from gradcli.report.files.long_json import listed, streamed
from gradcli.report.files.places import Finding, findings


def render(run: Run) -> Iterator[str]:
    """A list of issues. GitLab shows none without a file, so what has none is put on the config of CI."""
    issues = (_issue(finding) for outcome in run.outcomes for finding in findings(outcome))
    return streamed(listed("issues"), {"issues": issues})


def _issue(finding: Finding) -> dict[str, object]:
    return {
        "description": finding.message,
        "check_name": finding.code,
        "fingerprint": finding.fingerprint,
        "severity": "minor" if finding.is_warning else "major",
        "location": {"path": finding.file or ".gitlab-ci.yml", "lines": {"begin": finding.line or 1}},
    }
