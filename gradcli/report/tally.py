"""What the last lines of a suite tell, collected check by check: no result has to be kept for it."""

import heapq
from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

from rich.text import Text

from gradcli.report import numbers
from gradcli.report.console import STYLES, XFAIL, check_summary, evidence, word
from gradcli.report.numbers import count
from gradcli.report.plain import printable
from gradcli.result import FAIL, INCONCLUSIVE, PASS, CheckResult, Gradient

MOST_REPEATED = 10  # of the checks that failed

T = TypeVar("T")
_RANK = {PASS: 0, INCONCLUSIVE: 1, FAIL: 2}


class Tally:
    """Counts, the worst and the slowest."""

    def __init__(self, results: Iterable[CheckResult] = (), *, not_run: int = 0, durations: int = 0) -> None:
        """not_run: checks that could not be run; durations: how many of the slowest are kept."""
        self.not_run = not_run
        self.words: Counter[str] = Counter()
        self._verdicts: set[str] = set()
        self._gradients = _Sums()
        self._worst: tuple[int, float, str] = (0, 0.0, "")
        self._failed: list[tuple[float, int, Text]] = []  # a heap, the mildest first
        self._slowest: list[tuple[float, int, str]] = []  # a heap, the fastest first
        self._durations = durations
        for result in results:
            self.add(result)

    @property
    def done(self) -> int:
        """How many checks there have been."""
        return self.words.total() + self.not_run

    def add(self, result: CheckResult, *, known: bool = False) -> None:
        """Count one more check; known: it fails, and that does not count."""
        place = -self.done  # among equals, the earlier one is kept
        shown = "known" if known else word(result)
        self.words[shown] += 1
        if shown in ("known", XFAIL):
            return
        self._verdicts.add(result.verdict)
        errors = [0.0]
        for gradient in result.gradients.values():
            self._gradients.add(gradient)
            if gradient.verdict in (FAIL, INCONCLUSIVE):
                error = _size_of(gradient.relative_error)
                errors += [error] if gradient.verdict == FAIL else []
                found = (_RANK[gradient.verdict], error)
                if not self._worst[2] or found > self._worst[:2]:
                    self._worst = (*found, _named(result, gradient))
        if result.verdict == FAIL:
            _keep(self._failed, MOST_REPEATED, (max(errors), place, check_summary(result)))
        _keep(self._slowest, self._durations, (result.seconds, place, printable(result.id)))

    def summary(self, *, left: int = 0) -> Text:
        """The last line: how many passed, on what evidence, and the worst of all; left: were not reached."""
        words = self.words
        parts = [
            f"{words['pass']} passed",
            *(_if_any(words["FAIL"], "FAILED")),
            *(_if_any(words[XFAIL], "expected to fail")),
            *(_if_any(words["known"], "known to fail")),
            *(_if_any(words["inconclusive"], "inconclusive")),
            *(_if_any(words["interrupted"], "interrupted")),
            *(_if_any(self.not_run, "could not run")),
            *(_if_any(left, "not run")),
        ]
        line = Text()
        line.append(f"{count(self.done + left, 'check')}: {', '.join(parts)}", self._style())
        line.append(f"; {count(self._gradients.number, 'gradient')}, {self._gradients.evidence()}")
        if self._worst[2]:
            line.append(f"; worst: {self._worst[2]}")
        return line

    def failures(self) -> list[Text]:
        """One line for each of several checks that failed, the worst first; not more than one can look at."""
        if self.words["FAIL"] < 2:
            return []  # the summary names it
        lines = [line for _, _, line in sorted(self._failed, key=lambda one: one[:2], reverse=True)]
        more = self.words["FAIL"] - len(lines)
        return [*lines, Text(f"and {more} more that failed")] if more > 0 else lines

    def slowest(self) -> list[Text]:
        """One line for each of the slowest checks."""
        ordered = sorted(self._slowest, reverse=True)
        return [Text(f"{seconds:.2f} s  {id}") for seconds, _, id in ordered]

    def _style(self) -> str:
        if self.not_run or FAIL in self._verdicts:
            return STYLES[FAIL]
        return STYLES[INCONCLUSIVE if INCONCLUSIVE in self._verdicts else PASS]


class _Sums:
    """The evidence of all gradients together."""

    def __init__(self) -> None:
        self.number = self._compared = self._size = self._probes = 0

    def add(self, gradient: Gradient) -> None:
        self.number += 1
        self._compared += gradient.compared
        self._size += gradient.size
        self._probes += gradient.probes

    def evidence(self) -> str:
        return evidence(self._compared, self._size, self._probes)


def _keep(heap: list[tuple[float, int, T]], most: int, item: tuple[float, int, T]) -> None:
    """The largest only."""
    heapq.heappush(heap, item)
    if len(heap) > most:
        heapq.heappop(heap)


def _named(result: CheckResult, gradient: Gradient) -> str:
    at = f" @ {numbers.index(gradient.worst_index)}" if gradient.worst_index else ""
    error = numbers.relative(gradient.relative_error)
    return f"{printable(result.id)} {printable(gradient.name)}, relative error {error}{at}"


def _size_of(error: float) -> float:
    return float("inf") if error != error else error  # NaN is worse than any number


def _if_any(number: int, word: str) -> list[str]:
    return [f"{number} {word}"] if number else []
