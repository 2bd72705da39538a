"""What a problem is called, in results and in messages."""

from typing import NamedTuple


class Label(NamedTuple):
    """The names of one problem."""

    id: str
    target: str
    where: str  # what messages about it start with
    rerun: str | None = None  # the shell line that repeats its check

    @classmethod
    def of(cls, name: str) -> "Label":
        """That of a part of something, which no target names."""
        return cls(name, name, name)
