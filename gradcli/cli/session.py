"""Runs checks and shows what they find; the exit codes of all of them are its result."""

import gc
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradcli.cli import exits
from gradcli.cli.messages import complain, describe, remark
from gradcli.cli.progress import ProgressOnTerminal, SuiteProgress
from gradcli.cli.signals import terminated_like_ctrl_c
from gradcli.cli.streams import ReaderGone, silence
from gradcli.cli.terminal import make_console
from gradcli.dataclass import dataclass
from gradcli.errors import ArchiveError, GradcliError, LeftOut
from gradcli.report.console import CheckReport, captured_lines, check_summary
from gradcli.report.numbers import count
from gradcli.report.plain import printable
from gradcli.report.tally import Tally
from gradcli.result import FAIL, INCONCLUSIVE, PASS, CheckResult
from gradcli.spec import CheckSpec
from gradcli.suite.executors.serial import Serial
from gradcli.suite.outcome import Bug, Outcome
from gradcli.suite.perform import Performer, Wants
from gradcli.suite.run import Suite
from gradcli.suite.select import everything, selection

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gradcli.cli.reports import Reports
    from gradcli.suite.baseline import Baseline
    from gradcli.suite.dump import Dump
    from gradcli.suite.executors import Executor

_NOTHING = "nothing to check: the files hold no gradient that is written by hand"
_NO_ID = "nothing to check: no id matches"
_CODES = {PASS: exits.OK, FAIL: exits.WRONG, INCONCLUSIVE: exits.UNDECIDED}


@dataclass(frozen=True)
class Orders:
    """How a suite is run: which of its checks, how many of them, and what is kept."""

    selection: str | None = None  # an expression over ids
    last_failed: bool = False  # of those, only what did not pass last time
    baseline: Path | None = None  # failures that do not count
    update_baseline: bool = False
    collect_only: bool = False  # list the ids
    maxfail: int | None = None  # stop after so many failures
    dump: Path | None = None
    jobs: int = 1  # checks at a time
    timeout: float | None = None  # seconds for each
    isolate: bool = False  # a process of its own for each
    scheduler: str | None = None  # of the cluster that runs them


class Session:
    """One run of `gradcli check`."""

    def __init__(
        self, color: str, *, quiet: bool, verbose: bool, reports: "Reports", durations: int = 0
    ) -> None:
        self._console = make_console(sys.stderr if reports.own_stdout else sys.stdout, color)
        self._reports = reports
        self._color = color
        self._quiet = quiet
        self._verbose = verbose
        self._progress = SuiteProgress(color)
        self._tally = Tally(durations=durations)
        self._last: CheckResult | None = None
        self._baseline: Baseline | None = None
        self._passed: dict[str, bool] = {}  # by id, of the checks that ran
        self._codes: list[int] = []
        self._has_printed = False
        self._cannot_keep = False

    def check_all(self, specs: Sequence[CheckSpec], empty: Sequence[Outcome], orders: Orders) -> list[int]:
        """Select, run and show; an exit code for each check, at least one.

        empty: outcomes of targets without a check. Raises GradcliError for what makes the run as a whole
        impossible.
        """
        gc.freeze()  # what the imports made stays; from here on, the code of others runs
        gc.enable()
        with terminated_like_ctrl_c():
            executor = self._executor(orders)
            suite = Suite(specs, executor, empty)
            executor.waiting = lambda ids: self._progress.show(self._tally.done, suite.left, ids)
            try:
                return self._run(suite, orders)
            finally:
                self._progress.clear()
                executor.close()

    def _executor(self, orders: Orders) -> "Executor":
        wants = Wants(drawings=self._reports.want_drawings, nodes=orders.dump is not None)
        if orders.scheduler is not None:
            from gradcli.suite.executors.dask import Dask

            return Dask(orders.scheduler, wants)
        if orders.jobs == 1 and orders.timeout is None and not orders.isolate:
            return Serial(Performer(wants, ProgressOnTerminal(self._color)))
        from gradcli.suite.executors.processes import Processes  # a plain check starts sooner without

        return Processes(orders.jobs, wants, timeout=orders.timeout, isolate=orders.isolate)

    def _run(self, suite: Suite, orders: Orders) -> list[int]:
        if orders.baseline is not None:
            from gradcli.suite.baseline import Baseline

            self._baseline = Baseline(orders.baseline, update=orders.update_baseline)
        try:
            ids = self._choose(suite, orders)
            if not suite.left:
                complain(_NOTHING if orders.selection is None else f"{_NO_ID} {orders.selection!r}")
                return [exits.EMPTY]
            if orders.collect_only and ids is not None:
                return self._list(ids, suite)
            archives = _archives(orders.dump, ids) if orders.dump is not None and ids else None
            for outcome in suite.run():
                self._progress.clear()
                if isinstance(outcome.error, LeftOut):
                    remark(str(outcome.error))
                    continue
                self._take(outcome, archives)
                if exits.INTERRUPTED in self._codes:
                    raise KeyboardInterrupt
                if orders.maxfail and self._failures() >= orders.maxfail:
                    break
            if not self._codes:
                complain(_NOTHING)
            self._summarise(suite.left)
        except KeyboardInterrupt:
            self._interrupted(suite)
        except ReaderGone:
            silence(sys.stdout)
            if suite.left:
                self._codes.append(exits.READER_GONE)
        partial = bool(suite.left) or exits.INTERRUPTED in self._codes
        if self._baseline is not None and not (partial or orders.selection or orders.last_failed):
            self._tell_gone(self._baseline)
        self._close(partial=partial)
        return self._codes

    def _choose(self, suite: Suite, orders: Orders) -> list[str] | None:
        """Restrict the suite to what is wanted; the ids, if the targets had to be opened for that."""
        chosen = everything if orders.selection is None else selection(orders.selection)
        if orders.last_failed:
            from gradcli.suite.last_failed import last_failed, remembered

            failed = remembered()
            chosen = last_failed(chosen, failed)
        if not (orders.selection is not None or orders.last_failed or orders.dump or orders.collect_only):
            return None
        ids = suite.look(chosen)
        if orders.last_failed and ids and failed.isdisjoint(ids):
            remark("--lf: none of these checks is known to have failed; all are run")
        return ids

    def _close(self, *, partial: bool) -> None:
        """Write what outlives the run: reports, the baseline, and what failed."""
        self._codes += self._reports.close(partial=partial)
        if self._baseline is not None:
            try:
                self._baseline.close()
            except GradcliError as error:
                complain(str(error))
                self._codes.append(error.exit_code)
        if self._passed:
            from gradcli.suite.last_failed import remember

            try:
                remember(self._passed)
            except GradcliError as error:
                if not self._cannot_keep:
                    remark(f"{error}; --lf will not know of this run")

    def _list(self, ids: Sequence[str], suite: Suite) -> list[int]:
        """Say what would be checked: ids that `-k` takes."""
        for outcome in suite.unopened:
            if isinstance(outcome.error, LeftOut):
                remark(str(outcome.error))
                continue
            self._codes.append(_code(outcome))
            self._show(outcome)
        for id in ids:
            self._print(printable(id))
        return [*self._codes, *([exits.OK] if ids else [])]

    def _take(self, outcome: Outcome, archives: "Dump | None") -> None:
        """Note the code first: if the reader has left, it must still count."""
        if self._baseline is not None:
            self._tell_cured(outcome, self._baseline)
            outcome = self._baseline.judged(outcome)
        self._codes.append(_code(outcome))
        outcome = replace(outcome, replay=self._kept(outcome))
        self._reports.add(outcome)
        self._last = outcome.result
        if outcome.result is not None:
            self._tally.add(outcome.result, known=outcome.known is not None)
            if not outcome.result.interrupted:
                self._passed[outcome.id] = outcome.result.passed or outcome.result.expected is not None
        else:
            self._tally.not_run += 1
        self._show(outcome)
        if archives is not None and outcome.result is not None and not outcome.result.interrupted:
            try:
                archives.write(outcome.result)
            except ArchiveError as error:
                complain(str(error))
                self._codes.append(error.exit_code)

    def _tell_cured(self, outcome: Outcome, baseline: "Baseline") -> None:
        """A baseline that knows what is no longer wrong would hide it when it comes back."""
        if cured := baseline.cured(outcome):
            id, path, listed = printable(outcome.id), baseline.path, ", ".join(cured)
            if baseline.update:
                remark(f"{id}: no longer wrong, and no longer in {path}: {listed}")
                return
            complain(f"{id}: no longer wrong, but still in {path}: {listed}; run --update-baseline")
            self._codes.append(exits.WRONG)

    def _tell_gone(self, baseline: "Baseline") -> None:
        """No failure: what a baseline lists may be a check of another run that shares it."""
        if gone := baseline.gone():
            listed = ", ".join(map(printable, gone))
            if baseline.update:
                remark(f"no longer in {baseline.path}, for there are no such checks: {listed}")
            else:
                remark(f"{baseline.path} lists what is no check of this run: {listed}; run --update-baseline")

    def _kept(self, outcome: Outcome) -> str | None:
        """Keep a failing check, and say how to replay it; where it cannot be kept, nothing else changes."""
        if outcome.result is None or not outcome.result.arrays:
            return None  # nothing that could be run again
        from gradcli.suite.failures import keep

        try:
            path = keep(outcome.result)
        except ArchiveError as error:
            if not self._cannot_keep:
                remark(f"{error}; failing checks are not kept for gradcli replay")
            self._cannot_keep = True
            return None
        if path is None:
            return None
        from gradcli.replay import replay_line

        return replay_line(path, outcome.result)

    def _show(self, outcome: Outcome) -> None:
        if isinstance(outcome.error, GradcliError):
            complain(describe(outcome.error))
        elif isinstance(outcome.error, Bug):
            from gradcli.cli.bug import report_bug

            report_bug(outcome.error)
        result, printed = outcome.result, outcome.output if self._verbose else ""
        if (result is None and not printed) or (self._quiet and _code(outcome) == exits.OK):
            return
        self._separate()
        for line in captured_lines(printed):
            self._print(line)
        if result is not None:
            self._print(CheckReport(result, verbose=self._verbose, replay=outcome.replay))
            if outcome.known is not None:
                self._print(f"known: {printable(outcome.known)} lists all of it, so that it does not count")
        self._console.file.flush()  # a log shows each check when it is done

    def _summarise(self, left: int) -> None:
        """The last lines: what several checks amount to, and of one that passed in quiet what it found."""
        if self._tally.done + left > 1:
            self._separate()
            for line in (*self._tally.failures(), *self._tally.slowest()):
                self._print(line)
            self._print(self._tally.summary(left=left))
        elif self._quiet and self._codes == [exits.OK] and self._last is not None:
            self._print(check_summary(self._last))

    def _interrupted(self, suite: Suite) -> None:
        """Say what is known so far, and where the run was."""
        self._progress.clear()
        tally = self._tally
        done = tally.done - tally.words["interrupted"]
        self._reports.under_way = suite.under_way
        under_way = ", ".join(map(printable, suite.under_way))
        at = f"; under way: {under_way}" if under_way else ""
        complain(f"interrupted: {done} of {count(tally.done + suite.left, 'check')} done{at}")
        self._codes.append(exits.INTERRUPTED)
        self._summarise(suite.left)

    def _failures(self) -> int:
        return sum(code not in (exits.OK, exits.UNDECIDED) for code in self._codes)

    def _separate(self) -> None:
        """An empty line between two reports, none before the first."""
        if self._has_printed:
            self._console.print()

    def _print(self, renderable: "RenderableType") -> None:
        self._console.print(renderable, soft_wrap=True)  # what is too long is the terminal's to fold
        self._has_printed = True


def _archives(dump: Path, ids: Sequence[str]) -> "Dump":
    from gradcli.suite.dump import Dump

    return Dump(dump, ids)


def _code(outcome: Outcome) -> int:
    result = outcome.result
    if result is None:
        return outcome.error.exit_code if isinstance(outcome.error, GradcliError) else exits.BUG
    if result.interrupted:
        return exits.INTERRUPTED
    if outcome.excuse is not None:
        return exits.OK
    if result.verdict == INCONCLUSIVE and not result.size:
        return exits.EMPTY
    return _CODES[result.verdict]
