"""`--baseline`: failures that are known and do not fail a run, in a JSON file that people commit and review.

    {"version": 1, "known": {"layers.py:attention": ["GC101 W", "GC105"]}}

By id of a check, what is wrong with it: a code, and the gradient concerned where it is one. Numbers and lines
change from day to day and are not in it. Whatever else goes wrong in the same check fails as ever.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradcli.atomic import refuse_unwritable, write_text
from gradcli.errors import UsageError
from gradcli.result import FAIL, PASS
from gradcli.suite.outcome import Outcome

_VERSION = 1
_EXAMPLE = '{"version": 1, "known": {"layers.py:batchnorm": ["GC101 x"]}}'


class Baseline:
    """The known failures of a file."""

    def __init__(self, path: Path, *, update: bool) -> None:
        """update: what fails becomes known, what is cured is forgotten; the file need not be there.

        Raises UsageError for a file that does not exist or is no baseline, and for one that is to be updated
        and cannot be written.
        """
        self.path = path
        self.update = update
        self._known = {} if update and not path.exists() else _read(path)
        if update:
            refuse_unwritable(path)
        self._seen: set[str] = set()

    def judged(self, outcome: Outcome) -> Outcome:
        """The outcome, marked as known if it fails and all that is wrong with it is known."""
        self._seen.add(outcome.id)
        found = _findings(outcome)
        if found is None:
            return outcome
        if self.update:
            self._note(outcome.id, found)
        if found and found <= set(self._known.get(outcome.id, ())):
            return replace(outcome, known=str(self.path))
        return outcome

    def cured(self, outcome: Outcome) -> list[str]:
        """What is known of a check and no longer wrong with it: it has to leave the baseline."""
        found = _findings(outcome)
        return [] if found is None else sorted(set(self._known.get(outcome.id, ())) - found)

    def gone(self) -> list[str]:
        """The ids that are none of the checks of a whole run; to be updated, it forgets them.

        Of a file that could not be opened, nobody knows which checks it holds: theirs are kept.
        """
        gone = [id for id in self._known if self._seen.isdisjoint(_id_and_wholes(id))]
        if self.update:
            for id in gone:
                del self._known[id]
        return gone

    def close(self) -> None:
        """Write what has changed, if that is wanted. Raises UsageError."""
        if self.update:
            known = dict(sorted(self._known.items()))
            text = json.dumps({"version": _VERSION, "known": known}, indent=2, ensure_ascii=False)
            write_text(self.path, text + "\n")

    def _note(self, id: str, found: set[str]) -> None:
        self._known.pop(id, None)
        if found:
            self._known[id] = sorted(found)


def _id_and_wholes(id: str) -> Iterator[str]:
    """`layers.py:batchnorm`, and the file that it is a part of."""
    parts = id.split(":")
    return (":".join(parts[:length]) for length in range(1, len(parts) + 1))


def _findings(outcome: Outcome) -> set[str] | None:
    """What is wrong with a check; None if that was not found out."""
    result = outcome.result
    if result is None or result.interrupted or result.verdict not in (PASS, FAIL):
        return None
    if result.expected is not None:  # declared where the check is: a baseline adds nothing
        return None
    return {
        " ".join(filter(None, (violation.code, violation.gradient)))
        for violation in result.violations
        if not violation.is_warning
    }


def _read(path: Path) -> dict[str, list[str]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_without_duplicates)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such baseline; --update-baseline writes one") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is not JSON: {error}") from error
    if not isinstance(found, dict) or found.get("version") != _VERSION or set(found) != {"version", "known"}:
        raise UsageError(f"{path}: is no baseline of this gradcli; expected {_EXAMPLE}")
    known = found["known"]
    if not isinstance(known, dict):
        raise UsageError(f"{path}: 'known' must be an object; expected {_EXAMPLE}")
    for id, findings in known.items():
        if (
            not isinstance(findings, list)
            or not findings
            or not all(isinstance(one, str) for one in findings)
        ):
            raise UsageError(f'{path}: {id!r} must have a list of findings such as "GC101 x"')
    return known


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; raises ValueError for a key that stands in it twice."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} stands in it twice")
        found[key] = value
    return found
