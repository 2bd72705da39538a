"""What is at a path, as far as the system lets one see.

`Path.is_dir` and its like raise for a name that is too long, and for a folder that may not be entered.
Whoever opens the file afterwards says so better.
"""

from pathlib import Path


def is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
