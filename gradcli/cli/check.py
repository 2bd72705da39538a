"""`gradcli check`: the main job."""

import os
from pathlib import Path
from typing import Any

import click

from gradcli.cli import exits
from gradcli.cli.commands import COMMANDS
from gradcli.cli.target_options import TargetCommand, complete_targets, read_targets, target_options
from gradcli.cli.terminal import COLOR
from gradcli.targets import PROGRAM

_MOST_JOBS = 256


class Jobs(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """A number of processes, or `auto`."""

    name = "jobs"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value == "auto":
            return _cores()
        if isinstance(value, str) and not (value.isdecimal() and 0 < int(value) <= _MOST_JOBS):
            self.fail(f"{value!r} is not a number of processes; write 1 to {_MOST_JOBS}, or auto", param, ctx)
        return int(value)


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@click.command("check", cls=TargetCommand, short_help=COMMANDS["check"])
@click.argument("targets", nargs=-1, shell_complete=complete_targets, metavar="TARGET...")
@target_options()
@click.option(
    "--nodes", is_flag=True, default=None, help="compare the gradient of every intermediate too, in a table"
)
@click.option(
    "--exec",
    "programs",
    multiple=True,
    metavar="COMMAND",
    help="check a program that reads and writes .npz files: './layer {in} {out}'",
)
@click.option(
    "--dump",
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="write all arrays of the check; of several, into a folder",
)
@click.option(
    "-k", "selection", metavar="EXPR", help="only checks whose id contains a word; and, or, not, parentheses"
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FMT[=PATH]",
    help="also write a report: html, json, jsonl, junit, sarif, gitlab, github, summary; - is stdout",
)
@click.option(
    "-j",
    "--jobs",
    type=Jobs(),
    default=1,
    metavar="N|auto",
    help="check so many at a time, each in another process; auto: one per core",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="a check that takes longer is stopped and fails",
)
@click.option(
    "--isolate", is_flag=True, help="a process for each check: code that crashes or exits fails it alone"
)
@click.option(
    "--executor", type=click.Choice(["dask"]), help="where to check: on the workers of a Dask cluster"
)
@click.option("--scheduler", metavar="ADDRESS", help="the cluster's scheduler: tcp://10.0.0.1:8786")
@click.option("-x", "exit_first", is_flag=True, help="stop at the first check that fails")
@click.option("--maxfail", type=click.IntRange(min=1), metavar="N", help="stop after N checks that fail")
@click.option("--lf", "last_failed", is_flag=True, help="only checks that did not pass when they last ran")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="FILE.json",
    help="failures that this file knows do not fail the run; a cured one must leave it",
)
@click.option("--update-baseline", is_flag=True, help="write what fails now into the baseline")
@click.option("--collect-only", is_flag=True, help="list the ids of the checks, one a line; run none")
@click.option(
    "--durations",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="name the N slowest checks of several at the end",
)
@click.option("-q", "--quiet", is_flag=True, help="show only what does not pass, and the summary")
@click.option(
    "-v", "--verbose", is_flag=True, help="show how each gradient was computed, and what the code printed"
)
@click.option("--exit-zero", is_flag=True, help="exit with 0 even if a gradient is wrong")
@click.option("--allow-empty", is_flag=True, help="exit with 0 even if there is nothing to check")
@click.option("--allow-inconclusive", is_flag=True, help="exit with 0 even if a gradient cannot be decided")
@click.option("--color", type=click.Choice(COLOR), default="auto", help="when to use colour  [default: auto]")
def command(
    targets: tuple[str, ...],
    programs: tuple[str, ...],
    dump: Path | None,
    selection: str | None,
    reports: tuple[str, ...],
    jobs: int,
    timeout: float | None,
    isolate: bool,
    executor: str | None,
    scheduler: str | None,
    exit_first: bool,
    maxfail: int | None,
    last_failed: bool,
    baseline: Path | None,
    update_baseline: bool,
    collect_only: bool,
    durations: int,
    quiet: bool,
    verbose: bool,
    exit_zero: bool,
    allow_empty: bool,
    allow_inconclusive: bool,
    color: str,
    **options: Any,
) -> int:
    """Check the hand-written gradients of each TARGET.

    A TARGET is a built-in layer (batchnorm), a file (layers.py), a pair in it (layers.py:batchnorm) or in a
    module (pkg.mod:batchnorm), a config (net.yaml) or a folder of configs and
    Python files. A layer has options of its own:
    see gradcli check batchnorm --help. gradcli layers lists the layers.

    \b
    Exit code: 0 all passed, 1 something is wrong, 2 cannot check,
    3 a bug in gradcli, 4 could not decide, 5 nothing to check, 130 interrupted
    """
    from gradcli.cli.reports import read_reports
    from gradcli.cli.session import Orders, Session

    targets += tuple(f"{PROGRAM}{program}" for program in programs)
    if not targets:
        raise click.UsageError("Missing argument 'TARGET...'.")
    if (executor is None) != (scheduler is None):
        raise click.UsageError("a cluster is named by both: --executor dask --scheduler tcp://HOST:PORT")
    if scheduler is not None and (jobs > 1 or timeout is not None or isolate):
        raise click.UsageError("-j, --timeout and --isolate are for processes here, not for --executor dask")
    if update_baseline and baseline is None:
        raise click.UsageError("--update-baseline: say which file: --baseline FILE.json")
    specs, empty = read_targets(targets, options)
    session = Session(color, quiet=quiet, verbose=verbose, reports=read_reports(reports), durations=durations)
    orders = Orders(
        selection=selection,
        last_failed=last_failed,
        baseline=baseline,
        update_baseline=update_baseline,
        collect_only=collect_only,
        maxfail=1 if exit_first else maxfail,
        dump=dump,
        jobs=jobs,
        timeout=timeout,
        isolate=isolate,
        scheduler=scheduler,
    )
    codes = session.check_all(specs, empty, orders)
    forgiven = {
        exits.WRONG: exit_zero,
        exits.EMPTY: allow_empty,
        exits.UNDECIDED: allow_inconclusive,
    }
    return exits.worst(exits.OK if forgiven.get(code) else code for code in codes)
