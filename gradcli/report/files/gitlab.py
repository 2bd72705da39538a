"""`--report gitlab`: GitLab's code quality report."""

import json

from gradcli.report.files import Run
from gradcli.report.files.places import Finding, findings


def render(run: Run) -> str:
    """A list of issues. GitLab shows none without a file, so what has none is put on the config of CI."""
    found = [finding for outcome in run.outcomes for finding in findings(outcome)]
    return json.dumps([_issue(finding) for finding in found], indent=2, allow_nan=False) + "\n"


def _issue(finding: Finding) -> dict[str, object]:
    return {
        "description": finding.message,
        "check_name": finding.code,
        "fingerprint": finding.fingerprint,
        "severity": "minor" if finding.is_warning else "major",
        "location": {"path": finding.file or ".gitlab-ci.yml", "lines": {"begin": finding.line or 1}},
    }
