"""`gradcli layers`: what is built in."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from gradcli.cli.commands import COMMANDS
from gradcli.cli.layer_options import complete_layers, flag
from gradcli.errors import TargetError
from gradcli.layers import LAYERS, Dim, Input, Layer, Option
from gradcli.targets.near_miss import did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    return complete_layers(incomplete)


@click.command("layers", short_help=COMMANDS["layers"])
@click.argument("name", required=False, shell_complete=_complete)
def command(name: str | None) -> None:
    """List the built-in layers, or describe NAME: its formula, options, inputs and intermediates."""
    if name is None:
        click.echo("\n".join(_aligned((layer.name, layer.summary) for layer in LAYERS.values())))
        click.echo("\ngradcli layers NAME describes one; gradcli check NAME checks it")
    elif name in LAYERS:
        click.echo("\n".join(describe(LAYERS[name])))
    else:
        near = did_you_mean(name, LAYERS) or ";"
        raise TargetError(f"no layer {name!r}{near} `gradcli layers` lists them")


def describe(layer: Layer) -> list[str]:
    """All that the declaration says, as lines."""
    options = [(flag(p.name), _kind(p), _default(p), p.help) for p in layer.parameters]
    inputs = [(item.name, _shape(item.shape), _drawn(item)) for item in layer.inputs]
    return [
        f"{layer.name}: {layer.summary}",
        "",
        *_aligned([("formula", layer.formula), ("source", layer.source), ("output", layer.output)]),
        *_section("options", options),
        *_section("inputs", inputs),
        *_section("intermediates", layer.intermediates),
        *_section("example", [(_example(layer),)]),
    ]


def _section(title: str, rows: Sequence[tuple[str, ...]]) -> list[str]:
    return ["", title, *(f"  {line}" for line in _aligned(rows))] if rows else []


def _aligned(rows: Iterable[tuple[str, ...]]) -> list[str]:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _kind(parameter: Dim | Option) -> str:
    if isinstance(parameter.default, bool):
        return f"or --no-{flag(parameter.name)[2:]}"
    kind = "integer" if isinstance(parameter.default, int) else "number"
    return ", ".join([kind, *_bounds(parameter)])


def _bounds(parameter: Dim | Option) -> list[str]:
    if isinstance(parameter, Dim):
        return [f"at least {parameter.minimum}"]
    bounds = {
        "at least": parameter.minimum,
        "at most": parameter.maximum,
        "above": parameter.above,
        "below": parameter.below,
    }
    return [f"{relation} {bound:g}" for relation, bound in bounds.items() if bound is not None]


def _default(parameter: Dim | Option) -> str:
    default = parameter.default
    return f"default {str(default).lower() if isinstance(default, bool) else default}"


def _shape(shape: tuple[str | int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _drawn(item: Input) -> str:
    """How an input is drawn, and what it is for."""
    match item.kind:
        case "integer":
            drawn = f"integers below {item.high}, no gradient"
        case "mask":
            drawn = "true or false, no gradient"
        case "weight":
            drawn = f"normal / sqrt({item.fan_in})"
        case "positive":
            drawn = "positive"
        case _:
            drawn = "normal"
    offset = f" + {item.offset:g}" if item.offset else ""
    return f"{drawn}{offset}{': ' + item.help if item.help else ''}"


def _example(layer: Layer) -> str:
    dims = " ".join(f"{flag(dim.name)} {dim.default}" for dim in layer.dims)
    return f"gradcli check {layer.name} {dims}".rstrip()
