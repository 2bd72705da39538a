"""Every mistake of a config comes with its line, its column, what was found and what to do."""

from pathlib import Path

import pytest

from gradcli import config
from gradcli.config import grid
from gradcli.errors import ConfigError

HEAD = "version: 1\nchecks:\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A project with one file of code and a folder for its config; the test stands in the project."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layers.py").write_text("")
    (tmp_path / "configs").mkdir()
    return tmp_path


def mistakes_of(text):
    path = Path("configs/net.yaml")
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    return [line.removeprefix("configs/net.yaml:") for line in caught.value.mistakes]


def test_five_mistakes_of_a_file_come_at_once_and_in_order():
    text = """\
version: 1
defaults: {sed: 1}
checks:
  - target: batchnrom
    stepp: 1e-5
  - target: ../layers.py:batchnorm
    tol: "1e-5"
    matrix: {batch: [2, two]}
"""
    assert mistakes_of(text) == [
        "2:12: defaults.sed: unknown key; did you mean 'seed'?",
        "4:13: checks[0].target: unknown layer 'batchnrom'; did you mean 'batchnorm'?",
        "5:5: checks[0].stepp: unknown key; did you mean 'step'?",
        "7:10: checks[1].tol: must be a number, got '1e-5' in quotes; remove the quotes",
        "8:25: checks[1].matrix.batch[1]: must be an integer, got 'two'",
    ]


WHOLE_FILES = {
    "empty": ("", "1:1: is empty; a config has 'version: 1' and a list 'checks'"),
    "only a remark": ("# later\n", "1:1: is empty; a config has 'version: 1' and a list 'checks'"),
    "text": ("hello\n", "1:1: must be a mapping with 'version' and 'checks', got 'hello'"),
    "a list": ("- target: affine\n", "1:1: must be a mapping with 'version' and 'checks', got a list"),
    "another program's": (
        "services: {web: {image: x}}\n",
        "1:1: not a config of gradcli: it has neither 'version' nor 'checks'",
    ),
    "no version": ("checks: [{target: affine}]\n", "1:1: version: is missing; write 'version: 1'"),
    "version in quotes": (
        "version: '1'\nchecks: [{target: affine}]\n",
        "1:10: version: must be an integer, got '1' in quotes; remove the quotes",
    ),
    "a later version": (
        "version: 2\nchecks: [{target: affine}]\n",
        "1:10: version: must be 1, the only version that this gradcli reads, got 2",
    ),
    "no checks": (
        "version: 1\n",
        "1:1: checks: is missing; list what to check, such as '- target: batchnorm'",
    ),
    "empty checks": (
        "version: 1\nchecks: []\n",
        "2:9: checks: is empty; list what to check, such as '- target: batchnorm'",
    ),
    "checks without a value": (
        "version: 1\nchecks:\n",
        "2:8: checks: must be a list, got nothing; list what to check, such as '- target: batchnorm'",
    ),
    "checks as a mapping": (
        "version: 1\nchecks: {target: affine}\n",
        "2:9: checks: must be a list, got a mapping; list what to check, such as '- target: batchnorm'",
    ),
    "an unknown key": (
        "version: 1\nchekcs: []\nchecks: [{target: affine}]\n",
        "2:1: chekcs: unknown key; did you mean 'checks'?",
    ),
    "an unknown key like no other": (
        "version: 1\nhosts: []\nchecks: [{target: affine}]\n",
        "2:1: hosts: unknown key; expected version, defaults, checks",
    ),
    "defaults as a list": (
        "version: 1\ndefaults: [1]\nchecks: [{target: affine}]\n",
        "2:11: defaults: must be a mapping of settings, got a list",
    ),
    "a dimension in defaults": (
        "version: 1\ndefaults: {batch: 2}\nchecks: [{target: affine}]\n",
        "2:12: defaults.batch: unknown key; "
        "expected seed, dtype, tol, method, step, elements, budget, blame, nodes",
    ),
    "a check that is text": (
        f"{HEAD}  - affine\n",
        "3:5: checks[0]: must be a mapping with a 'target', got 'affine'",
    ),
    "a check without target": (
        f"{HEAD}  - batch: 2\n",
        "3:5: checks[0].target: is missing; name a layer, or a file: layers.py:batchnorm",
    ),
}


@pytest.mark.parametrize(("text", "mistake"), WHOLE_FILES.values(), ids=WHOLE_FILES)
def test_a_mistake_in_the_frame_of_a_file(text, mistake):
    assert mistakes_of(text) == [mistake]


# What a check says beside `- target: batchnorm`, on line 4 from column 5.
IN_A_CHECK = {
    "seed: -1": "4:11: checks[0].seed: must be at least 0, got -1",
    "seed: 1.5": "4:11: checks[0].seed: must be an integer, got 1.5",
    "seed: true": "4:11: checks[0].seed: must be an integer, got true",
    "seed: '1'": "4:11: checks[0].seed: must be an integer, got '1' in quotes; remove the quotes",
    "seed: random": "4:11: checks[0].seed: must be an integer, got 'random'",
    "seed: 1e300": "4:11: checks[0].seed: must be an integer, got 1e300",
    "dtype: float46": (
        "4:12: checks[0].dtype: must be one of float64, float32, float16, got 'float46'; "
        "did you mean 'float64'?"
    ),
    "dtype: 64": "4:12: checks[0].dtype: must be one of float64, float32, float16, got 64",
    "tol: -1e-7": "4:10: checks[0].tol: must be at least 0, got -1e-7",
    "tol: .nan": "4:10: checks[0].tol: must be a finite number, got .nan",
    "tol: .inf": "4:10: checks[0].tol: must be a finite number, got .inf",
    "tol: 1e999": "4:10: checks[0].tol: must be a finite number, got 1e999",
    "tol: true": "4:10: checks[0].tol: must be a number, got true",
    "tol: [1]": "4:10: checks[0].tol: must be a number, got a list",
    "tol:": "4:9: checks[0].tol: must be a number, got nothing",
    "tol: 1e-5x": "4:10: checks[0].tol: must be a number, got '1e-5x'",
    "step: 0": "4:11: checks[0].step: must be greater than 0, got 0",
    "step: null": "4:11: checks[0].step: must be a number, got nothing",
    "method: centrl": (
        "4:13: checks[0].method: must be one of auto, linear, complex, central, got 'centrl'; "
        "did you mean 'central'?"
    ),
    "elements: 0": "4:15: checks[0].elements: must be one of auto, all, probe or at least 1, got 0",
    "elements: al": (
        "4:15: checks[0].elements: must be one of auto, all, probe or a number of elements, got 'al'; "
        "did you mean 'all'?"
    ),
    "elements: 1.5": "4:15: checks[0].elements: must be an integer, got 1.5",
    "budget: 0": "4:13: checks[0].budget: must be greater than 0, got 0",
    "blame: no": "4:12: checks[0].blame: must be true or false, got 'no'",
    "blame: 'true'": "4:12: checks[0].blame: must be true or false, got 'true' in quotes; remove the quotes",
    "id: 3": "4:9: checks[0].id: must be text, got 3; put it in quotes",
    "id: ''": "4:9: checks[0].id: must not be empty",
    'id: "a\\nb"': r"4:9: checks[0].id: must be at most 1000 printable characters, got 'a\nb'",
    "batch: 0": "4:12: checks[0].batch: must be at least 1, got 0",
    "batch: -3": "4:12: checks[0].batch: must be at least 1, got -3",
    "batch: 2.5": "4:12: checks[0].batch: must be an integer, got 2.5",
    "features: many": "4:15: checks[0].features: must be an integer, got 'many'",
    "eps: -1e-5": "4:10: checks[0].eps: must be at least 0, got -1e-5",
    "eps: '1e-5'": "4:10: checks[0].eps: must be a number, got '1e-5' in quotes; remove the quotes",
    "feature: 3": "4:5: checks[0].feature: unknown key; did you mean 'features'?",
    "axis: 3": "4:5: checks[0].axis: unknown key; batchnorm has batch, features, eps",
    "'a b': 3": "4:5: checks[0]['a b']: unknown key; batchnorm has batch, features, eps",
    "constants: {epsilon: 1}": (
        "4:17: checks[0].constants.epsilon: batchnorm has no such constant; did you mean 'eps'?"
    ),
    "constants: {eps: -1}": "4:22: checks[0].constants.eps: must be at least 0, got -1",
    "constants: {eps: 1}\n    eps: 1": (
        "4:17: checks[0].constants.eps: is also a key of the check itself, on line 5"
    ),
    "inputs: {gama: 3}": "4:14: checks[0].inputs.gama: batchnorm has no such input; did you mean 'gamma'?",
    "matrix: 3": "4:13: checks[0].matrix: must be a mapping of keys to lists of values, got 3",
    "matrix: {}": "4:13: checks[0].matrix: must be a mapping of keys to lists of values, got nothing in it",
    "matrix: {batch: 3}": "4:21: checks[0].matrix.batch: must be a list of values, got 3",
    "matrix: {batch: []}": "4:21: checks[0].matrix.batch: is empty; list at least one value",
    "matrix: {batch: [0]}": "4:22: checks[0].matrix.batch[0]: must be at least 1, got 0",
    "matrix: {batch: [2, 3, 2]}": "4:28: checks[0].matrix.batch[2]: 2 is in the list already",
    "matrix: {eps: [1e-5, 0.00001]}": "4:26: checks[0].matrix.eps[1]: 0.00001 is in the list already",
    "matrix: {tol: [.nan]}": "4:20: checks[0].matrix.tol[0]: must be a finite number, got .nan",
    "matrix: {batsh: [3]}": "4:14: checks[0].matrix.batsh: unknown key; did you mean 'batch'?",
    "matrix: {budget: [3]}": (
        "4:14: checks[0].matrix.budget: unknown key; this grid may run over "
        "batch, features, eps, seed, dtype, tol, method, step"
    ),
    "matrix: {batch: [1], features: [1]}\n    batch: 3": (
        "4:14: checks[0].matrix.batch: is also a key of the check itself, on line 5"
    ),
}


@pytest.mark.parametrize(("line", "mistake"), IN_A_CHECK.items(), ids=IN_A_CHECK)
def test_a_mistake_in_a_check_of_a_built_in_layer(line, mistake):
    assert mistakes_of(f"{HEAD}  - target: batchnorm\n    {line}\n") == [mistake]


IN_A_CHECK_OF_A_FILE = {
    "batch: 3": (
        "4:5: checks[0].batch: unknown key; "
        "arguments of your functions go into 'inputs' (arrays) or 'constants'"
    ),
    "inputs: [x]": (
        "4:13: checks[0].inputs: must be a mapping of names to shapes, or an .npz file, got a list"
    ),
    "inputs: {}": (
        "4:13: checks[0].inputs: must be a mapping of names to shapes, or an .npz file, got nothing in it"
    ),
    "inputs: case.npz": "4:13: checks[0].inputs: case.npz does not exist (looked for {base}/case.npz)",
    "inputs: .": "4:13: checks[0].inputs: . is not a file (looked for {base})",
    "inputs: {3x: [3]}": "4:14: checks[0].inputs.3x: '3x' cannot be the name of an argument",
    "inputs: {x: 4y3}": "4:17: checks[0].inputs.x: must be a shape such as [4, 3] or 4x3, got '4y3'",
    "inputs: {x: }": "4:17: checks[0].inputs.x: must be a shape such as [4, 3] or 4x3, got nothing",
    "inputs: {x: true}": "4:17: checks[0].inputs.x: must be a shape such as [4, 3] or 4x3, got true",
    "inputs: {x: -3}": "4:17: checks[0].inputs.x: must be a shape such as [4, 3] or 4x3, got -3",
    "inputs: {x: [4, 3.5]}": "4:21: checks[0].inputs.x: must be an integer, got 3.5",
    "inputs: {x: [4, -3]}": "4:21: checks[0].inputs.x: must be a length, 0 or more, got -3",
    f"inputs: {{x: [{'1, ' * 33}]}}": "4:17: checks[0].inputs.x: must have at most 32 axes, got 33",
    "inputs: {x: {}}": "4:17: checks[0].inputs.x: has no 'shape'",
    "inputs: {x: {shap: 3, shape: 3}}": "4:18: checks[0].inputs.x.shap: unknown key; did you mean 'shape'?",
    "inputs: {x: {shape: 3, mean: 3}}": (
        "4:28: checks[0].inputs.x.mean: unknown key; expected shape, dtype, scale, offset, high"
    ),
    "inputs: {x: {shape: 3, scale: big}}": "4:35: checks[0].inputs.x.scale: must be a number, got 'big'",
    "inputs: {x: {shape: 3, offset: .inf}}": (
        "4:36: checks[0].inputs.x.offset: must be a finite number, got .inf"
    ),
    "inputs: {x: {shape: 3, dtype: integer}}": (
        "4:35: checks[0].inputs.x.dtype: must be one of float, int, bool, sign, symmetric, definite, joint, "
        "onehot, onehot_columns, float64, float32, float16, int8, int16, int32, int64, uint8, uint16, "
        "uint32, uint64, got 'integer'; did you mean 'int'?"
    ),
    "inputs: {x: {shape: 3, high: 3}}": "4:28: checks[0].inputs.x.high: is for integers, the dtype is float",
    "inputs: {x: {shape: 3, dtype: int, scale: 3}}": (
        "4:40: checks[0].inputs.x.scale: is for floats, the dtype is int64"
    ),
    "inputs: {x: {shape: 3, dtype: bool, high: 3}}": (
        "4:41: checks[0].inputs.x.high: is for integers, the dtype is bool"
    ),
    "inputs: {x: {shape: 3, dtype: int, high: 0}}": (
        "4:46: checks[0].inputs.x.high: must be from 1 to 9223372036854775807, got 0"
    ),
    "constants: 3": "4:16: checks[0].constants: must be a mapping of names to values, got 3",
    "constants: {eps: }": (
        "4:22: checks[0].constants.eps: must be a number, true, false, text, a list or a mapping, got nothing"
    ),
    "constants: {a: [1, {b: .nan}]}": "4:28: checks[0].constants.a: must be a finite number, got .nan",
    "constants: {a b: 1}": "4:17: checks[0].constants['a b']: 'a b' cannot be the name of an argument",
    "inputs: {x: [3]}\n    constants: {x: 1}": "5:17: checks[0].constants.x: is among the inputs too",
    "matrix: {batch: [1]}": (
        "4:14: checks[0].matrix.batch: unknown key; this grid may run over seed, dtype, tol, method, step"
    ),
}


@pytest.mark.parametrize(("line", "mistake"), IN_A_CHECK_OF_A_FILE.items(), ids=lambda text: text[:40])
def test_a_mistake_in_a_check_of_a_file(folder, line, mistake):
    base = str((folder / "configs").resolve())
    found = mistakes_of(f"{HEAD}  - target: ../layers.py:bn\n    {line}\n")
    assert found == [mistake.replace("{base}", base)]


TARGETS = {
    "3": "must be text, got 3; put it in quotes",
    "": "must be text, got nothing",
    "[a]": "must be text, got a list",
    "batchnrom": "unknown layer 'batchnrom'; did you mean 'batchnorm'?",
    "zzz": "unknown layer 'zzz'; write a layer of `gradcli layers`, file.py:name or module:name",
    "../layer.py": "../layer.py does not exist (looked for {top}/layer.py)",
    "../layer.py:batchnorm": "../layer.py does not exist (looked for {top}/layer.py)",
    "../layers": "'../layers' is not a Python file; its name should end in .py",
    "../configs": "'../configs' is not Python; give several configs to gradcli check instead",
    "other.yaml": "'other.yaml' is not Python; give several configs to gradcli check instead",
    "'../layers.py:'": "'../layers.py:' is not a Python file; its name should end in .py",
    "layers.py:a-b": (
        "unknown layer 'layers.py:a-b'; write a layer of `gradcli layers`, file.py:name or module:name"
    ),
    '"\\e[31m"': r"must be at most 1000 printable characters, got '\x1b[31m'",
}


@pytest.mark.parametrize(("target", "mistake"), TARGETS.items(), ids=TARGETS)
def test_a_target_that_is_none(folder, target, mistake):
    (found,) = mistakes_of(f"{HEAD}  - target: {target}\n")
    assert found.split(": ", 2)[1:] == ["checks[0].target", mistake.replace("{top}", str(folder.resolve()))]


def test_a_missing_file_is_reported_where_it_is_named(folder):
    assert mistakes_of(
        f"{HEAD}  - target: affine\n  - id: mine\n    seed: 1\n    target: ../layer.py:bn\n"
    ) == [f"6:13: checks[1].target: ../layer.py does not exist (looked for {folder.resolve()}/layer.py)"]


def test_dimensions_that_do_not_fit_together_are_a_mistake_of_the_check():
    assert mistakes_of(f"{HEAD}  - target: groupnorm\n    channels: 4\n    matrix: {{groups: [2, 3]}}\n") == [
        "3:5: checks[0]: groupnorm: groups must divide channels, got groups 3 and channels 4"
    ]


def test_an_option_of_some_layer_is_not_called_unknown_while_the_layer_is():
    assert mistakes_of(f"{HEAD}  - target: batchnrom\n    eps: 1\n    matrix: {{features: [3]}}\n") == [
        "3:13: checks[0].target: unknown layer 'batchnrom'; did you mean 'batchnorm'?"
    ]


def test_two_checks_with_the_same_derived_id_are_told_to_take_ids():
    assert mistakes_of(f"{HEAD}  - target: affine\n  - target: affine\n    tol: 1e-3\n") == [
        "4:5: checks[1]: the id 'affine[batch=2,in_features=3,out_features=2]' is taken at "
        "configs/net.yaml:3:5; give one of the two an 'id'"
    ]


def test_two_checks_with_the_same_given_id_are_told_where():
    assert mistakes_of(f"{HEAD}  - {{target: affine, id: a}}\n  - {{target: relu, id: a}}\n") == [
        "4:24: checks[1].id: the id 'a' is taken at configs/net.yaml:3:26; ids are unique"
    ]


def test_a_grid_that_explodes_is_refused_before_it_is_built():
    lengths = ", ".join(map(str, range(1, 200)))
    text = f"{HEAD}  - target: affine\n    matrix: " + "{batch: [#], in_features: [#], out_features: [#]}\n"
    assert mistakes_of(text.replace("#", lengths)) == [
        "4:13: checks[0].matrix: a grid of 7,880,599 checks; at most 10,000 are read"
    ]


def test_too_many_checks_in_one_file_are_refused(monkeypatch):
    monkeypatch.setattr("gradcli.config.checks.MOST_CHECKS", 5)
    assert grid.MOST_POINTS > 5
    text = f"{HEAD}  - target: affine\n  - target: relu\n    matrix: {{seed: [1, 2, 3, 4, 5, 6]}}\n"
    assert mistakes_of(text) == ["4:5: checks: more than 5 checks in one file; split it"]


def test_a_file_of_mistakes_is_given_up_after_many():
    found = mistakes_of(HEAD + "  - target: affine\n    stepp: 1\n" * 1000)
    assert len(found) == 201
    assert found[199] == "402:5: checks[199].stepp: unknown key; did you mean 'step'?"
    assert found[200] == "configs/net.yaml: only the first 200 mistakes are shown".removeprefix(
        "configs/net.yaml:"
    )
