"""Where checks are performed: in this process, in others, on a cluster. One file for each."""

from typing import Protocol

from gradcli.suite.perform import Answer, Check


class Executor(Protocol):
    """Takes checks and gives answers, in any order."""

    capacity: int  # how many checks can be under way

    def submit(self, ticket: int, check: Check, *, look: bool) -> None:
        """Begin with a check; look: only list what its target holds."""

    def next(self) -> tuple[int, Answer]:
        """Wait for an answer: the ticket that its check was given, and the answer."""

    def close(self) -> None:
        """Stop whatever is under way."""
