"""`gradcli explain`: the list, a page, a layer, and what is none of them."""

import subprocess
import sys

import pytest

from gradcli.cli import main
from gradcli.explain import PAGES


@pytest.fixture
def explain(capsys, monkeypatch):
    """Run `gradcli explain ARGS`: exit code, stdout and stderr."""
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*args):
        code = main(["explain", *args])
        return code, *capsys.readouterr()

    return run


def test_alone_it_lists_every_code_with_its_meaning_in_a_line(explain):
    code, out, _ = explain()
    *lines, empty, hint = out.splitlines()
    assert code == 0
    assert lines == [f"{page.code}  {page.title}" for page in PAGES.values()]
    assert max(map(len, lines)) <= 80
    assert (empty, hint) == ("", "gradcli explain CODE says more about one")


GC101 = """\
GC101: a gradient has a wrong value

The gradient that backward returned differs from the numeric derivative of
forward by more than rounding and truncation can explain. How large those are is
measured, at this point and for each element, and an element that disagrees is
measured a second time with care, one by one.

Example
  import gradcli, numpy as np

  def forward(x):
      return x**2, x

  def backward(dout, x):
      return dout * x

  inputs = {"x": np.array([0.5, -1.5, 2.0])}
  result = gradcli.check(forward, backward, inputs)
  print(result.violations)

Usual cause
  A lost factor (2, 1/N, -1), a term or a whole path of the chain rule left out,
  a sum over the wrong axis, a transpose, the wrong cached array.

Usual fix
  Divide analytic by numeric: a constant quotient is a lost factor. If only some
  rows or columns are wrong, look for a sum or an axis. If the numbers seem
  unrelated, count the paths on which the input reaches the output: each adds a
  term.

  - return dout * x
  + return dout * 2 * x
"""


def test_a_page_says_what_it_means_with_example_cause_and_fix(explain):
    assert explain("GC101") == (0, GC101, "")


def test_the_case_of_a_code_does_not_matter(explain):
    assert explain("gc109") == explain("GC109")


@pytest.mark.parametrize("code", PAGES)
def test_a_page_fits_eighty_columns_and_a_screen(explain, code):
    lines = explain(code)[1].splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 48
    assert not any(line.endswith(" ") for line in lines)


def test_a_page_fits_a_narrow_terminal_but_its_code_is_never_folded(explain, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    lines = explain("GC101")[1].splitlines()
    assert "  result = gradcli.check(forward, backward, inputs)" in lines
    assert all(len(line) <= 40 for line in lines if "gradcli.check" not in line and "inputs =" not in line)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("G101", "no code or layer 'G101'; did you mean 'GC101'? `gradcli explain` lists the codes"),
        (
            "batchnrom",
            "no code or layer 'batchnrom'; did you mean 'batchnorm'? `gradcli explain` lists the codes",
        ),
        ("qqq", "no code or layer 'qqq'; `gradcli explain` lists the codes"),
        ("", "no code or layer ''; `gradcli explain` lists the codes"),
    ],
)
def test_an_unknown_name_is_an_error_with_the_near_miss(explain, name, message):
    assert explain(name) == (2, "", f"gradcli: error: {message}\n")


@pytest.mark.parametrize("arguments", [[], ["GC101"], ["nothing"]])
def test_it_imports_neither_numpy_nor_yaml(arguments):
    program = (
        "import sys\n"
        "from gradcli.cli import main\n"
        f"main(['explain', *{arguments!r}])\n"
        "heavy = {'numpy', 'yaml', 'pygments', 'rich.syntax'} & set(sys.modules)\n"
        "sys.exit(f'imported: {sorted(heavy)}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
