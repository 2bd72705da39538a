"""`--report jsonl`: one line of JSON for each check, as in `json`."""

import json
from collections.abc import Iterator

from gradcli.report.files import Run
from gradcli.report.files.as_json import check


def render(run: Run) -> Iterator[str]:
    """One JSON object on each line."""
    for outcome in run.outcomes:
        yield json.dumps(check(outcome), allow_nan=False) + "\n"
