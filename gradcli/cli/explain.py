"""`gradcli explain`: what a code in a report means."""

import sys
from typing import TYPE_CHECKING

import click

from gradcli.cli.commands import COMMANDS
from gradcli.cli.layer_options import complete_layers
from gradcli.cli.layers import describe
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


@click.command("explain", short_help=COMMANDS["explain"])
@click.argument("name", required=False, metavar="[CODE|LAYER]", shell_complete=_complete)
def command(name: str | None) -> None:
    """Explain a CODE of a report: what it means, an example, the usual cause and the usual fix.

    Without a code, list them all. The name of a built-in layer shows what `gradcli layers` says about it.
    """
    if name is None:
        lines = [f"{page.code}  {page.title}" for page in PAGES.values()]
        click.echo("\n".join([*lines, "", "gradcli explain CODE says more about one"]))
    elif name.upper() in PAGES:
        _show(PAGES[name.upper()])
    elif name in LAYERS:
        click.echo("\n".join(describe(LAYERS[name])))
    else:
        near = did_you_mean(name, [*PAGES, *LAYERS]) or ";"
        raise UsageError(f"no code or layer {name!r}{near} `gradcli explain` lists the codes")


def _show(page: Page) -> None:
    from gradcli.report.page import PageReport

    make_console(sys.stdout, "auto").print(PageReport(page), crop=False)
