"""`--report FMT[=PATH]`: collects outcomes and writes the reports that were asked for."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from gradcli.atomic import refuse_unwritable, write_pieces
from gradcli.cli.messages import complain
from gradcli.errors import UsageError
from gradcli.report.files import FORMATS, Format, Run
from gradcli.result import Gradient
from gradcli.suite.outcome import Outcome
from gradcli.targets.near_miss import did_you_mean

if TYPE_CHECKING:
    from gradcli.report.html.views import CheckView
    from gradcli.suite.spool import Spool

NONE = "none"


@dataclass
class Reports:
    """The reports of one run; `close` writes them, whole or not at all."""

    wanted: Sequence[tuple[Format, Path | None]]  # None: standard output
    append_to: Path | None = None  # GitHub's summary file belongs to all steps: nothing in it is replaced
    under_way: Sequence[str] = ()  # the checks that were interrupted

    @cached_property
    def outcomes(self) -> "Spool[Outcome]":
        """What was added."""
        from gradcli.suite.portable import dumped
        from gradcli.suite.spool import Spool

        return Spool(partial(dumped, nodes=False))

    @cached_property
    def views(self) -> "Spool[CheckView]":
        """What there is to draw of each outcome, if one of the reports draws."""
        from gradcli.suite.spool import Spool

        return Spool()

    @property
    def own_stdout(self) -> bool:
        """Whether a report is to be all that standard output holds; annotations stand among other lines."""
        return any(path is None and format.path for format, path in self.wanted)

    @property
    def want_drawings(self) -> bool:
        """Whether one of them draws."""
        return any(format.draws for format, _ in self.wanted)

    def add(self, outcome: Outcome) -> None:
        if self.want_drawings:
            from gradcli.report.html.views import view

            self.views.add(view(outcome))
        if self.wanted:
            self.outcomes.add(_slim(outcome))

    def found(self) -> tuple[list[bytes], list[bytes]]:
        """All that was added, for the reports of another process."""
        return list(self.outcomes.frames()), list(self.views.frames())

    def take(self, found: tuple[Iterable[bytes], Iterable[bytes]]) -> None:
        """Add what another process found; all is in the order of ids then, whoever was first."""
        outcomes, views = found
        for frame in outcomes:
            self.outcomes.add_frame(frame)
        for frame in views:
            self.views.add_frame(frame)
        ids = [outcome.id for outcome in self.outcomes]
        order = sorted(range(len(ids)), key=ids.__getitem__)
        self.outcomes.reorder(order)
        if self.want_drawings:
            self.views.reorder(order)

    def close(self, *, partial: bool) -> list[int]:
        """Write everything; the exit codes of what could not be written."""
        codes: list[int] = []
        if not self.wanted:
            return codes
        run = Run(self.outcomes, partial, tuple(self.under_way), self.views)
        for format, path in self.wanted:
            try:
                self._write(path, format.render(run))
            except UsageError as error:
                complain(f"--report {format.name}: {error}")
                codes.append(error.exit_code)
        self.outcomes.close()
        self.views.close()
        return codes

    def _write(self, path: Path | None, pieces: Iterable[str]) -> None:
        if path is None:
            sys.stdout.writelines(pieces)
            sys.stdout.flush()
        elif path == self.append_to:
            try:
                with path.open("a", encoding="utf-8") as file:
                    file.writelines(pieces)
            except OSError as error:
                raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
        else:
            write_pieces(path, pieces)


def _slim(outcome: Outcome) -> Outcome:
    """What a report needs: a long suite's inputs, caches and gradients would fill the memory."""
    result = outcome.result
    if result is None:
        return outcome
    gradients = {name: _at_worst(gradient) for name, gradient in result.gradients.items()}
    slim = replace(result, gradients=gradients, arrays={}, constants={}, node_table=())
    return replace(outcome, result=slim, drawings=None)


def _at_worst(gradient: Gradient) -> Gradient:
    """The gradient as if every element were the one that decided, which takes no room."""
    import numpy as np

    names = ("analytic", "numeric", "uncertainty")
    arrays = {name: np.asarray(getattr(gradient, name)) for name in names}
    if not gradient.size or any(array.shape != gradient.shape for array in arrays.values()):
        return gradient
    at, shape = gradient.worst_index, gradient.shape
    few = {name: np.broadcast_to(np.array(array[at]), shape) for name, array in arrays.items()}
    return replace(gradient, **few)  # type: ignore[arg-type]  # each is an array


def read_reports(asked: Sequence[str], environment: Mapping[str, str] = os.environ) -> Reports:
    """The reports that the options ask for; under GitHub Actions also `github` and `summary`.

    Raises UsageError for a format that does not exist or whose package is missing, and for a file that cannot
    be written.
    """
    summary = environment.get("GITHUB_STEP_SUMMARY")
    append_to = Path(summary) if summary else None
    words = [*asked, *_usual(asked, environment)]
    wanted = [_wanted(word, append_to) for word in words if word != NONE]
    _refuse_shared(wanted)
    for format, path in wanted:
        _refuse_missing(format)
        if path is not None and path != append_to:
            refuse_unwritable(path)
    return Reports(wanted, append_to)


def _refuse_shared(wanted: Sequence[tuple[Format, Path | None]]) -> None:
    """Raise UsageError for a place that two reports would have: one would be lost, or neither be read."""
    taken: dict[str | None, Format] = {}
    for format, path in wanted:
        if path is None and not format.path:
            continue  # annotations stand among other lines
        first = taken.setdefault(None if path is None else os.path.realpath(path), format)
        if first is not format:
            place = "standard output" if path is None else str(path)
            raise UsageError(f"--report {format.name}: {place} is taken by --report {first.name}")


def _refuse_missing(format: Format) -> None:
    """Raise UsageError if the package that a format is drawn with is not there."""
    if not format.needs:
        return
    from importlib.util import find_spec

    if find_spec(format.needs) is None:
        raise UsageError(
            f"--report {format.name}: {format.needs} is not installed. "
            f"Run: pip install 'gradcli[{format.name}]'"
        )


def _usual(asked: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The reports that are on where nobody asked, which is said."""
    if environment.get("GITHUB_ACTIONS", "").lower() not in ("true", "1") or NONE in asked:
        return []
    given = {word.partition("=")[0] for word in asked}
    possible = ["github", "summary"] if environment.get("GITHUB_STEP_SUMMARY") else ["github"]
    usual = [name for name in possible if name not in given]
    if usual:
        listed = ", ".join(usual)
        print(
            f"gradcli: reports for GitHub Actions: {listed} (--report none turns them off)", file=sys.stderr
        )
    return usual


def _wanted(word: str, append_to: Path | None) -> tuple[Format, Path | None]:
    name, given, path = word.partition("=")
    if name not in FORMATS:
        near = did_you_mean(name, [*FORMATS, NONE]) or ";"
        raise UsageError(f"--report {word}: no format {name!r}{near} there are {', '.join(FORMATS)}, {NONE}")
    if given and not path:
        raise UsageError(f"--report {word}: the path is missing after '='")
    format = FORMATS[name]
    if path in ("-", "/dev/stdout") or not (path or format.path):
        return format, None
    if name == "summary" and not path and append_to is not None:
        return format, append_to
    return format, Path(path or format.path)
