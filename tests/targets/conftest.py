"""What tests of targets share."""

import pytest

from tests.cli.conftest import invoke

__all__ = ["folder", "invoke"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, in which the test stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def as_found(monkeypatch):
    """A failure is told at the shape at which it was found: of shrinking tests/test_cases.py tells."""
    monkeypatch.setattr("gradcli.cases._SMALL", float("inf"))
