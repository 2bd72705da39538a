"""What every command with a TARGET accepts: the options of its layer, inputs, constants and settings."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradcli.cli.layer_options import complete_layers, flag, no_such_option, option
from gradcli.cli.parameters import Function, setting_options
from gradcli.config.settings import SETTINGS
from gradcli.layers import LAYERS
from gradcli.targets import options_of
from gradcli.targets.near_miss import did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from gradcli.spec import CheckSpec
    from gradcli.suite.outcome import Outcome

# In the meta of a context, about the command line being parsed:
_DECLARED = "gradcli.declared"  # target -> the dimensions and constants that it declares
_OPTIONS = "gradcli.options"  # name -> the option made of it


class TargetCommand(click.Command):
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
        """The options of each target in a section of its own, then those of the command."""
        for target, parameters in ctx.meta[_DECLARED].items():
            records = [option(parameter).get_help_record(ctx) for parameter in parameters]
            with formatter.section(f"Options of {target}"):
                formatter.write_dl([record for record in records if record])
        general = [p.get_help_record(ctx) for p in super().get_params(ctx) if isinstance(p, click.Option)]
        with formatter.section("Options"):
            formatter.write_dl([record for record in general if record])


def complete_targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Layers, and files."""
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
    general = [name for p in ctx.command.params if isinstance(p, click.Option) for name in p.opts]
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


_ARGUMENTS = (
    click.option(
        "--input", "inputs", multiple=True, metavar="NAME=SHAPE", help="draw an input of this shape: x=4x3"
    ),
    click.option(
        "--inputs",
        "inputs_file",
        type=click.Path(path_type=Path),
        metavar="FILE.npz",
        help="take inputs from arrays by argument name",
    ),
    click.option(
        "--set",
        "constants",
        multiple=True,
        metavar="NAME=VALUE",
        help="give an argument a constant: eps=1e-5",
    ),
    click.option(
        "--stub",
        "stubs",
        multiple=True,
        metavar="MODULE",
        help="import a stand-in for a module that is not needed: matplotlib",
    ),
    click.option(
        "--order",
        type=click.Choice(("1", "2")),
        help="only functions and their gradients (1), or gradients and their Hessians (2)",
    ),
    click.option(
        "--scale",
        multiple=True,
        metavar="[NAME=]FACTOR",
        help="declare: the gradient is that times the derivative: W=1/4, 1/m",
    ),
    click.option(
        "--sign", multiple=True, metavar="[NAME=]-1", help="declare: the negative gradient is returned"
    ),
    click.option(
        "--stop-gradient", multiple=True, metavar="NAME", help="declare: backward takes it for a constant"
    ),
    click.option(
        "--nograd", multiple=True, metavar="NAME", help="declare: an array of floats without a gradient"
    ),
    click.option(
        "--surrogate",
        multiple=True,
        metavar="[NAME=]REASON",
        help="declare: the gradient differs from the derivative on purpose",
    ),
    click.option(
        "--xfail", metavar="REASON", help="declare: the check fails, and an unexpected pass is wrong"
    ),
    click.option("--xfail-until", metavar="DATE", help="the last day on which it may fail: 2027-01-31"),
    click.option("--only-symbol", is_flag=True, help="run only those definitions of a file that are needed"),
)


def target_options(settings: Collection[str] = tuple(SETTINGS)) -> Callable[[Function], Function]:
    """A decorator: arguments, how files are loaded and those settings; `read_targets` understands them."""

    def decorate(function: Function) -> Function:
        for add in reversed((*_ARGUMENTS, setting_options(settings))):
            function = add(function)
        return function

    return decorate


def read_targets(targets: Sequence[str], options: dict[str, Any]) -> "tuple[list[CheckSpec], list[Outcome]]":
    """The checks that targets and options ask for; see `requests.read_specs`.

    options: those of `target_options` and of the targets, by parameter name (loading may be left out).
    """
    from gradcli.cli.declaration_options import read_declarations
    from gradcli.cli.requests import Arguments, read_specs
    from gradcli.spec import Loading

    inputs, inputs_file, constants = (options.pop(name) for name in ("inputs", "inputs_file", "constants"))
    declarations = read_declarations(options)
    order = options.pop("order", None)
    loading = Loading(tuple(options.pop("stubs", ())), options.pop("only_symbol", False))
    given = {name: value for name, value in options.items() if value is not None}
    settings = {name: value for name, value in given.items() if name in SETTINGS}
    declared = {name: value for name, value in given.items() if name not in SETTINGS}
    arguments = Arguments(
        declared, inputs, inputs_file, constants, loading, declarations, order and int(order)
    )
    return read_specs(targets, arguments, settings)
