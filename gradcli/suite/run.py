"""A suite: many checks, in order, each one's outcome as soon as it is there."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gradcli.errors import UsageError
from gradcli.spec import CheckSpec
from gradcli.suite.executors import Executor
from gradcli.suite.executors.serial import Serial
from gradcli.suite.order import InOrder
from gradcli.suite.outcome import Outcome
from gradcli.suite.perform import Check, Performer, Wants, check_of
from gradcli.suite.select import Selection


class Suite:
    """The checks of some specs. Their targets are opened one by one, when their turn comes."""

    def __init__(
        self, specs: Iterable[CheckSpec], executor: Executor, unopened: Iterable[Outcome] = ()
    ) -> None:
        """unopened: outcomes of targets that could not even be specs.

        Raises UsageError if two specs have the same id: reports could not tell them apart.
        """
        self._checks = [check_of(spec) for spec in specs]
        self._executor = executor
        self.unopened = list(unopened)
        self._queue: InOrder | None = None
        _refuse_duplicates(self._checks)

    @property
    def left(self) -> int:
        """How many checks have had no outcome yet; a target that was not opened counts as one."""
        return len(self.unopened) + (len(self._checks) if self._queue is None else self._queue.left)

    @property
    def under_way(self) -> list[str]:
        """The ids of the checks that somebody is at."""
        return self._executor.under_way()

    def look(self, wanted: Selection) -> list[str]:
        """Open every target, keep the checks whose ids are wanted, and return these ids.

        wanted: given all ids, says which of them. What cannot be opened stays, to be told by `run`.
        """
        found: list[Check] = []
        for answer in InOrder(self._executor, self._checks, look=True):
            if isinstance(answer, Outcome):
                self.unopened.append(answer)
            else:
                found += answer
        _refuse_duplicates(found)
        is_wanted = wanted([check.id for check in found])
        self._checks = [check for check in found if is_wanted(check.id)]
        return [check.id for check in self._checks]

    def run(self) -> Iterator[Outcome]:
        """An outcome for each check. Of two with the same id, the second is not run but refused."""
        while self.unopened:
            yield self.unopened.pop(0)
        self._queue = InOrder(self._executor, self._checks)
        taken: set[str] = set()
        for answer in self._queue:
            assert isinstance(answer, Outcome)
            if answer.id in taken:
                message = f"two checks have the id {answer.id!r}; an id names one check"
                answer = replace(answer, result=None, error=UsageError(message))
            taken.add(answer.id)
            yield answer


def outcomes_of(spec: CheckSpec, wants: Wants) -> Iterator[Outcome]:
    """What becomes of the checks of one spec, here and now."""
    return Suite([spec], Serial(Performer(wants))).run()


def _refuse_duplicates(checks: Iterable[Check]) -> None:
    first: dict[str, Check] = {}
    mistakes = []
    for check in checks:
        earlier = first.setdefault(check.id, check)
        if earlier is not check:
            mistakes.append(
                f"two checks have the id {check.id!r}: {_origin(earlier)} and {_origin(check)}; "
                "an id names one check"
            )
    if mistakes:
        raise UsageError("\n".join(mistakes))


def _origin(check: Check) -> str:
    return check.spec.origin or f"the target {check.spec.target!r}"
