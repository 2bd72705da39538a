"""Each bad input, with its one message and its exit code; never a traceback, never half a file."""

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from gradcli.cli.commands import COMMANDS
from gradcli.suite.failures import file_of
from tests.cli.pairs import BATCHNORM, MISBEHAVING

FILES = {
    "bn.py": BATCHNORM,
    # Accepts nothing that is tried.
    "stubborn.py": re.sub(r"(def batchnorm_forward.*:\n)", r"\1    raise ValueError\n", BATCHNORM),
    "bad.py": MISBEHAVING,
    "syntax.py": "def f(:\n",
    "raises.py": "raise ValueError('no')\n",
    "exits.py": "import sys\nsys.exit(0)\n",
    "nothing.py": "x = 1\n",
    "text.yaml": "version: 1\nchecks: [\n",
    "empty.yaml": "",
    "types.yaml": 'version: 1\nchecks:\n  - target: batchnorm\n    batch: "2"\n    stepp: 3\n',
    "key.yaml": "version: 1\nchecks:\n  - target: batchnorm\n    batch: 2\n    batch: 3\n",
    "lost.yaml": "version: 1\nchecks:\n  - target: missing.py:bn\n",
    "ids.yaml": "version: 1\nchecks:\n  - {id: a, target: batchnorm}\n  - {id: a, target: affine}\n",
    "other.yaml": "version: 1\nchecks:\n  - {id: relu-here, target: relu}\n",
    "same.yaml": "version: 1\nchecks:\n  - {id: relu-here, target: affine}\n",
    "text.npz": "hi",
    "folder/readme.txt": "",
}

TRY = "\nTry 'gradcli check --help' for help."

# command line, exit code, message
BAD = [
    ("check batchnrm", 2, "no layer 'batchnrm'; did you mean 'batchnorm'? `gradcli layers` lists them"),
    ("layers batchnrm", 2, "no layer 'batchnrm'; did you mean 'batchnorm'? `gradcli layers` lists them"),
    ("chekc batchnorm", 2, "No such command 'chekc'; did you mean 'check'?\nTry 'gradcli --help' for help."),
    (
        "frobnicate",
        2,
        f"No such command 'frobnicate'; there are {', '.join(COMMANDS)}\nTry 'gradcli --help' for help.",
    ),
    (
        "check batchnorm --bacth 3",
        2,
        f"batchnorm has no option --bacth; it has --batch, --features, --eps; did you mean '--batch'?{TRY}",
    ),
    (
        "check batchnorm affine --eps 1",
        2,
        "affine has no option --eps; it has --batch, --in-features, --out-features",
    ),
    (
        "check batchnorm affine --features 2 --in-features 2",
        2,
        "2 mistakes:\n"
        "batchnorm has no option --in-features; it has --batch, --features, --eps\n"
        "affine has no option --features; it has --batch, --in-features, --out-features",
    ),
    ("check --dmup x bn.py", 2, f"No such option --dmup; did you mean '--dump'?{TRY}"),
    ("check batchnorm --batch 0", 2, "batchnorm: batch must be at least 1, got 0"),
    ("check batchnorm --batch -3", 2, "batchnorm: batch must be at least 1, got -3"),
    ("check batchnorm --batch 2.5", 2, "batchnorm: batch must be an integer, got 2.5"),
    (
        "check batchnorm --features three --eps -1e-5",
        2,
        "2 mistakes:\n"
        "batchnorm: features must be an integer, got 'three'\n"
        "batchnorm: eps must be at least 0, got -1e-05",
    ),
    ("check batchnorm --eps nan", 2, "batchnorm: eps must be a finite number, got nan"),
    ("check batchnorm --batch", 2, "Option '--batch' requires an argument."),
    ("check", 2, f"Missing argument 'TARGET...'.{TRY}"),
    ("check batchnorm --tol x", 2, f"Invalid value for '--tol': must be a number, got x{TRY}"),
    ("check batchnorm --tol inf", 2, f"Invalid value for '--tol': must be a finite number, got inf{TRY}"),
    ("check batchnorm --budget 0", 2, f"Invalid value for '--budget': must be greater than 0, got 0{TRY}"),
    ("check batchnorm --seed 1.5", 2, f"Invalid value for '--seed': must be an integer, got 1.5{TRY}"),
    ("check batchnorm --seed -1", 2, f"Invalid value for '--seed': must be at least 0, got -1{TRY}"),
    (
        "check batchnorm --elements some",
        2,
        f"Invalid value for '--elements': must be one of auto, all, probe or an integer, got some{TRY}",
    ),
    (
        "check batchnorm --elements 0",
        2,
        f"Invalid value for '--elements': must be one of auto, all, probe or at least 1, got 0{TRY}",
    ),
    (
        "check batchnorm --method magic",
        2,
        f"Invalid value for '--method': 'magic' is not one of 'auto', 'linear', 'complex', 'central'.{TRY}",
    ),
    ("check bn.py --input x=axb", 2, "--input x=axb: 'axb' is not a shape; write 4x3, 3 or scalar"),
    ("check bn.py --input x", 2, "--input x: write NAME=SHAPE, for example --input x=4x3"),
    ("check bn.py --input x=3 --input x=4", 2, "--input x=4: x is given twice"),
    ("check bn.py --set eps", 2, "--set eps: write NAME=VALUE, for example --set eps=1e-5"),
    (
        "check bn.py --batch 3",
        2,
        "--batch is an option of built-in layers; write it into a config, and give the arguments of a file "
        f"with --input NAME=SHAPE and --set NAME=VALUE{TRY}",
    ),
    (
        "check stubborn.py --input x=4x3",
        2,
        "stubborn.py:batchnorm: no shape for gamma, beta and no value for eps (and no default). "
        "Add: --input gamma=3 --input beta=3 --set eps=1e-5; guesses were tried: stubborn.py:5: "
        "forward raised ValueError",
    ),
    ("check bn.py:batchnrm", 2, "bn.py: no 'batchnrm'; did you mean 'batchnorm'? It has: batchnorm"),
    (
        "check batchnorm batchnorm",
        2,
        "two checks have the id 'batchnorm[batch=2,features=3]': the target 'batchnorm' and the target "
        "'batchnorm'; an id names one check",
    ),
    (
        "check other.yaml same.yaml",
        2,
        "two checks have the id 'relu-here': other.yaml:3:5 and same.yaml:3:5; an id names one check",
    ),
    ("check batchnorm -k", 2, "Option '-k' requires an argument."),
    ("check batchnorm -k (batch", 2, "-k '(batch': expected ')', found the end"),
    ("check batchnorm -k nope", 5, "nothing to check: no id matches 'nope'"),
    ("check syntax.py", 2, "syntax.py:1:7: syntax error: invalid syntax"),
    (
        "check raises.py",
        2,
        "raises.py:1: ValueError: no on import",
    ),
    (
        "check exits.py",
        2,
        'exits.py:2: the import ends in sys.exit; put what a script does under `if __name__ == "__main__":`',
    ),
    ("check lost.py", 2, "lost.py: no such file; did you mean 'syntax.py'?"),
    ("check text.yaml", 2, "text.yaml:3:1: not valid YAML: did not find expected node content"),
    ("check empty.yaml", 2, "empty.yaml:1:1: is empty; a config has 'version: 1' and a list 'checks'"),
    (
        "check types.yaml",
        2,
        "2 mistakes:\n"
        "types.yaml:4:12: checks[0].batch: must be an integer, got '2' in quotes; remove the quotes\n"
        "types.yaml:5:5: checks[0].stepp: unknown key; did you mean 'step'?",
    ),
    ("check key.yaml", 2, "key.yaml:5:5: the key 'batch' is already on line 4"),
    (
        "check ids.yaml",
        2,
        "ids.yaml:4:10: checks[1].id: the id 'a' is taken at ids.yaml:3:10; ids are unique",
    ),
    ("check lost.yml", 2, "lost.yml: does not exist"),
    (
        "check other.yaml batchnorm --batch 3 --input x=3",
        2,
        "other.yaml is a config: --batch, --input cannot be given beside it; "
        "write that next to the target in the config",
    ),
    ("check folder", 5, "folder: no config in this folder, and no Python file with a gradient"),
    (
        "check bn.py --inputs text.npz",
        2,
        "text.npz: is not an .npz file; save one by argument name: np.savez(path, x=x)",
    ),
    ("check bn.py --inputs lost.npz", 2, "lost.npz: no such file"),
    (
        "check bn.py --inputs pickled.npz",
        2,
        "pickled.npz: 'x' holds pickled objects, which are never loaded; save plain arrays",
    ),
    (
        "check stubborn.py --inputs lacking.npz --set eps=1",
        2,
        "stubborn.py:batchnorm: no shape for gamma, beta (and no default). "
        "Add: --input gamma=3 --input beta=3; guesses were tried: stubborn.py:5: forward raised ValueError",
    ),
    (
        "check bn.py --inputs complex.npz",
        2,
        "complex.npz: 'x' has dtype complex128; an input is float64, float32, float16, an integer or bool",
    ),
    (
        "check batchnorm --dump lost/caches.npz",
        2,
        "lost/caches.npz: cannot be written: there is no folder 'lost'",
    ),
    (
        "check batchnorm --dump bn.py/caches.npz",
        2,
        "bn.py/caches.npz: cannot be written: there is no folder 'bn.py'",
    ),
    ("check batchnorm relu --dump bn.py", 2, "bn.py: cannot be written: File exists"),
]

MISBEHAVIOUR = [
    ("list", "GC108 forward returned a list; expected an array, a number or (out, cache)"),
    ("none", "GC108 forward returned None; expected an array, a number or (out, cache)"),
    ("text", "GC108 forward returned a string; expected an array, a number or (out, cache)"),
    ("raising", "bad.py:17: GC108 forward raised RuntimeError: boom [red]"),
    ("exiting", "bad.py:21: GC108 forward raised SystemExit: 0"),
    ("many", "GC102 backward returned 3 gradients; x needs 1"),
]


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    np.savez(tmp_path / "pickled.npz", x=np.array([object()], dtype=object))
    np.savez(tmp_path / "lacking.npz", x=np.ones((4, 3)))
    np.savez(tmp_path / "complex.npz", x=np.ones((4, 3), dtype=complex))
    return tmp_path


@pytest.mark.parametrize(("line", "code", "message"), BAD, ids=[line for line, _, _ in BAD])
def test_a_bad_input_has_one_message_and_its_exit_code(line, code, message, invoke, folder):
    before = set(folder.iterdir())
    result = invoke(*line.split(maxsplit=3 if "-k (" in line else -1))
    assert (result.exit_code, result.stderr) == (code, f"gradcli: error: {message}\n")
    assert result.stdout == ""
    assert {path for path in folder.iterdir() if path.name != "__pycache__"} == before


@pytest.mark.parametrize(("pair", "message"), MISBEHAVIOUR, ids=[pair for pair, _ in MISBEHAVIOUR])
def test_code_that_misbehaves_fails_with_its_own_file_and_line(pair, message, invoke, folder):
    result = invoke("check", f"bad.py:{pair}", "--input", "x=2x3")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        message,
        *(["no line is named for GC102: no single line shows it"] if pair == "many" else []),
        f"FAIL  bad.py:{pair}: no gradient, 0 of 0 elements compared, seed 0",
        f"re-run: gradcli check bad.py:{pair} --input x=2x3 --seed 0",
        f"replay: gradcli replay {file_of(f'bad.py:{pair}')}",
    ]
    assert result.stderr == ""


def test_too_few_gradients_fail(invoke, folder):
    result = invoke("check", "bad.py:few", "--input", "x=2x3", "--input", "w=2x3")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "GC102 backward returned 1 gradient; x and w need 2"


def test_a_file_without_a_pair_is_nothing_to_check(invoke, folder):
    result = invoke("check", "nothing.py")
    assert result.exit_code == 5
    assert result.stderr.startswith(
        "gradcli: error: nothing.py: nothing to check; looked for X_forward with X_backward"
    )


def test_no_command_shows_the_help_and_is_not_green(invoke):
    result = invoke()
    assert result.exit_code == 2
    assert "Commands:" in result.stdout


def test_one_bad_target_leaves_the_others_alone(invoke, folder):
    result = invoke("check", "syntax.py", "relu", "nothing.py")
    assert result.exit_code == 2
    assert "PASS  relu[batch=2,features=3]" in result.stdout
    assert result.stdout.splitlines()[-1] == (
        "3 checks: 1 passed, 2 could not run; 1 gradient, 6 of 6 elements compared"
    )


def test_a_bug_in_gradcli_is_one_message_with_version_and_log(invoke, monkeypatch):
    from gradcli import __version__, targets

    def broken(spec):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(targets, "open_target", broken)
    result = invoke("check", "relu")
    assert result.exit_code == 3
    first, second = result.stderr.splitlines()
    assert first == "gradcli: error: this is a bug in gradcli, not in your code: ZeroDivisionError: oops"
    assert second.startswith(
        f"Please report it on the issue tracker of gradcli (gradcli {__version__}, Python "
    )
    log = second.rpartition("attach ")[2].rstrip(".")
    assert "ZeroDivisionError: oops" in Path(log).read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "shut/net.yaml"], "shut/net.yaml: cannot be read: Permission denied"),
        (["check", "relu", "--dump", "shut/a.npz"], "shut/a.npz: cannot be written: Permission denied"),
        (["check", "relu", "--report", "json=shut/a"], "shut/a: cannot be written: Permission denied"),
    ],
)
def test_what_lies_in_a_folder_that_may_not_be_entered_is_named(words, message, invoke, folder, monkeypatch):
    (folder / "shut").mkdir()
    for name in ("stat", "open", "touch"):
        monkeypatch.setattr(Path, name, _refusing_in("shut", getattr(Path, name)))
    result = invoke(*words)
    assert (result.exit_code, result.stderr) == (2, f"gradcli: error: {message}\n")


def _refusing_in(folder, method):
    """The method of Path, which the system refuses for what lies in the folder."""

    def refused(path, *arguments, **options):
        if path.parent.name == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return method(path, *arguments, **options)

    return refused


def test_an_empty_target_is_not_this_folder(invoke, folder):
    result = invoke("check", "")
    assert (result.exit_code, result.stderr) == (
        2,
        "gradcli: error: a target is empty; write a layer, a file, or . for this folder\n",
    )


def test_a_loop_of_links_is_no_bug_of_gradcli(invoke, folder):
    (folder / "a.py").symlink_to("b.py")
    (folder / "b.py").symlink_to("a.py")
    result = invoke("check", "a.py")
    assert result.exit_code == 2
    assert result.stderr.startswith("gradcli: error: a.py: ")
    assert len(result.stderr.splitlines()) == 1


_ANY = """
import sys

class Mute(Exception):
    def __str__(self):
        raise ValueError("evil")

class Stop(BaseException):
    pass

def f_forward(x):
    {}
    return x * 2, x

def f_backward(dout, cache):
    return dout * 2
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("raise Mute()", "any.py:12: GC108 forward raised Mute"),
        ("raise Stop('now')", "any.py:12: GC108 forward raised Stop: now"),
        ("raise GeneratorExit", "any.py:12: GC108 forward raised GeneratorExit"),
    ],
)
def test_whatever_the_code_raises_is_one_line(line, message, invoke, folder):
    (folder / "any.py").write_text(_ANY.format(line))
    result = invoke("check", "any.py", "--input", "x=3x2")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (1, message)
    assert result.stderr == ""


def test_code_may_close_its_standard_output(invoke, folder):
    (folder / "any.py").write_text(_ANY.format("sys.stdout.close()"))
    result = invoke("check", "any.py", "--input", "x=3x2")
    assert result.exit_code == 0, result.output


_WITHIN_ITSELF = """
import numpy as np


class Square:
    def forward(self, x):
        self.x = x
        return x**2

    def backward(self, dout):
        gradients = {}
        gradients.append(gradients)
        return gradients
"""


@pytest.mark.parametrize(
    ("gradients", "message"),
    [
        ("[2 * self.x * dout]", "GC102 backward returned 2 gradients; x needs 1"),
        (
            "[]",
            "within.py:13: GC108 x: the gradient of x is a list, not an array of real numbers",
        ),
    ],
)
def test_a_list_of_gradients_that_holds_itself_is_no_bug_of_gradcli(gradients, message, invoke, folder):
    (folder / "within.py").write_text(_WITHIN_ITSELF.replace("{}", gradients))
    result = invoke("check", "within.py", "--input", "x=3x2")
    assert (result.exit_code, result.stderr) == (1, "")
    assert message in result.stdout.splitlines()


_SPREAD = """
import numpy as np


class Spread:
    def forward(self, x):
        self.x = x
        return np.broadcast_to(x.sum(), {})

    def backward(self, dout):
        return np.full_like(self.x, dout.sum())
"""


def test_an_output_that_fits_no_memory_is_refused(invoke, folder):
    (folder / "spread.py").write_text(_SPREAD.format((10**6, 10**6)))
    result = invoke("check", "spread.py", "--input", "x=3x2")
    assert result.exit_code == 2
    assert result.stderr == (
        "gradcli: error: spread.py:Spread: forward returned a float64 array of shape (1000000, 1000000), "
        "7.45e+03 GiB; more than 4 GiB is refused\n"
    )
    (folder / "spread.py").write_text(_SPREAD.format((10, 10)))
    assert invoke("check", "spread.py", "--input", "x=3x2").exit_code == 0


_CUBE = """
from {} import Base


class Cube(Base):
    def forward(self, x):
        self.x = x
        return x**3

    def backward(self, dout):
        return 3 * self.x**2 * dout
"""


def test_a_package_of_the_code_may_be_called_like_one_that_is_installed(invoke, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "autograd", ModuleType("autograd"))
    monkeypatch.delitem(sys.modules, "autograd.core", raising=False)
    (folder / "base.py").write_text("class Base: ...\n")
    (folder / "cube.py").write_text(_CUBE.format("base"))
    result = invoke("check", "cube.py")
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_package_whose_import_fails_half_way_is_one_line(invoke, folder):
    own = folder / "pure"
    (own / "utils").mkdir(parents=True)
    (own / "__init__.py").write_text("from .utils import drawing\n")
    (own / "base.py").write_text("class Base: ...\n")
    (own / "utils" / "drawing.py").write_text("import no_such_module\n")
    (own / "cube.py").write_text(_CUBE.format("pure.base"))
    result = invoke("check", "pure/cube.py")
    assert result.exit_code == 2
    assert "no_such_module" in result.stderr
    assert "bug in gradcli" not in result.stderr
