"""Two ways to run the command: inside this process, and as users do."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import gradcli
from gradcli.cli import main

ROOT = str(Path(gradcli.__file__).parents[1])
# What changes how a command looks, or when it is that its output is there.
VARIABLES = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "PYTHONUNBUFFERED")


def _entry(args, prog_name=None, **extra):
    sys.exit(main(list(args)))


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Run `gradcli ARGS` in an empty folder: exit_code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)

    def run(*args):
        return CliRunner().invoke(SimpleNamespace(main=_entry, name="gradcli"), [str(arg) for arg in args])

    return run


@pytest.fixture
def environment():
    """The environment of a subprocess that finds this gradcli."""
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    path = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))
    return kept | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def gradcli_process(tmp_path, environment):
    """Run `python -m gradcli ARGS` in an empty folder, as a process of its own."""

    def run(*args, **options):
        command = [sys.executable, "-m", "gradcli", *map(str, args)]
        options = {"env": environment, "capture_output": True, "text": True, "timeout": 60, **options}
        return subprocess.run(command, cwd=tmp_path, check=False, **options)

    return run
