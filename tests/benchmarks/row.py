"""A figure beside the one that is demanded, and how a list of them is printed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table. `ok` None: for comparison only, or not measured."""

    work: str
    measured: str
    demanded: str = ""
    ok: bool | None = None

    @property
    def mark(self) -> str:
        return {True: "ok", False: "NOT", None: ""}[self.ok]


def at_least(work: str, ratio: float, bound: float, note: str) -> Row:
    return Row(work, f"{ratio:.0f} x  {note}", f">= {bound:g} x", ratio >= bound)


def at_most(work: str, ratio: float, bound: float, note: str) -> Row:
    return Row(work, f"{ratio:.2f}  {note}", f"<= {bound:g}", ratio <= bound)


def render(rows: Iterable[Row]) -> str:
    """The rows as lines of plain text."""
    return "\n".join(f"{r.mark:>3}  {r.demanded:>8}  {r.work:<42} {r.measured}".rstrip() for r in rows)
