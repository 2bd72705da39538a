"""One check, in whatever process: from a spec to its outcome."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias

from gradcli.dataclass import dataclass
from gradcli.errors import GradcliError, LackingError, LeftOut, LoneHalf, NothingToCheck, UsageError
from gradcli.spec import CheckSpec, Settings, default_id
from gradcli.suite.capture import captured_output
from gradcli.suite.outcome import Bug, Outcome
from gradcli.targets.opened import Opened

if TYPE_CHECKING:
    from gradcli.cases import Case

Progress: TypeAlias = Callable[[float, str], None]
ShowProgress: TypeAlias = Callable[[str], AbstractContextManager[Progress | None]]


@dataclass(frozen=True)
class Wants:
    """What is made of a check beside its result."""

    drawings: bool = False  # what reports that draw need of a check that does not pass
    nodes: bool = False  # the intermediate values of forward, for archives


@dataclass(frozen=True)
class Check:
    """One check of a suite, before it is run."""

    id: str
    target: str
    spec: CheckSpec
    part: int | None = None  # of what the spec's target holds, the one in this place; None: all of it


Answer: TypeAlias = Outcome | tuple[Check, ...]


def check_of(spec: CheckSpec) -> Check:
    """A spec whose target has not been looked at yet."""
    return Check(spec.id or default_id(spec), spec.target, spec)


def no_progress(_id: str) -> AbstractContextManager[None]:
    """Show nothing."""
    return nullcontext()


class Performer:
    """Performs checks, one at a time; what goes wrong in one leaves the others alone.

    Keeps the file of the last check: those that follow in the same file do not import it again.
    """

    def __init__(
        self,
        wants: Wants,
        progress: ShowProgress = no_progress,
        printed: IO[bytes] | None = None,
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        """printed: a file for what the code has printed so far, should it end this process.

        opened: called once a check's target is open, and nothing of the check has been run.
        """
        self._wants = wants
        self._progress = progress
        self._file = printed
        self._has_opened = opened
        self._spec: CheckSpec | None = None
        self._opened: list[Opened] = []
        self._printed = ""  # during the import

    def perform(self, check: Check) -> Answer:
        """The outcome; of a target that holds several checks these, and none of them has been run."""
        listed = self.look(check)
        if isinstance(listed, Outcome) or len(listed) != 1:
            return listed
        (one,) = listed
        opened = self._opened[one.part or 0]
        self._has_opened()
        with self._progress(one.id) as show, captured_output(self._file, self._printed) as captured:
            outcome = self._run(one, opened, show)
        return replace(outcome, output=self._printed + captured.text)

    def look(self, check: Check) -> Answer:
        """The checks that a target holds, or why there are none. Imports its file, runs nothing of it."""
        if self._spec is not check.spec and self._spec != check.spec:
            self._spec, self._opened = None, []
            with captured_output(self._file) as captured:
                opened = _open(check.spec)
            if check.spec.found and isinstance(opened, NothingToCheck):
                return ()
            if check.spec.found and isinstance(opened, LoneHalf):
                opened = LeftOut(f"{opened}: left out")
            if isinstance(opened, Exception):
                return Outcome(check.id, error=opened, output=captured.text)
            self._spec, self._opened, self._printed = check.spec, opened, captured.text
        places = range(len(self._opened)) if check.part is None else [check.part]
        return tuple(
            Check(self._opened[place].id, self._opened[place].target, check.spec, place) for place in places
        )

    def _run(self, check: Check, opened: Opened, progress: Progress | None) -> Outcome:
        from gradcli import cases

        try:
            case = cases.decide(opened.problem(), check.spec.settings, progress=progress)
            outcome = Outcome(check.id, result=case.result)
            if self._wants.drawings:
                outcome = _drawn(outcome, case, check.spec.settings)
        except Exception as error:  # a bug in one check must not hide what the others find
            return Outcome(check.id, error=_named(_told(error), check.spec, check.target))
        return outcome


def _open(spec: CheckSpec) -> list[Opened] | Exception:
    from gradcli import targets

    try:
        return targets.open_target(spec)
    except Exception as error:  # said in its turn; the other checks are run
        return _told(error)


def _named(error: Exception, spec: CheckSpec, target: str) -> Exception:
    """What came up while the code ran does not know what it is called, but where a config asks for it."""
    file = Path(target.partition(":")[0]).name
    is_told = spec.origin is not None or file in str(error).partition(" ")[0]
    if type(error) not in (UsageError, LackingError) or is_told:
        return error
    return type(error)(f"{target}: {error}")


def _told(error: Exception) -> Exception:
    return error if isinstance(error, GradcliError) else Bug.of(error)


def _drawn(outcome: Outcome, case: "Case", settings: Settings) -> Outcome:
    """Whoever stops this has a result all the same, and is stopped."""
    from gradcli.suite.drawings import drawings

    try:
        return replace(outcome, drawings=drawings(case.problem, case.result, settings))
    except KeyboardInterrupt:
        return replace(outcome, result=replace(case.result, interrupted=True))
