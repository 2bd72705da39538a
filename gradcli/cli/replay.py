"""`gradcli replay`: a dumped check again, on today's code."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradcli.cli import exits
from gradcli.cli.commands import COMMANDS
from gradcli.cli.target_options import complete_targets
from gradcli.cli.terminal import COLOR, make_console

if TYPE_CHECKING:
    from gradcli.replay import Replay


@click.command("replay", short_help=COMMANDS["replay"])
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.npz")
@click.argument("target", required=False, shell_complete=complete_targets)
@click.option("--dump", type=click.Path(path_type=Path), metavar="FILE.npz", help="write the arrays of today")
@click.option("-q", "--quiet", is_flag=True, help="show only the last line")
@click.option("-v", "--verbose", is_flag=True, help="show how each gradient was computed")
@click.option("--color", type=click.Choice(COLOR), default="auto", help="when to use colour  [default: auto]")
def command(file: Path, target: str | None, dump: Path | None, quiet: bool, verbose: bool, color: str) -> int:
    """Run the check that FILE.npz holds again: the same inputs, constants and cotangent, today's code.

    A failing gradcli check leaves such a file in .gradcli/failures, and --dump writes one of any check. The
    last line says FIXED, or STILL WRONG and whether in the same elements, or ERROR if the code raises.
    TARGET runs the arrays on other code than the file names. Programs, and code outside the current folder,
    run only if they are named here.

    \b
    Exit code: 0 right, 1 wrong or the code raises, 2 no such file or
    target, or the arrays no longer fit it, 4 could not decide, 130 interrupted
    """
    from gradcli.cli.progress import ProgressOnTerminal
    from gradcli.replay import replay
    from gradcli.suite.capture import captured_output

    with ProgressOnTerminal(color)(str(file)) as progress, captured_output():
        found = replay(file, target, progress=progress, blame=not quiet)
    _show(found, color, quiet=quiet, verbose=verbose)
    if dump is not None:
        from gradcli import archive

        archive.write(dump, found.result)
    return _code(found)


def _show(found: "Replay", color: str, *, quiet: bool, verbose: bool) -> None:
    from gradcli.report.console import CheckReport
    from gradcli.report.replay import replay_summary

    console = make_console(sys.stdout, color)
    if not quiet:
        console.print(CheckReport(found.result, verbose=verbose), soft_wrap=True)
    console.print(replay_summary(found), soft_wrap=True)


def _code(found: "Replay") -> int:
    from gradcli.result import FAIL, PASS

    if found.result.interrupted:
        return exits.INTERRUPTED
    return {PASS: exits.OK, FAIL: exits.WRONG}.get(found.result.verdict, exits.UNDECIDED)
