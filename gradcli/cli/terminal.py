"""Where to draw: colour and width, decided here and not by whatever Rich finds in the environment."""

import os
import sys
from typing import TYPE_CHECKING, TextIO

from gradcli.cli.streams import Output

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_OFF_TERMINAL = 120  # wide enough for every column of an ordinary check, in a log as in a file
COLOR = ("auto", "always", "never")


def wants_color(choice: str, stream: TextIO) -> bool:
    """The first of these that says anything: the option, NO_COLOR, FORCE_COLOR, the terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream)


def is_terminal(stream: TextIO) -> bool:
    """Whether the stream is a terminal that can do more than print lines."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and not _is_old_console()


def _is_old_console() -> bool:
    """Whether this is a console of Windows that prints escapes as they are."""
    if sys.platform != "win32":
        return False
    from rich.console import detect_legacy_windows

    return detect_legacy_windows()


def width_of(stream: TextIO) -> int:
    """COLUMNS, else the terminal's width, else that of a log."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    if stream.isatty():
        try:
            return os.get_terminal_size(stream.fileno()).columns or WIDTH_OFF_TERMINAL
        except (OSError, ValueError):
            pass
    return WIDTH_OFF_TERMINAL


def make_console(stream: TextIO, color: str, *, live: bool = False) -> "Console":
    """A Rich console that takes text as it is: no markup, no emoji, no guessing.

    live: it may move the cursor.
    """
    from rich.console import Console

    colored = wants_color(color, stream)
    return Console(
        file=Output(stream),  # type: ignore[arg-type]  # all of a file that Rich uses
        width=width_of(stream),
        height=25,
        color_system="standard" if colored else None,
        no_color=not colored,
        force_terminal=colored or live,
        force_interactive=live,
        force_jupyter=False,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
