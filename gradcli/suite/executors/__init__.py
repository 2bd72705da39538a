"""Where checks are performed: in this process, in others, on a cluster. One file for each."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from gradcli.suite.perform import Answer, Check

Waiting: TypeAlias = Callable[[Sequence[str]], None]  # takes ids


def silently(_ids: Sequence[str]) -> None:
    """Wait without a word."""


class Executor(Protocol):
    """Takes checks and gives answers, in any order."""

    capacity: int  # how many checks can be under way
    waiting: "Waiting"  # told about once a second what is under way, if that happens elsewhere

    def submit(self, ticket: int, check: Check, *, look: bool) -> None:
        """Begin with a check; look: only list what its target holds."""

    def next(self) -> tuple[int, Answer]:
        """Wait for an answer: the ticket that its check was given, and the answer."""

    def under_way(self) -> list[str]:
        """The ids of the checks that somebody is at."""

    def close(self) -> None:
        """Stop whatever is under way."""
