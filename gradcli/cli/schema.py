"""`gradcli schema`: the JSON Schema of a config, for editors."""

import json

import click

from gradcli.cli.commands import COMMANDS


@click.command("schema", short_help=COMMANDS["schema"])
def command() -> None:
    """Print the JSON Schema (draft-07) of a config.

    Save it and name it in the first line of a config to get completion in an editor:

    \b
    gradcli schema > gradcli.schema.json
    # yaml-language-server: $schema=gradcli.schema.json
    """
    from gradcli import config

    click.echo(json.dumps(config.schema(), indent=2))
