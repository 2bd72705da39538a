"""The progress bar: on a terminal only, on standard error only, after a second only."""

import io
import os
import pty
import sys
from types import SimpleNamespace

import pytest

from gradcli.cli import progress
from gradcli.cli.progress import ProgressOnTerminal, SuiteProgress

_END = "<end>"


class Terminal:
    """A terminal as standard error, while a test asks for it, and what it shows."""

    def __init__(self, monkeypatch):
        self._reader, writer = pty.openpty()
        self._stream = os.fdopen(writer, "w", encoding="utf-8")
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "100")

    def progress(self, color, id):
        self._monkeypatch.setattr(sys, "stderr", self._stream)
        return ProgressOnTerminal(color)(id)

    def suite_progress(self):
        self._monkeypatch.setattr(sys, "stderr", self._stream)
        return SuiteProgress("never")

    def shown(self):
        """All that was written since this was asked before."""
        self._stream.write(_END)  # a terminal passes things on in order, and a moment after they were written
        self._stream.flush()
        found = b""
        while not found.endswith(_END.encode()):
            found += os.read(self._reader, 100_000)
        return found.decode().removesuffix(_END)

    def close(self):
        self._stream.close()
        os.close(self._reader)


@pytest.fixture
def terminal(monkeypatch):
    terminal = Terminal(monkeypatch)
    yield terminal
    terminal.close()


def test_a_long_check_shows_how_far_it_is_and_cleans_up(terminal, monkeypatch):
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    with terminal.progress("never", "bn[red]\x1b") as show:
        show(0.5, "x: 3 of 6")
        while_open = terminal.shown()
    assert "bn[red]\\x1b  x: 3 of 6" in while_open
    assert "50%" in while_open
    assert "\x1b[?25l" in while_open  # the cursor is hidden, and shown again:
    assert "\x1b[?25h" in terminal.shown()


def test_a_short_check_shows_nothing(terminal, monkeypatch):
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: 0.0))
    with terminal.progress("auto", "bn") as show:
        show(0.5, "x")
    assert terminal.shown() == ""


def test_an_interrupted_check_leaves_a_clean_terminal(terminal, monkeypatch):
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)

    def interrupted():
        with terminal.progress("auto", "bn") as show:
            show(0.5, "x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "\x1b[?25h" in terminal.shown()


def test_a_suite_in_other_processes_shows_what_is_under_way_until_there_is_a_report(terminal):
    progress = terminal.suite_progress()
    progress.show(37, 63, ["bn[red]", "relu"])
    shown = terminal.shown()
    assert "37 of 100 checks, now bn[red] and 1 more" in shown
    assert " 37%" in shown
    progress.clear()
    assert "\x1b[?25h" in terminal.shown()


@pytest.mark.parametrize("variables", [{}, {"FORCE_COLOR": "1"}])
def test_off_a_terminal_there_is_no_bar(variables, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with ProgressOnTerminal("always")("bn") as show:
        assert show is None
    SuiteProgress("always").show(1, 2, ["bn"])
    assert stream.getvalue() == ""
