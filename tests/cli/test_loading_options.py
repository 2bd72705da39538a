"""`--stub` and `--only-symbol`, on the command line and in a config."""

from pathlib import Path

import pytest

from gradcli import config
from gradcli.errors import ConfigError
from gradcli.spec import Loading

TRAINS = """\
import no_such_plots
def f_forward(x): return 2 * x
def f_backward(dout): return 2 * dout
raise RuntimeError("trains for hours")
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(TRAINS)


def loading_of(text):
    Path("net.yaml").write_text(f"version: 1\nchecks:\n  - {text}\n")
    return [spec.loading for spec in config.load(Path("net.yaml"))]


def mistakes_of(text):
    with pytest.raises(ConfigError) as caught:
        loading_of(text)
    return str(caught.value)


def test_only_symbol_skips_what_a_script_does(invoke):
    result = invoke("check", "train.py:f", "--only-symbol")
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_line_that_raises_says_what_would_help(invoke):
    result = invoke("check", "train.py:f", "--stub", "no_such_plots")
    assert (result.exit_code, result.stderr) == (
        2,
        "gradcli: error: train.py:4: RuntimeError: trains for hours on import; "
        "add --only-symbol: f does not need that line\n",
    )


def test_a_config_says_how_its_files_are_loaded_itself(invoke):
    Path("net.yaml").write_text("version: 1\nchecks:\n  - {target: train.py:f, only_symbol: true}\n")
    result = invoke("check", "net.yaml", "--only-symbol", "--stub", "x")
    assert result.stderr.startswith(
        "gradcli: error: net.yaml is a config: --stub, --only-symbol cannot be given beside it"
    )
    assert invoke("check", "net.yaml").exit_code == 0


@pytest.mark.parametrize(
    ("text", "loading"),
    [
        ("{target: train.py}", Loading()),
        ("{target: train.py, stub: matplotlib}", Loading(("matplotlib",))),
        ("{target: train.py, stub: [a, b.c], only_symbol: true}", Loading(("a", "b.c"), True)),
    ],
)
def test_a_config_has_the_same_two_keys(text, loading):
    assert loading_of(text) == [loading]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{target: batchnorm, only_symbol: true}", "is for code in a file; a built-in layer has none"),
        ("{target: train.py, only_symbol: 3}", "only_symbol"),
        ("{target: train.py, stub: [[a]]}", "stub"),
    ],
)
def test_what_a_config_cannot_say_about_loading(text, message):
    assert message in mistakes_of(text)
