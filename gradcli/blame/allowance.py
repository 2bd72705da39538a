"""What the search for a line may cost."""

from dataclasses import replace
from typing import Any

from gradcli.clock import Clock
from gradcli.problem import Problem


class Allowance(Clock):
    """Calls of the code under test, and the seconds that the check has left.

    Calls are what it costs users, and what it costs is the same on a busy machine: so is what is found.
    """

    def __init__(self, calls: float, seconds: float | None) -> None:
        super().__init__(seconds)
        self.calls = calls
        self._used = [0]

    def used(self) -> int:
        """Calls so far."""
        return self._used[0]

    def affords(self, seconds: float) -> bool:
        return self.used() < self.calls and super().affords(seconds)

    def part(self, share: float) -> "Allowance":
        """A part of what is left; what is used of it counts with the whole."""
        left = self.left()
        part = Allowance(self.used() + share * max(0.0, self.calls - self.used()), share * left)
        part._used = self._used
        return part

    def counted(self, problem: Problem) -> Problem:
        """The problem, each call of which counts."""

        def forward(*given: Any) -> Any:
            self._used[0] += 1
            return problem.forward(*given)

        def backward(*given: Any) -> Any:
            self._used[0] += 1
            return problem.backward(*given)

        return replace(problem, forward=forward, backward=backward)
