"""What of a problem can be damaged: its backward, or where each gradient has one of its own, all of them."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from gradcli.blame.flow import Flow
from gradcli.blame.source import NotReadable, Written, like, plain, read
from gradcli.errors import UsageError
from gradcli.problem import Problem, Source


@dataclass(frozen=True, eq=False)
class Damageable:
    """A backward of which there is source, and the problem around another in its place."""

    written: Written
    source: Source

    def around(self, damaged: FunctionType) -> Problem:
        """The problem with a damaged version of this backward."""
        assert self.source.remake is not None
        return self.source.remake(self.source.forward, like(self.source.backward, damaged))

    def concerns(self, lines: range) -> bool:
        """Whether the gradient comes from these lines, of a function that returns a value too."""
        place = self.source.value_at
        return place is None or any(line in lines for line in _of_gradient(self.written, place))


def damageable(problem: Problem) -> list[Damageable]:
    """All backwards of a problem, each once. Raises UsageError if there is none that can be read."""
    source = problem.source
    if source is None:
        raise UsageError(f"{problem.id}: its backward is not a Python function that can be rewritten")
    found: dict[Callable[..., Any], Damageable] = {}
    reasons: list[str] = [source.why_not] if source.why_not else []
    for one in (source, *source.of_gradient().values()):
        if one.remake is None or one.backward in found:
            reasons += [one.why_not] if one.why_not else []
            continue
        try:
            found[one.backward] = Damageable(read(plain(one.backward)), one)
        except NotReadable as reason:
            reasons.append(str(reason))
    if not found:
        why = reasons[0] if reasons else "its backward is not a Python function that can be rewritten"
        raise UsageError(f"{problem.id}: {why}")
    return list(found.values())


def _of_gradient(written: Written, place: int) -> Iterator[int]:
    """The lines of a function that returns a value and its gradient from which the gradient comes."""
    flow = Flow(written.node)
    for statement in flow.returns():
        value = statement.value
        parts: list[ast.AST] | None = None
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) > place:
            parts = [part for number, part in enumerate(value.elts) if number != place]
        for behind in flow.sources(statement, parts, lambda _: False):
            yield behind.lineno
