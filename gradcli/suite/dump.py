"""`--dump`: one archive for one check, a folder of archives for several."""

import errno
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from gradcli.errors import ArchiveError
from gradcli.reachable import is_folder
from gradcli.result import CheckResult

_LONGEST = 200  # bytes of a file name made of an id; file systems take 255
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # for devices, on Windows


class Dump:
    """Where the archives of a run go; tried out at once, and not after hours of checking."""

    def __init__(self, path: Path, ids: Sequence[str]) -> None:
        """With one id, path is the file, unless it is a folder.

        Raises ArchiveError if nothing can be written there.
        """
        in_folder = len(ids) != 1 or is_folder(path)
        names = _file_names(ids)
        self._paths = {id: path / names[id] if in_folder else path for id in ids}
        try:
            if not path.parent.is_dir():
                raise OSError(errno.ENOENT, f"there is no folder {str(path.parent)!r}")
            if in_folder:
                path.mkdir(exist_ok=True)
            _try_writing(path if in_folder else path.parent)
            if not in_folder and path.exists() and not path.is_file():
                raise OSError(errno.EINVAL, "it is neither a file nor a folder")
        except OSError as error:
            raise ArchiveError(f"{path}: cannot be written: {error.strerror}") from error

    def write(self, result: CheckResult) -> Path:
        """Write one result; raises ArchiveError."""
        from gradcli import archive

        path = self._paths[result.id]
        archive.write(path, result)
        return path


def _try_writing(folder: Path) -> None:
    probe = folder / f".gradcli-{secrets.token_hex(8)}.tmp"
    probe.touch(exist_ok=False)
    probe.unlink()


def _file_names(ids: Sequence[str]) -> dict[str, str]:
    """A file name for each id: portable, recognisable, and no two alike even where case does not count."""
    taken: set[str] = set()
    names = {}
    for id in ids:
        readable = re.sub(r"[^\w.,=+-]+", "_", id).strip("._").encode()[:_LONGEST].decode(errors="ignore")
        stem = f"check-{readable}" if _RESERVED.match(readable) else readable or "check"
        name, number = stem, 2
        while name.casefold() in taken:
            name, number = f"{stem}-{number}", number + 1
        taken.add(name.casefold())
        names[id] = f"{name}.npz"
    return names
