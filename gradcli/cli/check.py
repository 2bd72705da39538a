"""`gradcli check`: the main job."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradcli.cli import exits
from gradcli.cli.commands import COMMANDS
from gradcli.cli.layer_options import complete_layers, flag, no_such_option, option
from gradcli.cli.parameters import setting_options
from gradcli.cli.terminal import COLOR
from gradcli.config.settings import SETTINGS
from gradcli.layers import LAYERS
from gradcli.targets import options_of
from gradcli.targets.near_miss import did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# In the meta of a context, about the command line being parsed:
_DECLARED = "gradcli.declared"  # target -> the dimensions and constants that it declares
_OPTIONS = "gradcli.options"  # name -> the option made of it


class CheckCommand(click.Command):
    """A command that has the options of its targets: `--features` for batchnorm, none for a file."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Whatever looks like a target here; whether an option fits is said once the line is parsed.
        declared = {arg: options_of(arg) for arg in args if not arg.startswith("-")}
        ctx.meta[_DECLARED] = {target: options for target, options in declared.items() if options}
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise _unknown_option(error, ctx) from None

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        general = super().get_params(ctx)
        return [*general[:-1], *_target_options(ctx).values(), *general[-1:]]  # --help stays the last

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of each target in a section of its own, then those of every check."""
        for target, parameters in ctx.meta[_DECLARED].items():
            records = [option(parameter).get_help_record(ctx) for parameter in parameters]
            with formatter.section(f"Options of {target}"):
                formatter.write_dl([record for record in records if record])
        general = [p.get_help_record(ctx) for p in super().get_params(ctx) if isinstance(p, click.Option)]
        with formatter.section("Options"):
            formatter.write_dl([record for record in general if record])


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    return [*complete_layers(incomplete), CompletionItem(incomplete, type="file")]


def _target_options(ctx: click.Context) -> dict[str, click.Option]:
    """The options of the targets, made once: click asks for them several times."""
    if _OPTIONS not in ctx.meta:
        declared = ctx.meta.get(_DECLARED, {})
        parameters = {p.name: p for target in declared for p in declared[target]}
        ctx.meta[_OPTIONS] = {name: option(parameter) for name, parameter in parameters.items()}
    options: dict[str, click.Option] = ctx.meta[_OPTIONS]
    return options


def _unknown_option(error: click.NoSuchOption, ctx: click.Context) -> click.UsageError:
    """Name the options that the first target has, and one that may have been meant."""
    own = [name for option in _target_options(ctx).values() for name in option.opts]
    general = [name for p in command.params if isinstance(p, click.Option) for name in p.opts]
    near = did_you_mean(error.option_name, [*own, *general])
    for target, parameters in ctx.meta[_DECLARED].items():
        return click.UsageError(no_such_option(target, parameters, error.option_name) + near, ctx)
    if error.option_name in {flag(p.name) for layer in LAYERS.values() for p in layer.parameters}:
        return click.UsageError(
            f"{error.option_name} is an option of built-in layers; write it into a config, and give the "
            "arguments of a file with --input NAME=SHAPE and --set NAME=VALUE",
            ctx,
        )
    return click.UsageError(f"No such option {error.option_name}{near}", ctx)


@click.command("check", cls=CheckCommand, short_help=COMMANDS["check"])
@click.argument("targets", nargs=-1, required=True, shell_complete=_complete, metavar="TARGET...")
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME=SHAPE", help="draw an input of this shape: x=4x3"
)
@click.option(
    "--inputs",
    "inputs_file",
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="take inputs from arrays by argument name",
)
@click.option(
    "--set", "constants", multiple=True, metavar="NAME=VALUE", help="give an argument a constant: eps=1e-5"
)
@setting_options
@click.option(
    "--dump",
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="write all arrays of the check; of several, into a folder",
)
@click.option(
    "-k", "selection", metavar="EXPR", help="only checks whose id contains a word; and, or, not, parentheses"
)
@click.option("-x", "exit_first", is_flag=True, help="stop at the first check that fails")
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
    inputs: tuple[str, ...],
    inputs_file: Path | None,
    constants: tuple[str, ...],
    dump: Path | None,
    selection: str | None,
    exit_first: bool,
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
    module (pkg.mod:batchnorm), a config (net.yaml) or a folder of configs. A layer has options of its own:
    see gradcli check batchnorm --help. gradcli layers lists the layers.

    \b
    Exit code: 0 all passed, 1 something is wrong, 2 cannot check,
    3 a bug in gradcli, 4 could not decide, 5 nothing to check, 130 interrupted
    """
    from gradcli.cli.requests import Arguments, read_specs
    from gradcli.cli.session import Session

    settings = {name: options[name] for name in SETTINGS if options.get(name) is not None}
    declared = {name: value for name, value in options.items() if name not in SETTINGS and value is not None}
    specs, empty = read_specs(targets, Arguments(declared, inputs, inputs_file, constants), settings)
    session = Session(color, quiet=quiet, verbose=verbose)
    codes = session.check_all(specs, empty, selection=selection, dump=dump, exit_first=exit_first)
    forgiven = {
        exits.WRONG: exit_zero,
        exits.EMPTY: allow_empty,
        exits.UNDECIDED: allow_inconclusive,
    }
    return exits.worst(exits.OK if forgiven.get(code) else code for code in codes)
