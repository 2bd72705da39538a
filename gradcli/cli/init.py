"""`gradcli init`: from a file of code to a config."""

import os
from pathlib import Path

import click

from gradcli.cli import exits
from gradcli.cli.commands import COMMANDS


@click.command("init", short_help=COMMANDS["init"])
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.py")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE.yaml",
    help="where to write  [default: FILE.yaml beside FILE.py]",
)
@click.option("--force", is_flag=True, help="replace a config that is there already")
def command(file: Path, output: Path | None, force: bool) -> int:
    """Find everything in FILE.py that can be checked and write a config for it.

    The shapes and values that gradcli infers stand in it, to be edited; what it could not infer is a comment.
    Then: gradcli check FILE.yaml

    \b
    Exit code: 0 written, 2 cannot write or cannot import FILE.py,
    5 nothing to check
    """
    from gradcli.atomic import refuse_unwritable, write_text
    from gradcli.config.draft import draft
    from gradcli.errors import PartlyResolvedError, UsageError
    from gradcli.reachable import is_there
    from gradcli.report.numbers import count
    from gradcli.spec import CheckSpec
    from gradcli.suite.capture import captured_output
    from gradcli.targets import resolve

    written = file.with_suffix(".yaml") if output is None else output
    if is_there(written) and not force:
        raise UsageError(f"{written}: is there already; --force replaces it, -o FILE.yaml writes elsewhere")
    refuse_unwritable(written)
    mistakes: list[str] = []
    with captured_output():
        try:
            problems = resolve(CheckSpec(str(file)))
        except PartlyResolvedError as error:
            problems, mistakes = error.problems, [str(error)]
    target = os.path.relpath(file, written.parent)
    write_text(written, draft(problems, mistakes, target=target.replace(os.sep, "/")))
    left = f", {count(len(mistakes[0].splitlines()), 'target')} left as a comment" if mistakes else ""
    click.echo(f"{written}: {count(len(problems), 'check')}{left}; run: gradcli check {written}")
    return exits.OK
