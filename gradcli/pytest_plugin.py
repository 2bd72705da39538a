"""The pytest plugin: configs as test items, the fixture `gradcheck`, reports with `--gradcli-report`.

It is loaded in every pytest run where gradcli is installed: it imports nothing of gradcli until it is used.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gradcli.cli.reports import Reports
    from gradcli.result import CheckResult
    from gradcli.spec import CheckSpec
    from gradcli.suite.outcome import Outcome

_REPORTS: "pytest.StashKey[Reports]" = pytest.StashKey()
_LOST: "pytest.StashKey[bool]" = pytest.StashKey()  # whether a worker died with what it had found
_SENT = "gradcli"  # the name of what a worker of xdist sends to its controller


class CheckDidNotPass(Exception):
    """What a check found, as text."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("gradcli").addoption(
        "--gradcli-report",
        action="append",
        default=[],
        metavar="FMT[=PATH]",
        help="write a report of the gradient checks in *.gradcli.yaml: what gradcli check --report takes",
    )


def pytest_configure(config: pytest.Config) -> None:
    asked = config.getoption("--gradcli-report")
    if not asked:
        return
    from gradcli.cli.reports import read_reports
    from gradcli.errors import GradcliError

    try:
        config.stash[_REPORTS] = read_reports(asked)
    except GradcliError as error:
        raise pytest.UsageError(str(error).replace("--report", "--gradcli-report")) from error


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "ConfigFile | None":
    if file_path.name == "gradcli.yaml" or file_path.name.endswith(".gradcli.yaml"):
        return ConfigFile.from_parent(parent, path=file_path)
    return None


def pytest_sessionfinish(session: pytest.Session) -> None:
    reports = session.config.stash.get(_REPORTS, None)
    if reports is None:
        return
    if hasattr(session.config, "workeroutput"):  # of xdist, whose controller writes what all workers found
        session.config.workeroutput[_SENT] = reports.found()
        return
    lost = session.config.stash.get(_LOST, False)
    partial = (
        lost or bool(session.shouldstop or session.shouldfail) or len(reports.outcomes) < _items(session)
    )
    if any(reports.close(partial=partial)):
        session.exitstatus = pytest.ExitCode.USAGE_ERROR


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object | None) -> None:
    """Take what a worker of xdist has found; one that died leaves the report partial."""
    reports = node.config.stash.get(_REPORTS, None)
    if reports is None:
        return
    sent = getattr(node, "workeroutput", {}).get(_SENT)
    node.config.stash[_LOST] = node.config.stash.get(_LOST, False) or sent is None
    if sent is not None:
        reports.take(sent)


def _items(session: pytest.Session) -> int:
    return sum(isinstance(item, CheckItem) for item in getattr(session, "items", []))


class ConfigFile(pytest.File):
    """A config: one item for each check in it."""

    def collect(self) -> Iterator["CheckItem"]:
        from gradcli import config
        from gradcli.errors import GradcliError

        try:
            specs = config.load(self.path)
        except GradcliError as error:
            raise self.CollectError(str(error)) from None
        for spec in specs:
            yield CheckItem.from_parent(self, name=str(spec.id), spec=spec)


class CheckItem(pytest.Item):
    """One check of a config."""

    def __init__(self, *, spec: "CheckSpec", **arguments: Any) -> None:
        super().__init__(**arguments)
        self.spec = spec

    def runtest(self) -> None:
        from gradcli.report.account import account

        for outcome in self._outcomes():
            if outcome.error is not None:
                raise outcome.error
            if outcome.result is not None and outcome.result.interrupted:
                raise KeyboardInterrupt
            if outcome.result is not None and outcome.result.expected is not None:
                pytest.xfail(outcome.result.expected)
            if outcome.result is not None and not outcome.result.passed:
                raise CheckDidNotPass(account(outcome.result))

    def _outcomes(self) -> "list[Outcome]":
        from gradcli.suite.perform import Wants
        from gradcli.suite.run import outcomes_of

        reports = self.config.stash.get(_REPORTS, None)
        wants = Wants(drawings=reports is not None and reports.want_drawings)
        outcomes = list(outcomes_of(self.spec, wants))
        for outcome in outcomes:
            print(outcome.output, end="")  # pytest shows it where the check fails
            if reports is not None:
                reports.add(outcome)
        return outcomes

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The account alone: gradcli's own frames tell nothing about the user's code."""
        from gradcli.errors import GradcliError

        if isinstance(excinfo.value, CheckDidNotPass | GradcliError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


@pytest.fixture
def gradcheck() -> "Callable[..., CheckResult]":
    """`gradcli.check` that fails the test, with an account, unless the check passes; returns the result."""

    def asserting(*arguments: Any, **keywords: Any) -> "CheckResult":
        __tracebackhide__ = True  # what pytest shows is the line of the test
        from gradcli.api import checked_for_test
        from gradcli.report.account import account

        result = checked_for_test(*arguments, **keywords)
        if result.expected is not None:
            pytest.xfail(result.expected)
        if not result.passed:
            pytest.fail(account(result))
        return result

    return asserting
