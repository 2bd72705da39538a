"""`gradcli mutate`: could this check have gone red?"""

import math
from typing import TYPE_CHECKING, Any

import click

from gradcli.cli import exits
from gradcli.cli.commands import COMMANDS
from gradcli.cli.target_options import TargetCommand, complete_targets, read_targets, target_options
from gradcli.errors import UsageError

if TYPE_CHECKING:
    from gradcli.mutate.power import Power
    from gradcli.suite.run import Case


@click.command("mutate", cls=TargetCommand, short_help=COMMANDS["mutate"])
@click.argument("target", shell_complete=complete_targets)
@target_options()
@click.option("--threshold", metavar="SHARE", help="exit with 1 if fewer versions are caught: 95%")
@click.option("-v", "--verbose", is_flag=True, help="list every damaged version")
def command(target: str, threshold: str | None, verbose: bool, **options: Any) -> int:
    """Damage the backward of TARGET, one edit at a time, and check each version.

    The files stay as they are. A version that gives the same gradients as the original at several points
    is called equivalent and counted apart. A TARGET is what gradcli check takes.

    \b
    Exit code: 0 measured, 1 below the threshold or the original is wrong, 2 cannot be damaged,
    4 the original cannot be decided, 5 nothing to damage, 130 interrupted
    """
    from gradcli.suite.run import resolve_all

    least = 0.0 if threshold is None else _share(threshold)
    specs, empty = read_targets((target,), options)
    cases, failed = resolve_all(specs)
    for outcome in (*empty, *failed):
        if outcome.error is not None:
            raise outcome.error
    codes = []
    for case in cases:
        power = _measure(case, verbose=verbose)
        codes.append(_code(power, least))
        if power.interrupted:
            break
    return exits.worst(codes)


def _measure(case: "Case", *, verbose: bool) -> "Power":
    """Measure one check and show what was found."""
    from gradcli.cli.progress import ProgressOnTerminal
    from gradcli.mutate.power import measure
    from gradcli.report.power import power_lines
    from gradcli.suite.capture import captured_output

    with ProgressOnTerminal("auto")(case.problem.id) as show, captured_output():
        power = measure(case.problem, case.spec.settings, show)
    for line in power_lines(power, verbose=verbose):
        click.echo(line)
    return power


def _code(power: "Power", least: float) -> int:
    from gradcli.result import FAIL

    if power.interrupted:
        return exits.INTERRUPTED
    if not power.original.passed:
        return exits.WRONG if power.original.verdict == FAIL else exits.UNDECIDED
    if not power.judged:
        return exits.EMPTY
    return exits.WRONG if power.share < least else exits.OK


def _share(text: str) -> float:
    """A share from "95%" or "0.95"; raises UsageError."""
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise UsageError(f"--threshold {text}: expected a share such as 95% or 0.95")
    return value
