"""One check after another, in this process."""

from gradcli.suite.executors import Waiting, silently
from gradcli.suite.perform import Answer, Check, Performer


class Serial:
    """Performs a check when its answer is asked for."""

    capacity = 1

    def __init__(self, performer: Performer) -> None:
        self.waiting: Waiting = silently  # the performer shows its own progress
        self._performer = performer
        self._submitted: list[tuple[int, Check, bool]] = []
        self._now: Check | None = None

    def submit(self, ticket: int, check: Check, *, look: bool) -> None:
        self._submitted.append((ticket, check, look))

    def next(self) -> tuple[int, Answer]:
        ticket, check, look = self._submitted.pop()
        self._now = check
        answer = self._performer.look(check) if look else self._performer.perform(check)
        self._now = None
        return ticket, answer

    def under_way(self) -> list[str]:
        return [] if self._now is None else [self._now.id]

    def close(self) -> None:
        self._submitted.clear()
