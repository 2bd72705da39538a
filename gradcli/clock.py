"""The time budget of a check."""

import time


class OutOfTime(BaseException):
    """The budget is spent; what is known so far is the answer.

    Not an Exception: what a moved point makes the code raise is caught on the way, and this must not be.
    """


class Clock:
    """Seconds spent, and whether more work fits. `budget` None: no bound."""

    def __init__(self, budget: float | None) -> None:
        self.budget = budget
        self._started = time.perf_counter()

    def spent(self) -> float:
        return time.perf_counter() - self._started

    def left(self) -> float:
        """Seconds of the budget that are left; infinite without one."""
        return float("inf") if self.budget is None else self.budget - self.spent()

    def affords(self, seconds: float) -> bool:
        return seconds <= self.left()

    def check(self) -> None:
        """Raise OutOfTime once the budget is overdrawn by a fifth: predictions may be off by that much."""
        if self.budget is not None and self.spent() > 1.2 * self.budget:
            raise OutOfTime
