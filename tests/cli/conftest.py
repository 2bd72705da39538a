"""Two ways to run the command: inside this process, and as users do."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import gradcli
from gradcli.cli import main

ROOT = str(Path(gradcli.__file__).parents[1])
PATH = (str(Path(__file__).parents[1] / "processes"), ROOT)  # where processes find what they import
LONG = 600  # seconds that a process may take: none does, unless it hangs
# What changes how a command looks, or when it is that its output is there.
VARIABLES = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "PYTHONUNBUFFERED")


def comes(event):
    """Whether something comes to be within a time that is long on any machine."""
    deadline = time.monotonic() + LONG
    while not (found := event()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


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
    path = os.pathsep.join(filter(None, [*PATH, os.environ.get("PYTHONPATH")]))
    return kept | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def gradcli_process(tmp_path, environment):
    """Run `python -m gradcli ARGS` in an empty folder, as a process of its own."""

    def run(*args, **options):
        command = [sys.executable, "-m", "gradcli", *map(str, args)]
        options = {"env": environment, "capture_output": True, "text": True, "timeout": LONG, **options}
        return subprocess.run(command, cwd=tmp_path, check=False, **options)

    return run
