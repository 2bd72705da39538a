"""`-k EXPR`: which checks to run, by their ids.

A word matches the ids that contain it, whatever the case; words are combined with `and`, `or`, `not` and
parentheses, and `not` binds tightest: `batchnorm and not features=64`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from gradcli.errors import UsageError

Matches: TypeAlias = Callable[[str], bool]

Selection: TypeAlias = Callable[[Sequence[str]], Matches]  # given all ids, says which of them

_END = ""
_OPERATORS = ("and", "or", "not", "(", ")", _END)
_DEEPEST = 50


def everything(_ids: Sequence[str]) -> Matches:
    """Select all."""
    return lambda id: True


def selection(expression: str) -> Selection:
    """What `-k` selects: an expression that is an id means that check alone.

    The selection raises UsageError for an expression that does not parse; an id need not.
    """
    return lambda ids: expression.__eq__ if expression in ids else parse_selection(expression)


def parse_selection(expression: str) -> Matches:
    """The expression as a function of an id. Raises UsageError that says what was expected where."""
    tokens = iter([*re.findall(r"[()]|[^\s()]+", expression), _END])
    return _Parser(expression, tokens).parse()


class _Parser:
    """Recursive descent: one method per level of binding."""

    def __init__(self, expression: str, tokens: Iterator[str]) -> None:
        self._expression = expression
        self._tokens = tokens
        self._token = next(tokens)
        self._depth = 0

    def parse(self) -> Matches:
        matches = self._either()
        if self._token != _END:
            raise self._unexpected("'and', 'or' or the end")
        return matches

    def _either(self) -> Matches:
        matches = self._both()
        while self._take("or"):
            matches = _either(matches, self._both())
        return matches

    def _both(self) -> Matches:
        matches = self._single()
        while self._take("and"):
            matches = _both(matches, self._single())
        return matches

    def _single(self) -> Matches:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise UsageError(f"-k: more than {_DEEPEST} levels of 'not' and parentheses")
        matches = self._operand()
        self._depth -= 1
        return matches

    def _operand(self) -> Matches:
        if self._take("not"):
            return _negated(self._single())
        if self._take("("):
            matches = self._either()
            if not self._take(")"):
                raise self._unexpected("')'")
            return matches
        if self._token in _OPERATORS:
            raise self._unexpected("a part of an id")
        word = self._token.lower()
        self._token = next(self._tokens)
        return lambda id: word in id.lower()

    def _take(self, token: str) -> bool:
        if self._token != token:
            return False
        self._token = next(self._tokens)
        return True

    def _unexpected(self, expected: str) -> UsageError:
        found = repr(self._token) if self._token else "the end"
        return UsageError(f"-k {self._expression!r}: expected {expected}, found {found}")


def _either(left: Matches, right: Matches) -> Matches:
    return lambda id: left(id) or right(id)


def _both(left: Matches, right: Matches) -> Matches:
    return lambda id: left(id) and right(id)


def _negated(matches: Matches) -> Matches:
    return lambda id: not matches(id)
