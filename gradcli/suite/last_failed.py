"""`--lf`: which checks did not pass when they last ran, remembered from run to run in `.gradcli`."""

from collections.abc import Mapping, Sequence, Set

from gradcli.atomic import write_text
from gradcli.errors import UsageError
from gradcli.suite.folder import FOLDER, make_folder
from gradcli.suite.select import Matches, Selection

_FILE = "last-failed.json"


def remembered() -> frozenset[str]:
    """The ids of those checks; none if nothing is remembered."""
    try:
        text = (FOLDER / _FILE).read_text(encoding="utf-8")
        import json  # a check that passes where nothing has failed starts sooner without

        found = json.loads(text)
    except (OSError, ValueError, RecursionError):  # nothing in that folder is worth an error
        return frozenset()
    return frozenset(id for id in found if isinstance(id, str)) if isinstance(found, list) else frozenset()


def remember(passed: Mapping[str, bool]) -> None:
    """Note of each check that ran whether it passed. What did not run stays as it was.

    Raises UsageError if that cannot be written. Where nothing is to be noted, nothing is.
    """
    before = remembered()
    failed = {id for id, has_passed in passed.items() if not has_passed}
    after = sorted(failed | (before - passed.keys()))
    if after == sorted(before):
        return
    import json

    path = FOLDER / _FILE
    try:
        make_folder()
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    write_text(path, json.dumps(after, indent=1) + "\n")


def last_failed(among: Selection, failed: Set[str]) -> Selection:
    """Those of the selected checks that did not pass last time; all of them if none of them is such."""

    def wanted(ids: Sequence[str]) -> Matches:
        selected = among(ids)
        chosen = frozenset(id for id in ids if selected(id) and id in failed)
        return chosen.__contains__ if chosen else selected

    return wanted
