"""The command is run as in the tests of the command line."""

from tests.cli.conftest import environment, gradcli_process, invoke

__all__ = ["environment", "gradcli_process", "invoke"]
