"""`gradcli explain`: what a code in a report means, and how a layer's gradients come about."""

import sys
from typing import TYPE_CHECKING, Any

import click

from gradcli.cli import exits
from gradcli.cli.commands import COMMANDS
from gradcli.cli.layer_options import complete_layers
from gradcli.cli.layers import describe
from gradcli.cli.parameters import setting_options
from gradcli.cli.target_options import TargetCommand, read_targets
from gradcli.cli.terminal import make_console
from gradcli.errors import UsageError
from gradcli.explain import PAGES, Page
from gradcli.layers import LAYERS
from gradcli.targets.near_miss import did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    pages = [page for code, page in PAGES.items() if code.startswith(incomplete.upper())]
    return [*(CompletionItem(page.code, help=page.title) for page in pages), *complete_layers(incomplete)]


@click.command("explain", cls=TargetCommand, short_help=COMMANDS["explain"])
@click.argument("name", required=False, metavar="[CODE|LAYER]", shell_complete=_complete)
@setting_options(["seed"])
def command(name: str | None, **options: Any) -> int:
    """Explain a CODE of a report: what it means, an example, the usual cause and the usual fix.

    Or derive the gradients of a built-in LAYER: its graph, every local partial by its formula and by
    perturbing that edge alone, and how the paths add up. Dimensions and constants of the layer are options
    (gradcli explain batchnorm --help). Without a name, list the codes.

    \b
    Exit code: 0 all agrees, 1 something does not, 2 no such name
    """
    if name is None:
        lines = [f"{page.code}  {page.title}" for page in PAGES.values()]
        click.echo("\n".join([*lines, "", "gradcli explain CODE says more about one"]))
    elif name.upper() in PAGES:
        _show(PAGES[name.upper()])
    elif name in LAYERS:
        return _derive(name, options)
    else:
        near = did_you_mean(name, [*PAGES, *LAYERS]) or ";"
        raise UsageError(f"no code or layer {name!r}{near} `gradcli explain` lists the codes")
    return exits.OK


def _derive(name: str, options: dict[str, Any]) -> int:
    """Show the derivation of a layer."""
    from gradcli.explain.derivations import DERIVATIONS
    from gradcli.explain.derive import derive
    from gradcli.report.derivation import DerivationReport
    from gradcli.targets import resolve

    (spec,), _ = read_targets([name], {**options, "inputs": (), "inputs_file": None, "constants": ()})
    (problem,) = resolve(spec)
    derived = derive(DERIVATIONS[name], problem, spec.settings.seed)
    click.echo(f"{describe(LAYERS[name])[0]}\n")
    make_console(sys.stdout, "auto").print(DerivationReport(derived), crop=False)
    return exits.OK if derived.agrees else exits.WRONG


def _show(page: Page) -> None:
    from gradcli.report.page import PageReport

    make_console(sys.stdout, "auto").print(PageReport(page), crop=False)
