"""Processes find gradcli as in the tests of the command line."""

from tests.cli.conftest import environment

__all__ = ["environment"]
