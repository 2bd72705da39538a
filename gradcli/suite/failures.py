"""Failing checks are kept, so that exactly the same arrays can be run again on tomorrow's code."""

import contextlib
import hashlib
import re
from pathlib import Path

from gradcli.errors import ArchiveError
from gradcli.result import FAIL, PASS, CheckResult
from gradcli.suite.folder import FOLDER, make_folder

_NAME = "failures"
_LONGEST = 80


def file_of(id: str) -> Path:
    """Where a check is kept if it fails: portable, recognisable, and different for every id.

    The digest tells apart what the readable part cannot: ids that differ in case or in punctuation.
    """
    readable = re.sub(r"[^a-z0-9.,=+-]+", "_", id, flags=re.IGNORECASE | re.ASCII).strip("._-")
    digest = hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()
    return FOLDER / _NAME / f"{readable[:_LONGEST] or 'check'}-{digest[:8]}.npz"


def keep(result: CheckResult) -> Path | None:
    """Write a failing check, without its nodes, and remove what a check that passes once left.

    Returns the file of a failing check. Raises ArchiveError if it cannot be written.
    """
    path = file_of(result.id)
    if result.verdict == PASS:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    if result.verdict != FAIL or result.interrupted:
        return None
    from gradcli import archive

    try:
        make_folder(_NAME)
    except OSError as error:
        raise ArchiveError(f"{path.parent}: cannot be written: {error.strerror}") from error
    archive.write(path, result, nodes=False)
    return path
