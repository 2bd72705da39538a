"""Runs checks and shows what they find; the exit codes of all of them are its result."""

import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gradcli.cli import exits
from gradcli.cli.messages import complain, describe
from gradcli.cli.progress import ProgressOnTerminal
from gradcli.cli.streams import ReaderGone, silence
from gradcli.cli.terminal import make_console
from gradcli.errors import ArchiveError, GradcliError
from gradcli.report.console import CheckReport, captured_lines, check_summary, suite_summary
from gradcli.report.numbers import count
from gradcli.result import FAIL, INCONCLUSIVE, PASS, CheckResult
from gradcli.spec import CheckSpec
from gradcli.suite.outcome import Outcome
from gradcli.suite.run import Case, resolve_all, run, select

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gradcli.cli.reports import Reports
    from gradcli.suite.dump import Dump

_CODES = {PASS: exits.OK, FAIL: exits.WRONG, INCONCLUSIVE: exits.UNDECIDED}


class Session:
    """One run of `gradcli check`."""

    def __init__(self, color: str, *, quiet: bool, verbose: bool, reports: "Reports") -> None:
        self._console = make_console(sys.stderr if reports.own_stdout else sys.stdout, color)
        self._reports = reports
        self._color = color
        self._quiet = quiet
        self._verbose = verbose
        self._results: list[CheckResult] = []
        self._codes: list[int] = []
        self._without_result = 0
        self._total = 0
        self._has_printed = False

    def check_all(
        self,
        specs: Sequence[CheckSpec],
        empty: Sequence[Outcome],
        *,
        selection: str | None,
        dump: Path | None,
        exit_first: bool,
    ) -> list[int]:
        """Resolve, select, run and show; an exit code for each check, at least one.

        empty: outcomes of targets without a check. Raises GradcliError for what makes the run as a whole
        impossible.
        """
        gc.freeze()  # what the imports made stays; from here on, the code of others runs
        gc.enable()
        cases, unresolved = resolve_all(specs)
        cases = cases if selection is None else select(cases, selection)
        failed = [*empty, *unresolved]
        self._total = len(cases) + len(failed)
        if not self._total:
            complain(f"nothing to check: no id matches {selection!r}")
            return [exits.EMPTY]
        archives = _archives(dump, cases) if dump is not None and cases else None
        try:
            for outcome in failed:
                self._take(outcome, archives)
            for outcome in run(cases, ProgressOnTerminal(self._color), curves=self._reports.want_curves):
                self._take(outcome, archives)
                if exits.INTERRUPTED in self._codes:
                    raise KeyboardInterrupt
                if exit_first and self._has_failed():
                    break
            self._summarise()
        except KeyboardInterrupt:
            self._interrupted()
        except ReaderGone:
            silence(sys.stdout)
            if self._done < self._total:
                self._codes.append(exits.READER_GONE)
        self._codes += self._reports.close(
            partial=self._done < self._total or exits.INTERRUPTED in self._codes
        )
        return self._codes

    def _take(self, outcome: Outcome, archives: "Dump | None") -> None:
        """Note the code first: if the reader has left, it must still count."""
        self._codes.append(_code(outcome))
        self._reports.add(outcome)
        if outcome.result is not None:
            self._results.append(outcome.result)
        else:
            self._without_result += 1
        self._show(outcome)
        if archives is not None and outcome.result is not None and not outcome.result.interrupted:
            try:
                archives.write(outcome.result)
            except ArchiveError as error:
                complain(str(error))
                self._codes.append(error.exit_code)

    def _show(self, outcome: Outcome) -> None:
        if isinstance(outcome.error, GradcliError):
            complain(describe(outcome.error))
        elif outcome.error is not None:
            from gradcli.cli.bug import report_bug

            report_bug(outcome.error)
        result, printed = outcome.result, outcome.output if self._verbose else ""
        if (result is None and not printed) or (self._quiet and _code(outcome) == exits.OK):
            return
        self._separate()
        for line in captured_lines(printed):
            self._print(line)
        if result is not None:
            self._print(CheckReport(result, verbose=self._verbose))

    def _summarise(self) -> None:
        """The last line: of several checks what they amount to, of one that passed in quiet what it found."""
        if self._total > 1:
            left = self._total - self._done
            summary = suite_summary(self._results, not_run=self._without_result, left=left)
            self._separate()
            self._print(summary)
        elif self._quiet and self._codes == [exits.OK]:
            self._print(check_summary(self._results[0]))

    @property
    def _done(self) -> int:
        return len(self._results) + self._without_result

    def _interrupted(self) -> None:
        """Say what is known so far."""
        done = self._done - sum(result.interrupted for result in self._results)
        complain(f"interrupted: {done} of {count(self._total, 'check')} done")
        self._codes.append(exits.INTERRUPTED)
        self._summarise()

    def _has_failed(self) -> bool:
        return any(code not in (exits.OK, exits.UNDECIDED) for code in self._codes)

    def _separate(self) -> None:
        """An empty line between two reports, none before the first."""
        if self._has_printed:
            self._console.print()

    def _print(self, renderable: "RenderableType") -> None:
        self._console.print(renderable, soft_wrap=True)  # what is too long is the terminal's to fold
        self._has_printed = True


def _archives(dump: Path, cases: Sequence[Case]) -> "Dump":
    from gradcli.suite.dump import Dump

    return Dump(dump, [case.problem.id for case in cases])


def _code(outcome: Outcome) -> int:
    result = outcome.result
    if result is None:
        return outcome.error.exit_code if isinstance(outcome.error, GradcliError) else exits.BUG
    if result.interrupted:
        return exits.INTERRUPTED
    if result.verdict == INCONCLUSIVE and not result.size:
        return exits.EMPTY
    return _CODES[result.verdict]
