"""What is known of a value while code is read for its shapes."""

from dataclasses import dataclass


class Dimension:
    """A length; those that turn out to be the same are merged."""

    def __init__(self, text: str = "") -> None:
        self.text = text  # of integers and of arguments that are integers; "" where it is open
        self._same: Dimension | None = None

    @property
    def root(self) -> "Dimension":
        return self if self._same is None else self._same.root

    def merge(self, other: "Dimension") -> None:
        """Take two for one; that with a text speaks for both. Raises ValueError for two numbers."""
        one, two = self.root, other.root
        if one is two:
            return
        if one.text.isdigit() and two.text.isdigit() and one.text != two.text:
            raise ValueError("two lengths")
        if one.text and (one.text.isdigit() or not two.text):
            one, two = two, one
        one._same = two


Shape = list[Dimension]


@dataclass(frozen=True)
class Unknown:
    """An argument of which nothing is known yet."""

    name: str


@dataclass(frozen=True)
class Part:
    """A slice of a flat vector."""

    name: str
    start: str
    stop: str  # "": the rest
    behind: str = "0"  # how many elements come after the rest


Value = Shape | Unknown | Part | str | None  # a str: an integer, as a text; an empty list: a number
