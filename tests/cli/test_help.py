"""What the commands say of themselves."""

import pytest

from gradcli.cli.commands import COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_fits_80_columns(invoke, command):
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if len(line) > 80] == []
