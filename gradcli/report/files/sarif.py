"""`--report sarif`: SARIF 2.1.0 for code scanning.

A result is about a place in the code: GitHub refuses a whole file for one without. What has no place (a check
that could not be run) is a notification of the invocation.
"""

from collections.abc import Iterator
from typing import Any

import gradcli
from gradcli.explain import PAGES
from gradcli.report.files import Run
from gradcli.report.files.long_json import listed, streamed
from gradcli.report.files.places import Finding, findings

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_OTHERS = {
    "error": "A check that could not be run",
    "inconclusive": "A gradient that could not be decided",
}


def render(run: Run) -> Iterator[str]:
    """One run with a result for each finding."""
    has_run = not run.partial and all(outcome.result is not None for outcome in run.outcomes)
    codes = sorted({finding.code for finding in _found(run)})
    document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "gradcli",
                        "version": gradcli.__version__,
                        "rules": [_rule(code) for code in codes],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": has_run,
                        "toolExecutionNotifications": listed("notifications"),
                    }
                ],
                "results": listed("results"),
            }
        ],
    }
    notifications = (_notification(one) for one in _found(run) if one.uri is None)
    results = (_result(one, codes.index(one.code)) for one in _found(run) if one.uri is not None)
    return streamed(document, {"notifications": notifications, "results": results})


def _found(run: Run) -> Iterator[Finding]:
    return (finding for outcome in run.outcomes for finding in findings(outcome))


def _rule(code: str) -> dict[str, Any]:
    page = PAGES.get(code)
    title = page.title if page else _OTHERS.get(code, code)
    meaning = page.meaning if page else title
    help_text = f"{page.cause} {page.fix}" if page else title
    return {
        "id": code,
        "shortDescription": {"text": title},
        "fullDescription": {"text": meaning},
        "help": {"text": help_text},
    }


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": finding.uri}, "region": {"startLine": finding.line or 1}}
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _level(finding),
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"primaryLocationLineHash": finding.fingerprint},
    }
    if finding.excuse is not None:
        result["suppressions"] = [{"kind": "external", "justification": finding.excuse}]
    return result


def _notification(finding: Finding) -> dict[str, Any]:
    return {
        "associatedRule": {"id": finding.code},
        "level": _level(finding),
        "message": {"text": finding.message},
    }


def _level(finding: Finding) -> str:
    return "warning" if finding.is_warning else "error"
