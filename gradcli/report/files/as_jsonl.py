"""`--report jsonl`: one line of JSON for each check, as in `json`."""

import json

from gradcli.report.files import Run
from gradcli.report.files.as_json import check


def render(run: Run) -> str:
    """One JSON object on each line."""
    return "".join(json.dumps(check(outcome), allow_nan=False) + "\n" for outcome in run.outcomes)
