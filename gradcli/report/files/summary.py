"""`--report summary`: Markdown for the summary page of a workflow, which may hold a mebibyte."""

import re
from collections.abc import Iterator

from gradcli.report.files import Run
from gradcli.report.files.places import findings
from gradcli.report.plain import printable
from gradcli.result import PASS
from gradcli.suite.outcome import Outcome

_MOST_BYTES = 900_000
_SYNTAX = re.compile(r"[&<>|`*_\\~$]|\](?=[(\[])")
_ROW = "| {} | {} | {} |\n"


def render(run: Run) -> Iterator[str]:
    """A headline, what did not pass with its re-run line, and how many passed."""
    failed = sum(_status(outcome) != PASS for outcome in run.outcomes)
    passed = len(run.outcomes) - failed
    text = f"## gradcli: {passed} of {len(run.outcomes)} checks passed\n\n"
    if run.partial:
        text += f"{_cell(run.state)}\n\n"
    if failed:
        text += _ROW.format("verdict", "check", "what is wrong") + _ROW.format("---", "---", "---")
    yield text
    size = len(text.encode())
    for number, outcome in enumerate(one for one in run.outcomes if _status(one) != PASS):
        row = _row(outcome)
        size += len(row.encode())
        if size > _MOST_BYTES:
            yield f"\n… and {failed - number} more that did not pass\n"
            return
        yield row


def _status(outcome: Outcome) -> str:
    if outcome.excuse is not None:
        return "known" if outcome.known is not None else "xfail"
    return "error" if outcome.result is None else outcome.result.verdict


def _row(outcome: Outcome) -> str:
    found = [f"{finding.code} {finding.message}" for finding in findings(outcome) if not finding.is_warning]
    rerun = outcome.result.rerun if outcome.result is not None else None
    if outcome.excuse is not None:
        found = [outcome.excuse]
    told = "<br>".join(map(_cell, found)) + (f"<br><code>{_cell(rerun)}</code>" if rerun else "")
    return _ROW.format(_status(outcome), _cell(outcome.id), told)


def _cell(text: str) -> str:
    """Text that neither Markdown nor HTML takes for its own syntax, also where it is code to paste."""
    return _SYNTAX.sub(lambda match: f"&#{ord(match[0])};", printable(text))
