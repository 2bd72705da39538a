"""Answers in the order of the checks, however many are under way at once."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from gradcli.suite.executors import Executor
from gradcli.suite.outcome import Outcome
from gradcli.suite.perform import Answer, Check

_AHEAD = 16  # checks per place of the executor that may be done before their turn


@dataclass(eq=False)
class _Slot:
    """A check in its place, and the answer once it is there."""

    check: Check
    begun: bool = False
    answer: Answer | None = None


class InOrder:
    """The answer of each check in turn; look: only what the targets hold.

    A target that turns out to hold several checks makes room for them, and is none itself.
    Memory: a bounded number of answers, however many checks there are.
    """

    def __init__(self, executor: Executor, checks: Iterable[Check], *, look: bool = False) -> None:
        self._executor = executor
        self._look = look
        self._waiting = deque(checks)
        self._slots: list[_Slot] = []

    @property
    def left(self) -> int:
        """How many answers are still to come; a target that was not looked at counts as one."""
        return len(self._waiting) + len(self._slots)

    def __iter__(self) -> Iterator[Answer]:
        """Interrupted, it gives the answers that waited for their turn before KeyboardInterrupt goes on."""
        tickets = count()
        running: dict[int, _Slot] = {}
        try:
            while True:
                while len(running) < self._executor.capacity and (slot := self._next()):
                    ticket = next(tickets)
                    slot.begun, running[ticket] = True, slot
                    self._executor.submit(ticket, slot.check, look=self._look)
                if not running:
                    return
                ticket, answer = self._executor.next()
                self._place(running.pop(ticket), answer)
                while self._slots and (first := self._slots[0].answer) is not None:
                    del self._slots[0]
                    yield first
        except KeyboardInterrupt:
            yield from self._answered()
            raise

    def _next(self) -> _Slot | None:
        """The first that has not begun; none while too many wait for a slow one."""
        for slot in self._slots:
            if not slot.begun:
                return slot
        if not self._waiting or len(self._slots) > _AHEAD * self._executor.capacity:
            return None
        self._slots.append(_Slot(self._waiting.popleft()))
        return self._slots[-1]

    def _place(self, slot: _Slot, answer: Answer) -> None:
        if isinstance(answer, Outcome) or self._look:
            slot.answer = answer
            return
        place = self._slots.index(slot)
        self._slots[place : place + 1] = [_Slot(check) for check in answer]

    def _answered(self) -> Iterator[Answer]:
        for slot in list(self._slots):
            if slot.answer is not None:
                self._slots.remove(slot)
                yield slot.answer
