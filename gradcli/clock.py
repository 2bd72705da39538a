"""The time budget of a check."""

import time

_OVERDRAWN = 1.2  # budgets that may be spent: predictions may be off by a fifth
_GRACE = 1.4  # budgets that a last piece of work may end in


class OutOfTime(BaseException):
    """The budget is spent; what is known so far is the answer.

    Not an Exception: what a moved point makes the code raise is caught on the way, and this must not be.
    """


class Clock:
    """Seconds spent, and whether more work fits. `budget` None: no bound."""

    def __init__(self, budget: float | None) -> None:
        self.budget = budget
        self._started = time.perf_counter()
        self._limit = _OVERDRAWN

    def spent(self) -> float:
        return time.perf_counter() - self._started

    def left(self) -> float:
        """Seconds of the budget that are left; infinite without one."""
        return float("inf") if self.budget is None else self.budget - self.spent()

    def affords(self, seconds: float) -> bool:
        return seconds <= self.left()

    def check(self, seconds: float = 0.0) -> None:
        """Raise OutOfTime once the budget is overdrawn, or where so many more seconds would overdraw it."""
        if self.budget is not None and self.spent() + seconds > self._limit * self.budget:
            raise OutOfTime

    def grace_left(self) -> float:
        """Seconds until one and a half budgets are spent; infinite without a budget."""
        return float("inf") if self.budget is None else max(0.0, _GRACE * self.budget - self.spent())

    def after(self) -> "Clock":
        """A clock for what comes after the comparison: it ends when one and a half budgets are spent."""
        return Clock(None if self.budget is None else self.grace_left() / _OVERDRAWN)

    def grace(self, seconds: float) -> bool:
        """Whether a last piece of work fits within one and a half budgets; if so, it may be done."""
        if self.budget is None or self.spent() + seconds <= _GRACE * self.budget:
            self._limit = _GRACE
            return True
        return False
