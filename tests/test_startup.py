"""What a command imports: a gate or a shell waits for every module of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gradcli

ROOT = str(Path(gradcli.__file__).parents[1])
# Also dotted: rich alone may be there for its text.
HEAVY = [
    "numpy",
    "yaml",
    "rich.traceback",
    "scipy",
    "torch",
    "jax",
    "matplotlib",
    "jinja2",
    "importlib.metadata",
]


def modules_after(program, **variables):
    """The names of all modules that a program leaves in sys.modules."""
    path = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print('\\n'.join(sys.modules), file=sys.stderr)"],
        env=os.environ | {"PYTHONPATH": path} | variables,
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return set(done.stderr.splitlines())


def imported_by(arguments, **variables):
    """The names of all modules after `gradcli ARGUMENTS`."""
    return modules_after(f"from gradcli.cli import main\nassert main({arguments!r}) in (0, 1)", **variables)


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--help"], {}),
        (["--version"], {}),
        (["check", "--help"], {}),
        (["check", "batchnorm", "--help"], {}),
        (["layers"], {}),
        (["layers", "batchnorm"], {}),
        ([], {"_GRADCLI_COMPLETE": "bash_source"}),
        ([], {"_GRADCLI_COMPLETE": "bash_complete", "COMP_WORDS": "gradcli ", "COMP_CWORD": "1"}),
        ([], {"_GRADCLI_COMPLETE": "bash_complete", "COMP_WORDS": "gradcli check b", "COMP_CWORD": "2"}),
        (
            [],
            {
                "_GRADCLI_COMPLETE": "bash_complete",
                "COMP_WORDS": "gradcli check batchnorm --",
                "COMP_CWORD": "3",
            },
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value.get("COMP_WORDS", ""),
)
def test_help_layers_and_completion_import_nothing_heavy(arguments, variables):
    assert not imported_by(arguments, **variables) & {*HEAVY, "rich"}


def test_help_of_the_whole_imports_no_command():
    imported = imported_by(["--help"])
    assert not imported & {"gradcli.cli.check", "gradcli.layers", "gradcli.targets"}


def test_check_of_a_layer_imports_only_what_it_needs():
    imported = imported_by(["check", "batchnorm", "--batch", "2", "--features", "3"])
    assert "numpy" in imported
    # rich.progress comes with a bar, zipfile and tempfile with files; some come with an older NumPy.
    unneeded = {"rich.progress", "rich.markdown", "pygments", "zipfile", "tempfile", "json"}
    unneeded -= modules_after("import click, rich.console, rich.table, numpy, numpy.random")
    assert not imported & ({*HEAVY} - {"numpy"} | unneeded)


def test_the_schema_needs_no_numpy():
    assert not imported_by(["schema"]) & {"numpy", "torch", "jax"}
