"""A page of `gradcli explain` as a Rich renderable."""

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.text import Text

from gradcli.explain import Page

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_WIDTH = 80  # longer lines are hard to read
_INDENT = "  "


@dataclass(frozen=True)
class PageReport:
    """Meaning, example, cause and fix; the fix is shown as the line to take out and the one to put in."""

    page: Page

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        page, width = self.page, min(options.max_width, _WIDTH)
        yield _lines([f"{page.code}: {page.title}"], "bold")
        yield ""
        yield _lines(wrap(page.meaning, width))
        yield from _section("Example", page.example.splitlines())
        yield from _section("Usual cause", wrap(page.cause, width - len(_INDENT)))
        yield from _section("Usual fix", wrap(page.fix, width - len(_INDENT)))
        yield ""
        yield _lines([f"{_INDENT}- {page.wrong.strip()}"], "red")
        yield _lines([f"{_INDENT}+ {page.right.strip()}"], "green")


def _section(title: str, lines: list[str]) -> "RenderResult":
    yield ""
    yield _lines([title], "bold")
    yield _lines([f"{_INDENT}{line}".rstrip() for line in lines])


def _lines(lines: list[str], style: str = "") -> Text:
    """Lines as they are, so that code can be copied."""
    return Text("\n".join(lines), style, no_wrap=True, overflow="ignore")
