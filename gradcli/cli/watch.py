"""`gradcli watch`: check again on every save."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

import gradcli
from gradcli.cli import exits
from gradcli.cli.commands import COMMANDS
from gradcli.cli.signals import terminated_like_ctrl_c
from gradcli.cli.target_options import complete_targets
from gradcli.errors import UsageError
from gradcli.report.plain import printable

if TYPE_CHECKING:
    from gradcli.watch import Snapshot

# As the installed command does it: the current folder is no place to import from, unless gradcli lies there.
_CHECK = (
    "import sys; del sys.path[0]; sys.path.append({root!r}); from gradcli.cli import main; sys.exit(main())"
)
_PAUSE = 200  # milliseconds until the watcher stands, and the first check begins


@click.command(
    "watch",
    short_help=COMMANDS["watch"],
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument(
    "words",
    nargs=-1,
    required=True,
    type=click.UNPROCESSED,
    metavar="TARGET... [OPTIONS]",
    shell_complete=complete_targets,
)
def command(words: tuple[str, ...]) -> int:
    """Check TARGET, and again whenever a source file is saved, until Ctrl-C.

    Takes what gradcli check takes, options too. Each check is a process of its own, so what runs is what was
    saved, in whatever module it lies. The last line says what changed: x: FAIL -> pass.

    \b
    Exit code: 0 after Ctrl-C, 2 if the command line is wrong or
    watchfiles is not installed
    """
    saves = _saves(words)
    try:
        from gradcli.watch import follow

        with terminated_like_ctrl_c():
            follow(saves, lambda saved: _check(words, saved), _tell)
    except KeyboardInterrupt:
        click.echo()
    return exits.OK


def _saves(words: Sequence[str]) -> Iterator[list[Path]]:
    """What was saved, each time that something was, and nothing to begin with.

    Raises UsageError without watchfiles.
    """
    try:
        from watchfiles import DefaultFilter, watch
    except ImportError:
        raise UsageError("watch: watchfiles is not installed. Run: pip install 'gradcli[watch]'") from None
    from gradcli.watch import counts, places

    usual = DefaultFilter()
    batches = watch(
        *places(words),
        watch_filter=lambda change, path: usual(change, path) and counts(Path(path), words),
        rust_timeout=_PAUSE,
        yield_on_timeout=True,  # the watcher must stand before the first check, not after it
    )
    is_first = True
    for batch in batches:
        if batch or is_first:
            yield [Path(path) for _, path in batch]
        is_first = False


def _check(words: Sequence[str], saved: Sequence[Path]) -> "Snapshot | None":
    """Run one check in a process of its own. Raises Exit if the first one cannot even begin."""
    from gradcli.watch import is_hopeless, snapshot

    if saved:  # at first, nothing was
        names = ", ".join(sorted({path.name for path in saved}))
        click.echo(f"\nsaved: {printable(names)}")
    root = str(Path(gradcli.__file__).parents[1])
    with tempfile.TemporaryDirectory(prefix="gradcli-") as scratch:
        report = Path(scratch, "report.json")
        code = [sys.executable, "-c", _CHECK.format(root=root)]
        # Two saves within a second, of equal length, would look alike to bytecode that was kept.
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        command = [*code, "check", *words, "--report", f"json={report}"]
        done = subprocess.run(command, env=environment, check=False)
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(report.read_text(encoding="utf-8"))
            if saved or not is_hopeless(found):
                return snapshot(found)
    if not saved:
        raise click.exceptions.Exit(done.returncode)
    return None


def _tell(changed: list[str]) -> None:
    click.echo(f"since the last check: {printable('; '.join(changed)) or 'no verdict has changed'}")
