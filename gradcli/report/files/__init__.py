"""Reports beside the terminal's: from outcomes to the text of a file. Nothing here writes or prints."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gradcli.suite.outcome import Outcome


class Run(NamedTuple):
    """What a report is about."""

    outcomes: Sequence[Outcome]
    partial: bool  # not all checks have run
    under_way: Sequence[str] = ()  # ids of those that were interrupted

    @property
    def state(self) -> str:
        """What to say of it beside its findings; "" for a whole run."""
        if not self.partial:
            return ""
        words = "Stopped: not all checks have run."
        return f"{words} Interrupted: {', '.join(self.under_way)}." if self.under_way else words


class Format(NamedTuple):
    """One kind of report."""

    name: str
    path: str  # where it goes unless a path is given; "" is standard output
    module: str  # in this package; its `render` takes a Run
    draws: bool = False  # more than a result holds: it is measured for it
    needs: str = ""  # a package that comes with the extra of the format's name

    def render(self, run: Run) -> str:
        """The whole text."""
        from importlib import import_module

        make: Callable[[Run], str] = import_module(f"gradcli.report.files.{self.module}").render
        return make(run)


FORMATS = {
    format.name: format
    for format in (
        Format("json", "gradcli.json", "as_json"),
        Format("jsonl", "gradcli.jsonl", "as_jsonl"),
        Format("junit", "gradcli-junit.xml", "junit"),
        Format("sarif", "gradcli.sarif", "sarif"),
        Format("github", "", "github"),
        Format("summary", "gradcli-summary.md", "summary"),
        Format("gitlab", "gl-code-quality-report.json", "gitlab"),
        Format("html", "gradcli.html", "html", draws=True, needs="jinja2"),
    )
}
