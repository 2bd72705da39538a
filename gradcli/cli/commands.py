"""The commands of gradcli; each one's file is imported only when it runs."""

from importlib import import_module

import click

from gradcli import __version__
from gradcli.cli import exits

# name: one line of help. The command is `command` in the file gradcli/cli/NAME.py.
COMMANDS = {
    "check": "Check hand-written gradients.",
    "layers": "List the built-in layers, or describe one.",
    "sweep": "Plot the error of central differences against their step.",
    "explain": "Derive the gradients of a layer, or explain a code such as GC103.",
    "replay": "Run a dumped check again, on today's code.",
    "diff": "Name the first value in which two dumps differ.",
    "watch": "Check again on every save.",
    "init": "Write a config for what a file holds.",
    "mutate": "Damage the backward: would this check have noticed?",
    "schema": "Print the JSON Schema of a config.",
}


class LazyGroup(click.Group):
    """A group that lists its commands from the table above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"gradcli.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say which command was meant; click does so only in its newest versions."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            from gradcli.targets.near_miss import did_you_mean

            near = did_you_mean(args[0], COMMANDS) or f"; there are {', '.join(COMMANDS)}"
            raise click.UsageError(f"No such command {args[0]!r}{near}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table, because click would import every command for its line."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    "gradcli",
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Try: gradcli check batchnorm --batch 2 --features 3",
)
@click.version_option(__version__, prog_name="gradcli", message="%(prog)s %(version)s")
@click.pass_context
def gradcli(ctx: click.Context) -> None:
    """Is a hand-written backward pass right, and if not, which line is wrong?"""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        ctx.exit(exits.UNUSABLE)  # a gate that forgot its command must not be green
