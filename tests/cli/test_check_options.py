"""What the options of `gradcli check` do."""

import os
import pty
import re
import subprocess
import sys

import pytest

from gradcli.cli import terminal
from gradcli.cli.check import command
from gradcli.layers import LAYERS
from tests.cli.pairs import BATCHNORM, BATCHNORM_INPUTS, MISBEHAVING, WRONG_BATCHNORM

SUITE = """\
version: 1
defaults: {tol: 1e-6, blame: false}
checks:
  - {target: relu, matrix: {batch: [1, 2], features: [3, 4]}}
  - id: mine
    target: wrong.py:batchnorm
    inputs: {x: {shape: [4, 3]}, gamma: {shape: [3]}, beta: {shape: [3]}}
    constants: {eps: 1e-5}
  - {target: tanh}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "bn.py").write_text(BATCHNORM)
    (tmp_path / "wrong.py").write_text(WRONG_BATCHNORM)
    (tmp_path / "bad.py").write_text(MISBEHAVING)
    (tmp_path / "suite.yaml").write_text(SUITE)
    return tmp_path


def summaries(result):
    return [line for line in result.stdout.splitlines() if " compared, seed " in line]


def ids(result):
    return [line.split("  ")[1].partition(": ")[0] for line in summaries(result)]


def test_an_unchanged_file_is_checked_with_shapes_from_the_command_line(invoke, folder):
    result = invoke("check", "bn.py:batchnorm", *BATCHNORM_INPUTS)
    assert result.exit_code == 0
    assert summaries(result) == ["PASS  bn.py:batchnorm: 3 gradients, 18 of 18 elements compared, seed 0"]


@pytest.mark.parametrize("target", ["batchnorm", "affine"])
def test_help_after_a_layer_lists_its_options_with_their_defaults(target, invoke):
    result = invoke("check", target, "--help")
    assert result.exit_code == 0
    own = result.stdout.partition(f"Options of {target}:")[2].partition("\nOptions:")[0]
    for parameter in LAYERS[target].parameters:
        assert f"--{parameter.name.replace('_', '-')}" in own
        assert f"{parameter.default:g}]" in own


def test_help_without_a_layer_says_how_to_see_its_options(invoke):
    result = invoke("check", "-h")
    assert "see gradcli check batchnorm --help" in " ".join(result.stdout.split())
    assert "--features" not in result.stdout


def test_no_option_of_a_layer_hides_a_general_one():
    general = {name for parameter in command.params for name in parameter.opts}
    declared = {f"--{p.name.replace('_', '-')}" for layer in LAYERS.values() for p in layer.parameters}
    assert not general & declared


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_every_layer_takes_its_own_options(name, invoke):
    words = []
    for parameter in LAYERS[name].parameters:
        dashed = parameter.name.replace("_", "-")
        flags = [f"--{dashed}" if parameter.default else f"--no-{dashed}"]
        words += flags if isinstance(parameter.default, bool) else [f"--{dashed}", str(parameter.default)]
    result = invoke("check", *words, name, "-q")
    assert result.exit_code == 0
    assert summaries(result)[0].startswith(f"PASS  {name}[")


def test_a_switch_can_be_turned_on_and_off(invoke):
    attention = "scaled_dot_product_attention"
    on, off = invoke("check", attention, "--causal"), invoke("check", attention, "--no-causal")
    assert "causal=True" in summaries(on)[0]
    assert "causal" not in summaries(off)[0]


@pytest.mark.parametrize(
    "words",
    [
        ["--eps", "1e-5"],
        ["--eps", "1e5"],
        ["--tol", "1e-5"],
        ["--tol", "1e5"],
        ["--step", "1e-5", "--method", "central"],
        ["--budget", "1e1"],
        ["--seed", "1e5"],
        ["--batch", "1e1"],
        ["--elements", "1e5"],
    ],
    ids=" ".join,
)
def test_a_number_may_have_an_exponent_wherever_it_stands(words, invoke):
    assert invoke("check", "batchnorm", *words).exit_code in (0, 1, 4)


def test_the_seed_and_the_dtype_are_those_asked_for(invoke):
    result = invoke("check", "relu", "--seed", 7, "--dtype", "float32", "-v")
    assert summaries(result)[0].endswith("seed 7")
    assert result.stdout.splitlines()[-1].startswith("float32, ")


def test_options_override_what_a_config_says(invoke, folder):
    (folder / "one.yaml").write_text("version: 1\nchecks:\n  - {target: relu, seed: 3, dtype: float32}\n")
    assert summaries(invoke("check", "one.yaml"))[0].endswith("seed 3")
    result = invoke("check", "one.yaml", "--seed", 5, "--dtype", "float64", "-v")
    assert summaries(result)[0].endswith("seed 5")
    assert "\nfloat64, " in result.stdout


def test_a_config_is_run_in_its_order_and_summed_up_with_its_worst(invoke, folder):
    result = invoke("check", "suite.yaml")
    assert result.exit_code == 1
    assert ids(result) == [
        "relu[batch=1,features=3]",
        "relu[batch=1,features=4]",
        "relu[batch=2,features=3]",
        "relu[batch=2,features=4]",
        "mine",
        "tanh[batch=2,features=3]",
    ]
    last = result.stdout.splitlines()[-1]
    assert last.startswith(
        "6 checks: 5 passed, 1 FAILED; 8 gradients, 45 of 45 elements compared; worst: mine x, "
    )


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ("tanh", ["tanh[batch=2,features=3]"]),
        ("RELU and not batch=1", ["relu[batch=2,features=3]", "relu[batch=2,features=4]"]),
        ("not (relu or tanh)", ["mine"]),
        ("batch=1 and features=4 or mine", ["relu[batch=1,features=4]", "mine"]),
        ("not not mine", ["mine"]),
        ("relu[batch=1,features=3]", ["relu[batch=1,features=3]"]),
    ],
)
def test_k_selects_by_id(expression, selected, invoke, folder):
    listed = invoke("check", "suite.yaml", "-k", expression, "--collect-only").stdout.splitlines()
    assert listed == selected


def test_what_k_selects_is_what_runs(invoke, folder):
    assert ids(invoke("check", "suite.yaml", "-k", "tanh or features=4 and batch=2")) == [
        "relu[batch=2,features=4]",
        "tanh[batch=2,features=3]",
    ]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("relu tanh", "-k 'relu tanh': expected 'and', 'or' or the end, found 'tanh'"),
        ("relu and", "-k 'relu and': expected a part of an id, found the end"),
        ("", "-k '': expected a part of an id, found the end"),
        ("(" * 100, "-k: more than 50 levels of 'not' and parentheses"),
        ("not " * 10000, "-k: more than 50 levels of 'not' and parentheses"),
    ],
    ids=["two words", "no operand", "empty", "deep", "long"],
)
def test_a_selection_that_does_not_parse_says_what_was_expected(expression, message, invoke, folder):
    result = invoke("check", "suite.yaml", "-k", expression)
    assert (result.exit_code, result.stderr) == (2, f"gradcli: error: {message}\n")


def test_x_stops_at_the_first_failure(invoke, folder):
    result = invoke("check", "suite.yaml", "-x")
    assert result.exit_code == 1
    assert ids(result)[-1] == "mine"
    assert "1 FAILED, 1 not run" in result.stdout.splitlines()[-1]


def test_q_shows_failures_and_the_summary(invoke, folder):
    result = invoke("check", "suite.yaml", "-q")
    assert ids(result) == ["mine"]
    assert result.stdout.splitlines()[-1].startswith("6 checks: ")
    assert invoke("check", "relu", "-q").stdout == (
        "PASS  relu[batch=2,features=3]: 1 gradient, 6 of 6 elements compared, seed 0\n"
    )


def test_selection_and_order_change_no_numbers(invoke, folder):
    alone = invoke("check", "suite.yaml", "-k", "tanh").stdout.splitlines()
    together = invoke("check", "suite.yaml").stdout.splitlines()
    assert set(alone) <= set(together)
    assert set(alone) <= set(invoke("check", "tanh", "relu", "--tol", "1e-6").stdout.splitlines())


def test_what_the_code_prints_stays_out_of_the_report_unless_asked_for(invoke, folder):
    quiet = invoke("check", "bad.py:chatty", "--input", "x=2x3")
    assert quiet.exit_code == 0
    assert "everything" not in quiet.output
    loud = invoke("check", "bad.py:chatty", "--input", "x=2x3", "-v")
    lines = loud.stdout.splitlines()
    assert lines[0] == "| PASS  everything"
    # Each line once: a check calls the code many times.
    assert re.fullmatch(r"\| to stderr  \(\d+ times\)", lines[1])
    assert re.fullmatch(r"\| bytesPASS  everything  \(\d+ times\)", lines[2])
    assert len(summaries(loud)) == 1


def test_a_print_in_a_loop_does_not_fill_the_memory(invoke, folder):
    (folder / "loud.py").write_text(
        "def f_forward(x):\n    print('a' * 10000)\n    return 2 * x, x\n\n"
        "def f_backward(d, x):\n    return 2 * d\n"
    )
    result = invoke("check", "loud.py", "--input", "x=3", "-v")
    assert len(result.stdout) < 100_000
    assert "bytes more" in result.stdout


def test_several_dumps_go_into_a_folder_under_portable_names(invoke, folder):
    assert invoke("check", "suite.yaml", "--dump", "dumps").exit_code == 1
    names = sorted(path.name for path in (folder / "dumps").iterdir())
    assert names[0] == "mine.npz"
    assert names[1] == "relu_batch=1,features=3.npz"
    assert len(names) == 6


def test_one_dump_into_a_folder_that_exists_goes_into_it(invoke, folder):
    (folder / "dumps").mkdir()
    assert invoke("check", "relu", "--dump", "dumps").exit_code == 0
    assert [path.name for path in (folder / "dumps").iterdir()] == ["relu_batch=2,features=3.npz"]


@pytest.mark.parametrize(
    ("choice", "variables", "colored"),
    [
        ("auto", {}, False),
        ("auto", {"FORCE_COLOR": "1"}, True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_follows_the_option_then_the_environment(choice, variables, colored, invoke, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in invoke("check", "relu", "--color", choice).stdout) == colored


@pytest.mark.parametrize(("columns", "width"), [("40", 40), ("0", 120), ("x", 120), ("", 120)])
def test_the_width_is_columns_or_that_of_a_log(columns, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal.width_of(sys.stdout) == width


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_stdout_without_unicode_is_no_crash(encoding, gradcli_process, environment, folder):
    (folder / "γάμμα.py").write_text(
        "def f_forward(x):\n    return 2 * x, x\n\ndef f_backward(d, x):\n    return d\n"
    )
    done = gradcli_process(
        "check",
        "γάμμα.py",
        "--input",
        "x=3",
        env=environment | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
    )
    assert done.returncode == 1
    assert done.stdout.isascii()
    assert "FAIL  \\u03b3" in done.stdout
    assert " +/- " in done.stdout


def test_a_terminal_gets_colour_and_its_own_width(environment, tmp_path):
    """On a terminal of unknown size, which pty gives, the width is that of a log."""
    reader, writer = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "gradcli", "check", "relu"],
        cwd=tmp_path,
        env=environment | {"TERM": "xterm", "COLUMNS": "80"},
        stdout=writer,
        stderr=writer,
        check=False,
    )
    os.close(writer)
    shown = os.read(reader, 100_000).decode()
    os.close(reader)
    assert done.returncode == 0
    assert "\x1b[32mPASS\x1b[0m" in shown
