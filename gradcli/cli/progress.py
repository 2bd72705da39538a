"""A progress bar on standard error, for a check of more than a second, and only on a terminal."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from gradcli.cli.terminal import is_terminal, make_console
from gradcli.report.plain import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_PATIENCE = 1.0  # seconds before there is anything to see
_PAUSE = 0.1  # between two drawings


class _Progress:
    """Draws the bar of one check when the check reports how far it is."""

    def __init__(self, id: str, stream: TextIO, color: str, patience: float) -> None:
        self._id = printable(id)
        self._stream = stream
        self._color = color
        self._next = time.monotonic() + patience
        self._bar: Bar | None = None

    def __call__(self, fraction: float, text: str) -> None:
        if time.monotonic() < self._next:
            return
        if self._bar is None:
            self._bar = self._start()
        task, told = self._bar.task_ids[0], f"{self._id}  {printable(text)}".lstrip()
        self._bar.update(task, completed=fraction, description=told, refresh=True)
        self._next = time.monotonic() + _PAUSE

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _start(self) -> "Bar":
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            console=make_console(self._stream, self._color, live=True),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        bar.add_task(self._id, total=1.0)
        bar.start()
        return bar


class SuiteProgress:
    """Draws the bar of a suite whose checks run elsewhere, while none of them is done."""

    def __init__(self, color: str) -> None:
        self._stream = sys.stderr
        self._color = color
        self._progress: _Progress | None = None

    def show(self, done: int, left: int, under_way: Sequence[str]) -> None:
        """How many checks are done, and which are under way."""
        if not is_terminal(self._stream) or not under_way:
            return
        if self._progress is None:
            self._progress = _Progress("", self._stream, self._color, patience=0.0)
        first, *others = under_way
        more = f" and {len(others)} more" if others else ""
        self._progress(done / (done + left), f"{done} of {done + left} checks, now {first}{more}")

    def clear(self) -> None:
        """Make room for a report."""
        if self._progress is not None:
            self._progress.close()
            self._progress = None


class ProgressOnTerminal:
    """Opens the progress of each check of a suite."""

    def __init__(self, color: str) -> None:
        self._stream = sys.stderr  # the real one: during a check, sys.stderr is captured
        self._color = color

    @contextmanager
    def __call__(self, id: str) -> Iterator[_Progress | None]:
        if not is_terminal(self._stream):
            yield None
            return
        progress = _Progress(id, self._stream, self._color, _PATIENCE)
        try:
            yield progress
        finally:
            progress.close()
