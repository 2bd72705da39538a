"""Reports beside the terminal's: from outcomes to the text of a file. Nothing here writes or prints."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from gradcli.suite.outcome import Outcome

if TYPE_CHECKING:
    from gradcli.report.html.views import CheckView

T_co = TypeVar("T_co", covariant=True)


class Stored(Protocol[T_co]):
    """A list, or values that are read from a file one by one."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> T_co: ...

    def __iter__(self) -> Iterator[T_co]: ...


class Run(NamedTuple):
    """What a report is about."""

    outcomes: Stored[Outcome]
    partial: bool  # not all checks have run
    under_way: tuple[str, ...] = ()  # ids of those that were interrupted
    views: "Stored[CheckView]" = ()  # of each outcome, for reports that draw

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

    def render(self, run: Run) -> Iterator[str]:
        """The text in pieces, of a length that does not grow with the number of checks."""
        from importlib import import_module

        make: Callable[[Run], Iterator[str]] = import_module(f"gradcli.report.files.{self.module}").render
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
