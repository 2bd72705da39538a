"""The dimensions and constants that targets declare, as options of a command."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from gradcli.cli.parameters import read_number
from gradcli.errors import UsageError
from gradcli.layers import LAYERS, Dim, Option
from gradcli.layers.declaration import convert

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_layers(incomplete: str) -> "list[CompletionItem]":
    """The built-in layers that a shell may offer."""
    from click.shell_completion import CompletionItem

    names = (name for name in LAYERS if name.startswith(incomplete))
    return [CompletionItem(name, help=LAYERS[name].summary) for name in names]


def flag(name: str) -> str:
    """The option of a dimension or a constant: `--in-features`."""
    return f"--{name.replace('_', '-')}"


def option(parameter: Dim | Option) -> click.Option:
    """One declared parameter as a click option; None where the user did not give it."""
    dashed = flag(parameter.name)
    if isinstance(parameter.default, bool):
        off = f"--no-{dashed[2:]}"
        default = dashed if parameter.default else off
        declarations, metavar = [parameter.name, f"{dashed}/{off}"], None
    else:
        default = format(parameter.default, "g")
        declarations = [parameter.name, dashed]
        metavar = "INTEGER" if isinstance(parameter.default, int) else "NUMBER"
    text = f"{parameter.help}  [default: {default}]"
    return click.Option(declarations, default=None, metavar=metavar, help=text)


def read_values(
    target: str, parameters: tuple[Dim | Option, ...], given: Mapping[str, str | bool]
) -> dict[str, object]:
    """The values of a target's options, of their own types. Raises UsageError, one line per mistake."""
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, object] = {}
    mistakes = []
    for name, text in given.items():
        if name not in known:
            mistakes.append(no_such_option(target, parameters, flag(name)))
            continue
        try:
            values[name] = convert(known[name], read_number(text) if isinstance(text, str) else text)
        except UsageError as error:
            mistakes.append(f"{target}: {error}")
    if mistakes:
        raise UsageError("\n".join(mistakes))
    return values


def no_such_option(target: str, parameters: tuple[Dim | Option, ...], name: str) -> str:
    """The message for an option that a target does not have; it names those that it has."""
    if not parameters:
        return (
            f"{target} has no option {name}; give its arguments with --input NAME=SHAPE and --set NAME=VALUE"
        )
    return f"{target} has no option {name}; it has {', '.join(flag(p.name) for p in parameters)}"
