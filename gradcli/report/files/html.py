"""`--report html`: a page to look at. Needs Jinja2, the extra `gradcli[html]`."""

from collections.abc import Iterator

from gradcli.report.files import Run
from gradcli.report.html import document


def render(run: Run) -> Iterator[str]:
    """One self-contained page."""
    return document(run)
