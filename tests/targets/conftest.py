"""What tests of targets share."""

import pytest

from tests.cli.conftest import invoke

__all__ = ["folder", "invoke"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, in which the test stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
