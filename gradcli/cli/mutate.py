"""`gradcli mutate`: could this check have gone red?"""

import sys
from typing import TYPE_CHECKING, Any

import click

from gradcli.cli import exits
from gradcli.cli.commands import COMMANDS
from gradcli.cli.messages import complain
from gradcli.cli.target_options import TargetCommand, complete_targets, read_targets, target_options
from gradcli.cli.terminal import make_console

if TYPE_CHECKING:
    from gradcli.mutate import Mutant, Power
    from gradcli.problem import Problem


class Share(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """`95%` or `0.95`."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value)
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            self.fail(f"{value!r} is not a share; write 95% or 0.95", param, ctx)
        return share


@click.command("mutate", cls=TargetCommand, short_help=COMMANDS["mutate"])
@click.argument("target", shell_complete=complete_targets)
@target_options(settings=("seed", "dtype", "tol", "elements", "budget"))
@click.option("--threshold", type=Share(), metavar="SHARE", help="exit with 1 if fewer are caught: 95%")
@click.option("-v", "--verbose", is_flag=True, help="list every damaged version")
def command(target: str, threshold: float | None, verbose: bool, **options: Any) -> int:
    """Damage the backward of TARGET on purpose, one edit at a time, and see whether the check notices.

    Signs, lost terms and factors, lost sums, wrong axes, swapped operands, lost transposes: every version is
    checked at the same inputs. What is not caught is either equivalent to the original or a survivor, which
    is named with its line. A TARGET is what gradcli check takes.

    \b
    Exit code: 0 done, 1 the check itself fails or fewer than the threshold
    are caught, 2 cannot damage it, 5 nothing to damage, 130 interrupted
    """
    from gradcli.suite.problems import problems_of

    specs, empty = read_targets((target,), options)
    for outcome in empty:
        if outcome.error is not None:
            raise outcome.error
    problems = problems_of(specs)
    return exits.worst(_mutate(problem, threshold, verbose) for problem in problems)


def _mutate(problem: "Problem", threshold: float | None, verbose: bool) -> int:
    """Measure and show one check's power."""
    from gradcli import checker
    from gradcli.mutate import Power, mutants
    from gradcli.suite.capture import captured_output

    assert problem.spec is not None  # it is the target of a command line
    settings = problem.spec.settings
    found: list[Mutant] = []
    interrupted = False
    with captured_output():
        original = checker.run(problem, settings)
        if original.passed:
            try:
                found.extend(mutants(problem, settings, original))
            except KeyboardInterrupt:
                interrupted = True
    if not original.passed:
        complain(f"{problem.id}: its own check does not pass ({original.verdict}); see gradcli check first")
        return exits.WRONG
    source = problem.source
    power = Power(problem.id, (source.file if source else None) or problem.target, tuple(found))
    _show(power, verbose)
    if interrupted:
        return exits.INTERRUPTED
    if not power.counted:
        return exits.EMPTY
    if threshold is None or power.caught >= threshold * power.counted:
        return exits.OK
    complain(f"{problem.id}: {power.caught} of {power.counted} caught is less than {threshold:.4g} of them")
    return exits.WRONG


def _show(power: "Power", verbose: bool) -> None:
    from gradcli.report.power import PowerReport

    make_console(sys.stdout, "auto").print(PowerReport(power, verbose), soft_wrap=True)
