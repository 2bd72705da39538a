"""Findings with the place in the user's code that they are about, as CI systems want them."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from gradcli.report.plain import printable
from gradcli.result import Blame, CheckResult, Violation
from gradcli.spec import file_and_line
from gradcli.suite.outcome import Outcome


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or a warning."""

    id: str  # of the check
    code: str
    message: str
    is_warning: bool
    file: str | None  # relative to the working folder where it is below it
    line: int | None
    gradient: str | None = None
    excuse: str | None = None  # why it does not count
    nth: int = 0  # of those that are the same but for their words

    @property
    def uri(self) -> str | None:
        """The file as a relative URI; one on another drive has an absolute one."""
        if self.file is None:
            return None
        path = Path(self.file)
        return path.as_uri() if path.is_absolute() else quote(self.file, errors="surrogateescape")

    @property
    def fingerprint(self) -> str:
        """The same for the same finding, whatever its numbers are."""
        told = "\0".join((self.id, self.code, self.gradient or "", *([str(self.nth)] if self.nth else [])))
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def findings(outcome: Outcome) -> Iterator[Finding]:
    """What there is to say about one check; nothing if all is well. No two have the same fingerprint."""
    seen: Counter[tuple[str, str | None]] = Counter()
    for finding in _findings(outcome):
        key = finding.code, finding.gradient
        yield replace(finding, nth=seen[key])
        seen[key] += 1


def _findings(outcome: Outcome) -> Iterator[Finding]:
    result = outcome.result
    if result is None:
        yield Finding(outcome.id, "error", printable(str(outcome.error)), False, None, None)
        return
    for violation in result.violations:
        file, line = _place(result, violation)
        message = printable(f"{result.id}: {violation.message}{_blamed(result, violation)}")
        is_warning = violation.is_warning or outcome.excuse is not None
        yield Finding(
            result.id, violation.code, message, is_warning, file, line, violation.gradient, outcome.excuse
        )
    for gradient in result.gradients.values():
        if gradient.verdict == "inconclusive":
            message = f"{result.id}: {gradient.name} could not be decided: {gradient.note or 'too noisy'}"
            file = relative(result.file)
            yield Finding(
                result.id, "inconclusive", printable(message), True, file, result.line, gradient.name
            )


def relative(file: str | None) -> str | None:
    """A path from the working folder, with slashes."""
    if file is None:
        return None
    try:
        return Path(file).resolve().relative_to(Path.cwd().resolve()).as_posix()
    except (ValueError, OSError):
        pass
    try:
        return Path(os.path.relpath(file)).as_posix()
    except ValueError:  # it lies on another drive
        return Path(file).as_posix()


def _blamed(result: CheckResult, violation: Violation) -> str:
    blame = _blame(result, violation)
    return "" if blame is None else f"; {blame.diagnosis}"


def _blame(result: CheckResult, violation: Violation) -> Blame | None:
    """The line at fault for the gradient that a violation is about."""
    if violation.code != "GC101":
        return None
    return next((b for b in result.blames if violation.gradient in (None, b.gradient, *b.gradients)), None)


def _place(result: CheckResult, violation: Violation) -> tuple[str | None, int | None]:
    """The line that blame names, else the violation's own, else that of backward, else of the config."""
    blame = _blame(result, violation)
    if blame is not None:
        return relative(blame.file), blame.line
    if violation.file:
        return relative(violation.file), violation.line
    if result.file is None and result.spec is not None and result.spec.origin is not None:
        file, line = file_and_line(result.spec.origin)
        return relative(file), line
    return relative(result.file), result.line
