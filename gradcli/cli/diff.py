"""`gradcli diff`: where two dumps part."""

import sys
from pathlib import Path

import click

from gradcli.cli import exits
from gradcli.cli.commands import COMMANDS
from gradcli.cli.terminal import COLOR, make_console


@click.command("diff", short_help=COMMANDS["diff"])
@click.argument("one", type=click.Path(path_type=Path), metavar="A.npz")
@click.argument("other", type=click.Path(path_type=Path), metavar="B.npz")
@click.option("-q", "--quiet", is_flag=True, help="show only the last line")
@click.option("--color", type=click.Choice(COLOR), default="auto", help="when to use colour  [default: auto]")
def command(one: Path, other: Path, quiet: bool, color: str) -> int:
    """Compare two dumps of gradcli check --dump, and name the first value in which they differ.

    Inputs, every intermediate of forward, outputs, and then the gradients from the output backwards, by
    name: two implementations, two machines, float32 against float64. Rounding at the lower precision of the
    two, and what it grows to, is no difference.

    \b
    Exit code: 0 the same, 1 different, 2 a file cannot be read or they
    have nothing in common
    """
    from gradcli import archive
    from gradcli.diff import compare
    from gradcli.report.diff import DiffReport

    found = compare(archive.read(one), archive.read(other))
    report = DiffReport(found, (str(one), str(other)), quiet=quiet)
    make_console(sys.stdout, color).print(report, soft_wrap=True)
    return exits.OK if found.first is None else exits.WRONG
