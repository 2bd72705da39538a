"""The command runs as in the tests of the command line."""

from tests.cli.conftest import environment, invoke

__all__ = ["environment", "invoke"]
