"""`.gradcli`: what one run leaves for the next, in the current folder. Nothing in it need be kept."""

from pathlib import Path

FOLDER = Path(".gradcli")

# Tools that make backups or index files leave such a folder alone: https://bford.info/cachedir/
_TAG = """\
Signature: 8a477f597d28d172789f06886806bc55
# gradcli keeps here what it needs of one run in the next; it may be deleted at any time.
"""


def make_folder(name: str | None = None) -> Path:
    """The folder, or one of this name in it; made if it is not there, out of version control's sight.

    Raises OSError.
    """
    FOLDER.mkdir(exist_ok=True)
    for file, text in ((".gitignore", "*\n"), ("CACHEDIR.TAG", _TAG)):
        if not (FOLDER / file).exists():
            _write(FOLDER / file, text)
    if name is None:
        return FOLDER
    (FOLDER / name).mkdir(exist_ok=True)
    return FOLDER / name


def _write(path: Path, text: str) -> None:
    """On a full disk nothing is left: an empty .gitignore would be taken for a whole one."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError:
        path.unlink(missing_ok=True)
        raise
