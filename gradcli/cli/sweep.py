"""`gradcli sweep`: error against step, as a plot."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradcli.cli import exits
from gradcli.cli.commands import COMMANDS
from gradcli.cli.messages import complain
from gradcli.cli.target_options import TargetCommand, complete_targets, read_targets, target_options
from gradcli.cli.terminal import make_console

if TYPE_CHECKING:
    from gradcli.problem import Problem
    from gradcli.result import CheckResult
    from gradcli.sweep import Sweep


@click.command("sweep", cls=TargetCommand, short_help=COMMANDS["sweep"])
@click.argument("target", shell_complete=complete_targets)
@target_options(settings=("seed", "dtype", "method"))
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE.svg", help="write the plots there, too")
def command(target: str, svg: Path | None, **options: Any) -> int:
    """Plot the error of central differences of TARGET against their step.

    One plot for each gradient, at the element that decides in gradcli check: steps too small lose digits to
    round-off, steps too large to truncation, and the step that gradcli chooses is marked. A TARGET is what
    gradcli check takes.

    \b
    Exit code: 0 drawn, 1 the code is too wrong to be differenced, 2 cannot sweep,
    4 nothing could be measured, 5 nothing to sweep, 130 interrupted
    """
    from gradcli.atomic import refuse_unwritable, write_text
    from gradcli.suite.problems import problems_of

    specs, empty = read_targets((target,), options)
    for outcome in empty:
        if outcome.error is not None:
            raise outcome.error
    problems = problems_of(specs)
    if svg is not None:
        refuse_unwritable(svg)
    sweeps = [_sweep(problem, first=not place) for place, problem in enumerate(problems)]
    curves = [curve for found in sweeps for curve in found.curves]
    if not curves:
        complain(f"{target}: there is nothing to draw")
        return exits.worst(_code(found.result) for found in sweeps)
    if svg is not None:
        from gradcli.report.svg import document

        write_text(svg, document(curves))
    return exits.OK


def _sweep(problem: "Problem", *, first: bool) -> "Sweep":
    """Sweep one check and show what was found."""
    from gradcli.cli.progress import ProgressOnTerminal
    from gradcli.report.curve import SweepReport
    from gradcli.suite.capture import captured_output
    from gradcli.sweep import sweep

    assert problem.spec is not None  # it is the target of a command line
    with ProgressOnTerminal("auto")(problem.id) as show, captured_output():
        found = sweep(problem, problem.spec.settings, progress=show)
    console = make_console(sys.stdout, "auto")
    if not first:
        console.print()
    console.print(SweepReport(found), crop=False)
    return found


def _code(result: "CheckResult") -> int:
    """Why a check has no curve at all."""
    from gradcli.result import FAIL

    if result.verdict == FAIL:
        return exits.WRONG
    return exits.UNDECIDED if result.size else exits.EMPTY
