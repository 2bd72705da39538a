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
        self._limit = 1.2  # budgets that may be spent: predictions may be off by a fifth

    def spent(self) -> float:
        return time.perf_counter() - self._started

    def left(self) -> float:
        """Seconds of the budget that are left; infinite without one."""
        return float("inf") if self.budget is None else self.budget - self.spent()

    def affords(self, seconds: float) -> bool:
        return seconds <= self.left()

    def check(self) -> None:
        """Raise OutOfTime once the budget is overdrawn."""
        if self.budget is not None and self.spent() > self._limit * self.budget:
            raise OutOfTime

    def grace_left(self) -> float:
        """Seconds until one and a half budgets are spent; infinite without a budget."""
        return float("inf") if self.budget is None else max(0.0, 1.45 * self.budget - self.spent())

    def grace(self, seconds: float) -> bool:
        """Whether a last piece of work fits within one and a half budgets; if so, it may be done."""
        if self.budget is None or self.spent() + seconds <= 1.45 * self.budget:
            self._limit = 1.45
            return True
        return False
