"""A user's unchanged file: every pair is found, and whatever is wrong is said in one line with its place."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gradcli.checker import run
from gradcli.errors import LoneHalf, NothingToCheck, PartlyResolvedError, TargetError, UsageError
from gradcli.spec import CheckSpec, InputSpec, Settings
from gradcli.targets import options_of, parse, resolve
from gradcli.targets.conventions import LOOKED_FOR
from gradcli.targets.import_errors import NotImported

BATCHNORM = """\
import numpy as np

def batchnorm_forward(x, gamma, beta, eps):
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    x_hat = (x - mu) / np.sqrt(var + eps)
    cache = (x_hat, gamma, var, eps)
    return gamma * x_hat + beta, cache

def batchnorm_backward(dout, cache):
    x_hat, gamma, var, eps = cache
    dx_hat = dout * gamma
    dx = (dx_hat - dx_hat.mean(0) - x_hat * (dx_hat * x_hat).mean(0)) / np.sqrt(var + eps)
    return dx, (dout * x_hat).sum(0), dout.sum(0)
"""
AFFINE = """
def affine_forward(x, W, b):
    return x @ W + b, (x, W)

def affine_backward(dout, cache):
    x, W = cache
    return dout @ W.T, x.T @ dout, dout.sum(0)
"""
SCALE = "def scale_forward(x): return 2 * x\ndef scale_backward(dout): return 2 * dout\n"
SKIP = "; add --only-symbol: what can be checked does not need that line"
SHAPES = {"x": InputSpec((4, 3)), "gamma": InputSpec((3,)), "beta": InputSpec((3,))}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name, text):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def message_of(target, error=TargetError, **more):
    with pytest.raises(error) as caught:
        resolve(CheckSpec(target, **more))
    assert type(caught.value) in (error, NotImported)
    return str(caught.value)


def scale(target, **more):
    """Resolve a file whose pairs take x alone."""
    return resolve(CheckSpec(target, inputs={"x": InputSpec((2,))}, **more))


# --- what a target is


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("batchnorm", ("batchnorm", None)),
        ("layers.py", ("layers.py", None)),
        ("layers.py:batchnorm", ("layers.py", "batchnorm")),
        ("pkg.mod:BatchNorm", ("pkg.mod", "BatchNorm")),
        ("C:\\code\\layers.py", ("C:\\code\\layers.py", None)),
        ("C:\\code\\layers.py:bn", ("C:\\code\\layers.py", "bn")),
        ("a:b.py", ("a:b.py", None)),
        ("a:b.py:bn", ("a:b.py", "bn")),
        ("layers.py:", ("layers.py:", None)),
        (":bn", (":bn", None)),
    ],
)
def test_a_target_is_split_at_the_last_colon_before_a_name(text, parts):
    assert parse(text) == parts


def test_a_drive_letter_is_no_place(monkeypatch):
    monkeypatch.setattr(os, "name", "nt")
    assert parse("C:layers") == ("C:layers", None)


def test_only_built_in_layers_declare_options():
    assert [option.name for option in options_of("batchnorm")] == ["batch", "features", "eps"]
    assert options_of("layers.py:batchnorm") == ()
    assert options_of("nonsense") == ()


def test_options_are_told_without_numpy():
    code = (
        "import sys; from gradcli.targets import options_of; options_of('batchnorm'); "
        "sys.exit('numpy' in sys.modules or 'yaml' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("batch_norm", "no layer 'batch_norm'; did you mean 'batchnorm'? `gradcli layers` lists them"),
        ("BatchNorm", "no layer 'BatchNorm'; did you mean 'batchnorm'? `gradcli layers` lists them"),
        ("qqq", "no layer 'qqq'; `gradcli layers` lists them"),
        ("q" * 5000, f"no layer '{'q' * 5000}'; `gradcli layers` lists them"),
        ("not a name:bn", "no layer 'not a name:bn'; `gradcli layers` lists them"),
        ("no.such.module:bn", "no.such.module: no such module, neither here nor in the Python path"),
        ("nomodule:bn", "nomodule: no such module, neither here nor in the Python path"),
    ],
)
def test_an_unknown_target_is_named_with_the_near_miss(target, message):
    assert message_of(target) == message


def test_a_file_without_its_ending_is_suggested():
    write("mylayer.py", SCALE)
    assert message_of("mylayer") == (
        "no layer 'mylayer'; did you mean the file 'mylayer.py'? `gradcli layers` lists them"
    )


# --- pairs in a file


def test_one_pair_of_a_file_becomes_a_problem():
    write("layers.py", BATCHNORM)
    spec = CheckSpec("layers.py:batchnorm", inputs=SHAPES, constants={"eps": 1e-5})
    (problem,) = resolve(spec)
    assert (problem.id, problem.target) == ("layers.py:batchnorm", "layers.py:batchnorm")
    assert {name: array.shape for name, array in problem.inputs.items()} == {
        "x": (4, 3),
        "gamma": (3,),
        "beta": (3,),
    }
    assert problem.constants == {"eps": 1e-5}
    assert problem.source.file == str(Path("layers.py").resolve())
    assert problem.rerun == (
        "gradcli check layers.py:batchnorm --input x=4x3 --input gamma=3 --input beta=3 --set eps=1e-05 "
        "--seed 0"
    )
    run = problem.forward(problem.inputs)
    assert list(problem.saved_names(run.saved)) == ["x_hat", "gamma", "var", "eps"]
    assert list(problem.backward(run.outputs, run.saved)) == ["x", "gamma", "beta"]


def test_a_file_alone_is_every_pair_in_order_of_definition_each_with_its_own_arguments():
    write("layers.py", AFFINE + BATCHNORM)
    inputs = {**SHAPES, "W": InputSpec((3, 2)), "b": InputSpec((2,))}
    problems = resolve(CheckSpec("layers.py", inputs=inputs, constants={"eps": 1e-5}))
    assert [(problem.id, list(problem.inputs), problem.constants) for problem in problems] == [
        ("layers.py:affine", ["x", "W", "b"], {}),
        ("layers.py:batchnorm", ["x", "gamma", "beta"], {"eps": 1e-5}),
    ]
    assert problems[0].rerun == (
        "gradcli check layers.py:affine --input x=4x3 --input W=3x2 --input b=2 --seed 0"
    )


def test_a_pair_draws_the_same_numbers_alone_and_among_others():
    write("layers.py", AFFINE + BATCHNORM)
    inputs = {**SHAPES, "W": InputSpec((3, 2)), "b": InputSpec((2,))}
    _, among = resolve(CheckSpec("layers.py", inputs=inputs, constants={"eps": 1e-5}))
    (alone,) = resolve(CheckSpec("layers.py:batchnorm", inputs=SHAPES, constants={"eps": 1e-5}))
    for name, array in alone.inputs.items():
        np.testing.assert_array_equal(among.inputs[name], array)


def test_imported_pairs_are_not_the_files_own_but_may_be_named():
    write("other.py", SCALE)
    write("layers.py", "from other import scale_forward, scale_backward\n" + AFFINE)
    inputs = {"x": InputSpec((4, 3)), "W": InputSpec((3, 2)), "b": InputSpec((2,))}
    assert [problem.id for problem in resolve(CheckSpec("layers.py", inputs=inputs))] == ["layers.py:affine"]
    assert [problem.id for problem in scale("layers.py:scale")] == ["layers.py:scale"]


@pytest.mark.parametrize(
    "text",
    [
        "scale_forward = lambda x: 2 * x\nscale_backward = lambda dout: 2 * dout\n",
        "if True:\n    def scale_forward(x): return 2 * x\ntry:\n    def scale_backward(d): return 2 * d\n"
        "finally:\n    pass\n",
        "import numpy as np\nscale_forward, scale_backward = np.negative, np.negative\n",
        "from functools import partial\ndef f(a, x): return a * x\n"
        "scale_forward = scale_backward = partial(f, 2.0)\n",
    ],
    ids=["lambdas", "in-blocks", "ufuncs", "partials"],
)
def test_functions_may_be_made_in_any_way(text):
    write("layers.py", text)
    assert [problem.id for problem in scale("layers.py")] == ["layers.py:scale"]


def test_a_module_is_found_from_the_folder_of_the_check():
    write("pkgone/__init__.py", "")
    write("pkgone/ops.py", SCALE)
    (problem,) = scale("pkgone.ops:scale")
    assert problem.id == "pkgone.ops:scale"
    assert not Path("pkgone/__pycache__").exists()


def test_a_module_without_a_symbol_is_all_of_its_pairs():
    write("pkgtwo/__init__.py", "")
    write("pkgtwo/ops.py", SCALE)
    assert [problem.id for problem in scale("pkgtwo.ops")] == ["pkgtwo.ops:scale"]


# --- how a file is imported


def test_an_import_is_private_and_leaves_no_bytecode():
    write("sibling.py", "FACTOR = 2.0\n")
    write(
        "layers.py",
        "import sys\nfrom sibling import FACTOR\n"
        "assert __name__ != '__main__' and len(sys.argv) == 1\n"
        "def scale_forward(x): return FACTOR * x\ndef scale_backward(dout): return FACTOR * dout\n",
    )
    path, modules = sys.path[:], set(sys.modules)
    scale("layers.py")
    assert sys.path == path
    assert "layers" not in set(sys.modules) - modules
    assert not Path("__pycache__").exists()


def test_a_file_may_define_dataclasses_with_string_annotations():
    write(
        "layers.py",
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Cache:\n    x: int\n" + SCALE,
    )
    assert len(scale("layers.py")) == 1


def test_a_file_is_read_anew_each_time():
    write("layers.py", SCALE)
    scale("layers.py")
    write("layers.py", SCALE.replace("2 * x", "5 * x"))
    (problem,) = scale("layers.py")
    (output,) = problem.forward(problem.inputs).outputs
    np.testing.assert_array_equal(output, 5 * problem.inputs["x"])


def test_two_folders_may_each_have_a_neighbour_of_the_same_name():
    user = (
        "from neighbour import F\ndef scale_forward(x): return F * x\ndef scale_backward(d): return F * d\n"
    )
    for folder, factor in (("one", 2), ("two", 3)):
        write(f"{folder}/neighbour.py", f"F = {factor}\n")
        write(f"{folder}/layers.py", user)
    for folder, factor in (("one", 2), ("two", 3), ("one", 2)):
        (problem,) = scale(f"{folder}/layers.py")
        (output,) = problem.forward(problem.inputs).outputs
        np.testing.assert_array_equal(output, factor * problem.inputs["x"])


def test_a_function_may_import_its_neighbours_late():
    write("late_neighbour.py", "F = 4\n")
    write(
        "layers.py",
        "def scale_forward(x):\n    from late_neighbour import F\n    return F * x\n"
        "def scale_backward(d):\n    return 4 * d\n",
    )
    (problem,) = scale("layers.py")
    path = sys.path[:]
    (output,) = problem.forward(problem.inputs).outputs
    np.testing.assert_array_equal(output, 4 * problem.inputs["x"])
    assert sys.path == path


def test_an_import_that_reads_input_does_not_wait_for_it():
    write("layers.py", "answer = input('? ')\n" + SCALE)
    assert message_of("layers.py") == f"layers.py:1: EOFError: EOF when reading a line on import{SKIP}"


def test_ctrl_c_during_an_import_stays_ctrl_c():
    write("layers.py", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        scale("layers.py")


# --- what can be wrong with a file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(:\n    pass\n", "layers.py:1:7: syntax error: invalid syntax"),
        ("x = 1\nraise ValueError('bad\\nvalue')\n", "layers.py:2: ValueError: bad on import"),
        (
            "def f():\n    return 1 / 0\n\nf()\n",
            f"layers.py:2: ZeroDivisionError: division by zero on import{SKIP}",
        ),
        ("raise RuntimeError\n", "layers.py:1: RuntimeError on import"),
        (
            "import sys\nsys.exit(0)\n",
            "layers.py:2: the import ends in sys.exit; put what a script does under "
            '`if __name__ == "__main__":`',
        ),
        (
            "x = 1\nimport no_such_thing.at_all\n",
            f"layers.py:2: cannot import 'no_such_thing'; gradcli runs in {sys.prefix}: install it there, "
            "or add --stub no_such_thing if what you check does not use it",
        ),
        (b"x = 1\ny = '\xe9'\n", "layers.py:2: is not UTF-8 (byte 0xe9); save the file as UTF-8"),
        ("# coding: nonsense\n", "layers.py:1: unknown encoding: nonsense"),
        (
            "def scale_forward(x): return x\ndef scale_backwrd(d): return d\n",
            "layers.py:1: scale_forward has no scale_backward; did you mean 'scale_backwrd'?",
        ),
        (
            AFFINE + "def scale_forward(x): return x\ndef scal_backward(d): return d\n",
            "layers.py:8: scale_forward has no scale_backward; did you mean 'scal_backward'?",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line_with_its_place(text, message):
    write("layers.py", text)
    assert message_of("layers.py") == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\ndef bn_forward(x): return x\n", "layers.py:2: bn_forward has no bn_backward"),
        ("def bn_backward(dout): return dout\n", "layers.py:1: bn_backward has no bn_forward"),
    ],
)
def test_half_a_pair_is_said_to_be_one(text, message):
    write("layers.py", text)
    assert message_of("layers.py", LoneHalf) == message


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("from math import nothing\n", "layers.py:1: ImportError: cannot import name 'nothing' from 'math'"),
        ("x = 1\0\n", "layers.py:"),  # Python's own words differ from version to version
        ("x = " + "(" * 5000 + ")" * 5000, "layers.py"),
    ],
    ids=["import-error", "null-byte", "too-deep"],
)
def test_what_python_says_in_its_own_words_is_one_line_too(text, start):
    write("layers.py", text)
    message = message_of("layers.py")
    assert message.startswith(start)
    assert "\n" not in message


def test_a_neighbour_with_a_syntax_error_is_named():
    write("bad_neighbour.py", "x = 1\n1 +\n")
    write("layers.py", "import bad_neighbour\n")
    assert message_of("layers.py") == (
        f"layers.py:1: imports {Path('bad_neighbour.py').resolve()}:2:4: syntax error: invalid syntax"
    )


@pytest.mark.parametrize(
    "line", ["from .. import factor", "from ..sizes import factor", "from pkgfour.sizes import factor"]
)
def test_a_file_of_a_package_imports_from_its_package(line):
    write("pkgfour/__init__.py", "from .sizes import factor\n")
    write("pkgfour/sizes.py", "factor = 2\n")
    write("pkgfour/sub/__init__.py", "")
    write("pkgfour/sub/ops.py", f"{line}\n" + SCALE.replace("2", "factor"))
    assert [problem.id for problem in scale("pkgfour/sub/ops.py:scale")] == ["pkgfour/sub/ops.py:scale"]


def test_each_package_of_one_name_sees_its_own_modules():
    for folder, factor in (("first", 2), ("second", 3)):
        write(f"{folder}/pkgfive/__init__.py", "")
        write(f"{folder}/pkgfive/sizes.py", f"factor = {factor}\n")
        write(f"{folder}/pkgfive/ops.py", "from .sizes import factor\n" + SCALE.replace("2", "factor"))
    values = []
    for folder in ("first", "second"):
        (problem,) = scale(f"{folder}/pkgfive/ops.py:scale")
        values.append(problem.forward({"x": np.ones(1)}).outputs[0].item())
    assert values == [2.0, 3.0]


@pytest.mark.parametrize(
    "line", ["from .sizes import factor", "from ..sizes import factor", "from ..other.sizes import factor"]
)
def test_a_file_imports_from_folders_that_are_no_packages(line):
    """As `python -m` has it: they need no __init__.py, and no name that Python could write."""
    folders = {"from .sizes": "net-1/layers/", "from ..sizes": "net-1/", "from ..other": "net-1/other/"}
    where = next(folder for start, folder in folders.items() if line.startswith(start))
    write(where + "sizes.py", "from .deeper import factor\n")
    write(where + "deeper.py", "factor = 2\n")
    write("net-1/layers/ops.py", f"{line}\n" + SCALE.replace("2", "factor"))
    assert [problem.id for problem in scale("net-1/layers/ops.py:scale")] == ["net-1/layers/ops.py:scale"]


def test_a_relative_import_of_what_is_not_there_is_named():
    write("loose/ops.py", "from . import other\n")
    assert "cannot import name 'other'" in message_of("loose/ops.py")


@pytest.mark.parametrize("home", ["", "src/"])
def test_a_file_imports_from_the_root_of_its_project(home):
    """Projects are run from there, wherever gradcli is run."""
    write(f"project/{home}common/sizes.py", "from common.numbers import factor\n")
    write(f"project/{home}common/numbers.py", "factor = 2\n")
    write("project/chapter/ops.py", "from common.sizes import factor\n" + SCALE.replace("2", "factor"))
    (problem,) = scale("project/chapter/ops.py:scale")
    assert problem.forward({"x": np.ones(1)}).outputs[0].item() == 2.0


def test_a_module_that_is_imported_late_is_found_in_the_project_as_well():
    write("project/tools/sizes.py", "factor = 2\n")
    write("project/tools/more.py", "factor = 2\n")
    late = "def scale_forward(x):\n    from tools.more import factor\n    return factor * x\n"
    write("project/chapter/ops.py", "import tools.sizes\n" + late + SCALE.splitlines()[1])
    (problem,) = scale("project/chapter/ops.py:scale")
    assert problem.forward({"x": np.ones(1)}).outputs[0].item() == 2.0


def test_each_project_has_its_own_modules():
    for project, factor in (("first", 2), ("second", 3)):
        write(f"{project}/common/sizes.py", f"factor = {factor}\n")
        write(f"{project}/chapter/ops.py", "from common.sizes import factor\n" + SCALE.replace("2", "factor"))
    values = []
    for project in ("first", "second"):
        (problem,) = scale(f"{project}/chapter/ops.py:scale")
        values.append(problem.forward({"x": np.ones(1)}).outputs[0].item())
    assert values == [2.0, 3.0]


def test_what_lies_outside_of_a_project_is_not_imported():
    write("common/sizes.py", "factor = 2\n")
    write("project/.git/config", "")
    write("project/chapter/ops.py", "from common.sizes import factor\n" + SCALE)
    assert "cannot import 'common'" in message_of("project/chapter/ops.py")


def test_a_module_that_is_called_like_its_package_does_not_hide_it():
    write("scale/__init__.py", "")
    write("scale/factors.py", "FACTOR = 2\n")
    write("scale/scale.py", "from scale.factors import FACTOR\n" + SCALE.replace("2 *", "FACTOR *"))
    (problem,) = scale("scale/scale.py")
    assert run(problem, Settings()).verdict == "pass"


def test_a_module_of_a_package_does_not_hide_what_it_imports():
    write("backends/__init__.py", "")
    text = "import fractions\nHALF = float(fractions.Fraction(1, 2))\n" + SCALE.replace("2 *", "HALF *")
    write("backends/fractions.py", text)
    (problem,) = scale("backends/fractions.py")
    assert run(problem, Settings()).verdict == "pass"


def test_a_module_that_fails_is_named_with_its_line():
    write("pkgthree/__init__.py", "")
    write("pkgthree/ops.py", "x = 1\nraise ValueError('bad')\n")
    assert message_of("pkgthree.ops:bn") == "pkgthree.ops:2: ValueError: bad on import"


def test_a_missing_file_is_named_with_its_neighbour():
    write("layers.py", SCALE)
    assert message_of("layer.py:scale") == "layer.py: no such file; did you mean 'layers.py'?"
    assert message_of("code/layers.py") == "code/layers.py: no such file (there is no folder 'code')"


def test_a_folder_and_a_file_of_another_kind_are_refused():
    write("src/readme.txt", "text")
    assert message_of("src") == "src: is a folder; name a Python file in it, such as src/layers.py"
    assert message_of("src/readme.txt") == "src/readme.txt: is not a Python file; its name should end in .py"


def test_a_file_without_a_pair_is_nothing_to_check():
    write("layers.py", "def forwarding(x): return x\n")
    assert message_of("layers.py", NothingToCheck) == f"layers.py: nothing to check; looked for {LOOKED_FOR}"


def test_a_half_among_pairs_is_left_out():
    write("layers.py", SCALE + "def predict_forward(x): return x\n")
    assert [problem.id for problem in scale("layers.py")] == ["layers.py:scale"]


@pytest.mark.parametrize(
    ("symbol", "message"),
    [
        ("batch_norm", "layers.py: no 'batch_norm'; did you mean 'batchnorm'? It has: batchnorm"),
        (
            "batchnorm_forward",
            "layers.py:3: batchnorm_forward is nothing that gradcli can check; did you mean 'batchnorm'? "
            "It has: batchnorm",
        ),
        ("zzz", "layers.py: no 'zzz'. It has: batchnorm"),
        ("half", "layers.py:16: half_forward has no half_backward"),
        ("Klass", "layers.py:17: Klass is nothing that gradcli can check. It has: batchnorm"),
    ],
)
def test_an_unknown_pair_is_named_with_those_there_are(symbol, message):
    write("layers.py", BATCHNORM + "\ndef half_forward(x): return x\nclass Klass: pass\n")
    assert message_of(f"layers.py:{symbol}") == message


def test_a_symbol_in_a_file_without_pairs_says_what_was_looked_for():
    write("layers.py", "x = 1\n")
    assert (
        message_of("layers.py:bn") == f"layers.py: no 'bn'. It has nothing to check: looked for {LOOKED_FOR}"
    )


# --- inputs and constants


def stubborn(name, arguments):
    """A pair that accepts nothing."""
    return (
        f"def {name}_forward({arguments}): raise ValueError('never')\n"
        f"def {name}_backward(dout, cache): return dout\n"
    )


NEVER = "; guesses were tried: layers.py:1: forward raised ValueError: never"


def test_all_that_is_missing_is_listed_with_a_line_to_paste():
    write("layers.py", stubborn("batchnorm", "x, gamma, beta, eps"))
    asked = {"x": InputSpec((4, 3))}
    assert message_of("layers.py:batchnorm", UsageError, inputs=asked, constants={"eps": 1e-5}) == (
        "layers.py:batchnorm: no shape for gamma, beta (and no default). Add: --input gamma=3 --input beta=3"
        + NEVER
    )
    assert message_of("layers.py:batchnorm", UsageError) == (
        "layers.py:batchnorm: no shape for x, gamma, beta and no value for eps (and no default). "
        "Add: --input x=2x3 --input gamma=3 --input beta=3 --set eps=1e-5" + NEVER
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("x, w, b", "--input w=3x2 --input b=2"),
        ("x, y", "--input y=4:int64:3"),
        ("x, mask", "--input mask=4x3:bool"),
        ("x, conv_param", "--set 'conv_param={'\"'\"'stride'\"'\"': 1, '\"'\"'pad'\"'\"': 0}'"),
        ("x, training, momentum", "--set training=true --set momentum=0.9"),
        ("x, h", "--input h=4x3"),
    ],
)
def test_the_line_to_paste_guesses_from_names_and_shapes(arguments, line):
    write("layers.py", stubborn("f", arguments))
    message = message_of("layers.py:f", UsageError, inputs={"x": InputSpec((4, 3))})
    assert message.partition(" Add: ")[2] == line + NEVER


def test_several_pairs_say_what_they_miss_at_once():
    write("layers.py", stubborn("affine", "x, W, b") + stubborn("batchnorm", "x, gamma, beta, eps"))
    asked = {"x": InputSpec((4, 3))}
    assert message_of("layers.py", UsageError, inputs=asked, constants={"eps": 1e-5}).splitlines() == [
        "layers.py:affine: no shape for W, b (and no default). Add: --input W=3x2 --input b=2" + NEVER,
        "layers.py:batchnorm: no shape for gamma, beta (and no default). Add: --input gamma=3 --input beta=3"
        + NEVER.replace("layers.py:1:", "layers.py:3:"),
    ]


def test_what_cannot_be_checked_leaves_the_others_alone():
    write("layers.py", stubborn("affine", "x, W, b") + SCALE)
    with pytest.raises(PartlyResolvedError) as caught:
        resolve(CheckSpec("layers.py"))
    assert [problem.id for problem in caught.value.problems] == ["layers.py:scale"]


@pytest.mark.parametrize(
    ("methods", "slip"),
    [
        ("forwrad backward", "; did you mean 'forwrad'?"),
        ("forward backwards", "; did you mean 'backwards'?"),
        ("forward backward_D", None),
        ("forward backward forwrad", None),
        ("forwrad", None),
    ],
)
@pytest.mark.parametrize("beside", ["", SCALE])
def test_a_class_with_a_half_by_a_misspelt_name_is_said_and_the_rest_checked(methods, slip, beside):
    text = "".join(f"    def {name}(self, x): return x\n" for name in methods.split())
    write("layers.py", f"class Copy:\n{text}{beside}")
    try:
        found, told = scale("layers.py"), ""
    except PartlyResolvedError as error:
        found, told = error.problems, str(error)
    except (TargetError, NothingToCheck) as error:
        found, told = [], str(error)
    lacking = "forward" if methods.startswith("forwrad") else "backward"
    assert (f"layers.py:1: Copy has no {lacking}{slip}" in told) == (slip is not None)
    assert any(problem.id == "layers.py:scale" for problem in found) == bool(beside)


@pytest.mark.parametrize(
    ("first", "told"), [("self", " (layers.py:1: gradient takes self, but is in no class)"), ("w", "")]
)
def test_a_method_that_stands_alone_is_told_where_nothing_can_be_checked(first, told):
    write("layers.py", f"def gradient({first}, x, y): return x\n")
    said = f"layers.py: nothing to check{told}; looked for {LOOKED_FOR}"
    assert message_of("layers.py", NothingToCheck) == said


FACTORY = """
import numpy as np
def make_problem(n=5):
    A = np.random.default_rng(0).standard_normal((n, n))
    def objective(x): return 0.5 * np.sum((A @ x) ** 2)
    def gradient(x): return A.T @ (A @ x)
    def hessian(x): return A.T @ A
    return objective, gradient, hessian
def timed(function):
    def call(*args): return function(*args)
    return call
"""


def test_functions_that_a_function_returns_need_a_name():
    write("made.py", FACTORY)
    told = (
        "made.py:3: make_problem returns what it defines: give that a name at the top of the file, "
        "as in `objective, gradient, hessian = make_problem(...)`"
    )
    said = message_of("made.py", NothingToCheck)
    assert said == f"made.py: nothing to check ({told}); looked for {LOOKED_FOR}"
    assert message_of("made.py:make_problem").startswith(f"{told}. It has nothing to check")
    assert message_of("made.py:timed").startswith("made.py:9: timed is nothing that gradcli can check")


@pytest.mark.parametrize(
    ("right", "wrong", "verdict"), [("", "", "pass"), ("A.T @ (A @", "A @ (A @", "fail")]
)
def test_functions_that_a_function_returned_are_checked_by_their_names(right, wrong, verdict):
    text = FACTORY.replace(right, wrong)
    write("named.py", f"{text}objective, gradient, hessian = make_problem()\n")
    found = resolve(CheckSpec("named.py"))
    assert [problem.id for problem in found] == ["named.py:objective", "named.py:gradient"]
    assert 5 in found[0].inputs["x"].shape  # as the array that the function closes over has it
    assert run(found[0], Settings()).verdict == verdict


@pytest.mark.parametrize(("slip", "verdict"), [("", "pass"), (" + 1", "fail")])
def test_what_is_handed_on_without_a_name_is_needed_only_where_it_is_taken_apart(slip, verdict):
    head = "def power(x, k, cache): return x ** k\ndef power_grad(g, cache, place, *rest):\n"
    write("apart.py", f"{head}    x, k = rest\n    return g * k * x ** (k - 1)\n")
    told = "power_grad takes *rest apart, and nothing is known of what is in it"
    assert told in message_of("apart.py", UsageError)
    write("whole.py", f"def f(x): return x ** 3\ndef f_grad(x, *rest): return 3 * x ** 2{slip}\n")
    (problem,) = scale("whole.py")
    assert run(problem, Settings()).verdict == verdict


def test_an_argument_that_forward_lacks_is_an_error():
    write("layers.py", BATCHNORM)
    asked = {"x": InputSpec((4, 3)), "gama": InputSpec((3,))}
    assert message_of("layers.py:batchnorm", UsageError, inputs=asked) == (
        "layers.py:batchnorm: forward has no argument 'gama'; did you mean 'gamma'? "
        "Its arguments: x, gamma, beta, eps"
    )
    assert message_of("layers.py:batchnorm", UsageError, constants={"momentum": 0.9}) == (
        "layers.py:batchnorm: forward has no argument 'momentum'. Its arguments: x, gamma, beta, eps"
    )


def test_an_input_that_no_pair_has_is_an_error():
    write("layers.py", SCALE)
    asked = {"x": InputSpec((2,)), "w": InputSpec((2,))}
    assert message_of("layers.py", UsageError, inputs=asked) == (
        "layers.py: no forward has an argument 'w'. There are scale_forward(x)"
    )


def test_in_a_config_the_place_comes_first_and_the_line_to_paste_is_yaml():
    write("code/layers.py", stubborn("batchnorm", "x, gamma, beta, eps"))
    spec = CheckSpec(
        "../code/layers.py:batchnorm",
        inputs={"x": InputSpec((4, 3))},
        base=Path("configs"),
        origin="configs/net.yaml:7",
    )
    with pytest.raises(UsageError) as caught:
        resolve(spec)
    assert str(caught.value) == (
        "configs/net.yaml:7: code/layers.py:batchnorm: no shape for gamma, beta and no value for eps "
        "(and no default). Add: inputs: {gamma: {shape: [3]}, beta: {shape: [3]}} and constants: {eps: 1e-5}"
        + NEVER
    )


def test_in_a_config_labels_are_suggested_with_their_dtype():
    write("layers.py", stubborn("f", "x, y"))
    message = message_of("layers.py:f", UsageError, inputs={"x": InputSpec((4, 3))}, origin="a.yaml:1")
    assert message.endswith("Add: inputs: {y: {shape: [4], dtype: int64, high: 3}}" + NEVER)


def test_dimensions_give_the_shapes_of_a_pair_that_is_named_like_a_layer():
    write("layers.py", BATCHNORM)
    (problem,) = resolve(CheckSpec("layers.py:batchnorm", options={"batch": 5, "features": 2}))
    assert problem.id == "layers.py:batchnorm[batch=5,features=2]"
    assert problem.inputs["x"].shape == (5, 2)
    assert problem.constants == {"eps": 1e-5}
    assert problem.rerun is None  # a file takes no --batch


def test_explicit_inputs_and_constants_win_over_a_layers():
    write("layers.py", BATCHNORM)
    spec = CheckSpec(
        "layers.py:batchnorm",
        options={"features": 2},
        inputs={"x": InputSpec((7, 2), scale=0.0, offset=3.0)},
        constants={"eps": 0.5},
    )
    (problem,) = resolve(spec)
    assert problem.inputs["x"].tolist() == [[3.0, 3.0]] * 7
    assert problem.constants == {"eps": 0.5}


def test_a_pair_of_another_name_declares_no_options():
    write("layers.py", SCALE)
    assert message_of("layers.py:scale", UsageError, options={"batch": 2}) == (
        "layers.py:scale: declares no option 'batch'; give its arguments with --input NAME=SHAPE and "
        "--set NAME=VALUE"
    )


def test_options_need_one_pair():
    write("layers.py", AFFINE + SCALE)
    assert message_of("layers.py", UsageError, options={"batch": 2}) == (
        "layers.py: dimensions and options need one target; name it: affine, scale"
    )


def test_integer_arrays_are_inputs_without_a_gradient():
    write("layers.py", "def pick_forward(x, y): return x[y]\ndef pick_backward(d, c): return d\n")
    asked = {"x": InputSpec((9,)), "y": InputSpec((4,), "int64", high=9)}
    (problem,) = resolve(CheckSpec("layers.py:pick", inputs=asked))
    assert problem.differentiable == ("x",)


# --- the line that repeats a check


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({}, "gradcli check layers.py:scale --input x=2 --seed 0"),
        (
            {"settings": Settings(seed=7, tol=1e-5, method="central", step=1e-4, elements=50, budget=2.5)},
            "gradcli check layers.py:scale --input x=2 --seed 7 --tol 1e-05 --step 0.0001 --method central "
            "--elements 50 --budget 2.5",
        ),
        ({"dtype": "float32"}, "gradcli check layers.py:scale --input x=2 --seed 0 --dtype float32"),
        ({"id": "mine", "origin": "net.yaml:3"}, "gradcli check net.yaml -k mine"),
        (
            {"inputs": {"x": InputSpec((2,), scale=3.0)}},
            "gradcli check layers.py:scale --input 'x=2*3' --seed 0",
        ),
        ({"inputs": {"x": InputSpec((2,), offset=-3.0)}}, None),
        (
            {"inputs": {"x": InputSpec((2,), scale=3.0)}, "origin": "my net.yaml:3"},
            "gradcli check 'my net.yaml' -k layers.py:scale",
        ),
    ],
)
def test_a_check_says_how_to_repeat_it(more, line):
    write("layers.py", SCALE)
    (problem,) = resolve(CheckSpec("layers.py:scale", **{"inputs": {"x": InputSpec((2,))}, **more}))
    assert problem.rerun == line


def test_an_id_of_a_config_is_kept_and_marks_each_pair_of_a_file():
    write("layers.py", SCALE)
    assert [problem.id for problem in scale("layers.py", id="mine")] == ["mine"]
    write("layers.py", SCALE + SCALE.replace("scale", "more"))
    assert [problem.id for problem in scale("layers.py", id="mine")] == ["mine:scale", "mine:more"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"settings": Settings(tol=-1.0)}, "tol must be a finite number, 0 or more, got -1.0"),
        ({"settings": Settings(tol=float("nan"))}, "tol must be a finite number, 0 or more, got nan"),
        ({"settings": Settings(tol="x")}, "tol must be a finite number, 0 or more, got 'x'"),
        ({"settings": Settings(step=0.0)}, "step must be a finite number above 0, got 0.0"),
        ({"settings": Settings(budget=0)}, "budget must be a number of seconds above 0, got 0"),
        ({"settings": Settings(seed=-1)}, "seed must be an integer, 0 or more, got -1"),
        ({"settings": Settings(seed=True)}, "seed must be an integer, 0 or more, got True"),
        (
            {"settings": Settings(method="magic")},
            "method must be one of auto, linear, complex, central, got 'magic'",
        ),
        ({"settings": Settings(elements=0)}, "elements must be auto, all, probe or a number above 0, got 0"),
        ({"dtype": "int8"}, "dtype must be one of float64, float32, float16, got 'int8'"),
    ],
)
def test_settings_that_make_no_check_are_refused(more, message):
    assert message_of("batchnorm", UsageError, **more) == message


def test_a_backward_with_the_argument_of_its_function_is_a_derivative():
    write("act.py", "def relu(Z): return Z * (Z > 0)\ndef relu_backward(Z): return 1.0 * (Z > 0)\n")
    (problem,) = resolve(CheckSpec("act.py"))
    assert run(problem, Settings()).verdict == "pass"
