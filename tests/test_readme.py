"""The README tells the truth: its files are written, its commands run, and its output is what they print.

What depends on the machine's arithmetic is left out of the comparison: decimal numbers, the index of the
worst element of a gradient that passes, and how wide a table is. Words, names, verdicts, shapes and counts
are compared.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import gradcli
from tests.cli.conftest import LONG, PATH

ROOT = Path(gradcli.__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
WIDTH = "100"  # what the README's tables were printed at
TEST_COMMAND = "pip install '.[test]' && pytest"

_BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Command(NamedTuple):
    line: str
    output: str


FILES = {name: text for _, name, text in _BLOCK.findall(README) if name}


def _commands():
    for kind, _, text in _BLOCK.findall(README):
        if kind == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                line, _, output = part.partition("\n")
                yield Command(line, output)


COMMANDS = list(_commands())


def comparable(text):
    """The lines of a report without what the machine's arithmetic decides."""
    text = re.sub(r"[-+]?\b(\d+\.\d+(e[-+]\d+)?|\d+e[-+]\d+)\b", "#", text)
    text = re.sub(r"\b0 @", "# @", text)
    text = re.sub(r"^(pass .*@) [\d,]+", r"\1 #", text, flags=re.MULTILINE)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return [line for line in lines if line.strip("─")]


@pytest.fixture
def shell(tmp_path):
    """Run a line in bash, in a folder with the README's files, where `gradcli` is this one."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, words in {"gradcli": "-m gradcli", "python": ""}.items():
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (tools / name).chmod(0o755)
    paths = {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, [*PATH, os.environ.get("PYTHONPATH")])),
    }
    plain = {"COLUMNS": WIDTH, "NO_COLOR": "1", "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}

    def run(line):
        return subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env=os.environ | paths | plain,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=LONG,
        )

    return run


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if c.line != TEST_COMMAND], ids=lambda command: command.line
)
def test_every_command_prints_what_the_readme_shows(command, shell):
    if command.line.startswith("cc ") and shutil.which("cc") is None:
        pytest.skip("no C compiler on this machine")
    line = command.line.removeprefix("pip install . && ")
    assert comparable(shell(line).stdout) == comparable(command.output)


def test_the_two_commands_stand_there_word_for_word():
    lines = [command.line for command in COMMANDS]
    assert lines[:2] == ["pip install . && gradcli check batchnorm --batch 2 --features 3", TEST_COMMAND]


def test_ci_runs_the_test_command_of_the_readme():
    script = ROOT / ".ci" / "run"
    if not script.is_file():
        pytest.skip("not a checkout")
    extraction = re.search(r"^command=.*$", script.read_text(encoding="utf-8"), re.MULTILINE)[0]
    done = subprocess.run(
        ["bash", "-c", f'{extraction}; echo "$command"'], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{TEST_COMMAND}\n"


def test_the_repair_that_the_readme_names_makes_the_check_pass(shell):
    assert FILES["layers.py"].count("-1.0") == 1
    failing = next(command.line for command in COMMANDS if command.line.startswith("gradcli check layers.py"))
    assert shell(failing).returncode == 1
    assert shell(f"sed -i s/-1.0/-0.5/ layers.py && {failing}").returncode == 0


def test_the_program_in_c_passes_word_for_word(shell):
    if shutil.which("cc") is None:
        pytest.skip("no C compiler on this machine")
    (line,) = re.findall(r"^cc .*--exec .*$", README, re.MULTILINE)
    done = shell(line.replace("tests/", f"{shlex.quote(str(ROOT))}/tests/"))
    assert (done.returncode, "4 of 4 elements compared" in done.stdout) == (0, True)


def test_the_exit_codes_are_those_of_the_program():
    from gradcli.cli import exits

    listed = [int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)]
    defined = [value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)]
    assert listed == sorted(defined)
    order = [int(code) for code in re.search(r"the first of ([\d, ]+) wins", README).group(1).split(", ")]
    assert [exits.worst(order[place:]) for place in range(len(order))] == order


def test_every_option_that_the_readme_names_exists(shell):
    helped = "".join(shell(f"gradcli {name} --help").stdout for name in ("check batchnorm", "mutate"))
    helped += shell("python -m pytest -p gradcli.pytest_plugin --help | grep -- --gradcli-").stdout
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) - {"--help"}
    assert {option for option in named if option not in helped} == set()
