"""What a config asks for arrives in the checks as it was written."""

import subprocess
import sys
from pathlib import Path

import pytest

from gradcli import config
from gradcli.config.settings import SETTINGS
from gradcli.spec import CheckSpec, InputSpec, Settings, derive_id, validate_settings


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layers.py").write_text("")
    (tmp_path / "case.npz").write_bytes(b"")
    (tmp_path / "configs").mkdir()
    return tmp_path


def load(checks, head="version: 1\n"):
    path = Path("configs/net.yaml")
    path.write_text(f"{head}checks:\n{checks}")
    return config.load(path)


def test_a_bare_layer_is_checked_with_the_defaults():
    assert load("  - target: affine\n") == [
        CheckSpec(
            target="affine",
            id="affine[batch=2,in_features=3,out_features=2]",
            base=Path("configs"),
            origin="configs/net.yaml:3:5",
        )
    ]


def test_the_config_of_the_documentation():
    first, *others = load(
        """\
  - target: batchnorm
    matrix: {batch: [2, 8], features: [3, 64]}
    eps: 1e-5
  - id: my-bn
    target: ../layers.py:batchnorm
    inputs: {x: {shape: [4, 3], scale: 1.0, offset: 0.0}, gamma: {shape: [3]}, beta: {shape: [3]}}
    constants: {eps: 1e-5}
""",
        head="version: 1\ndefaults: {seed: 0, dtype: float64, tol: 1e-7}\n",
    )
    assert first.options == {"eps": 1e-5, "batch": 2, "features": 3}
    assert [spec.id for spec in (first, *others)] == [
        "batchnorm[batch=2,features=3]",
        "batchnorm[batch=2,features=64]",
        "batchnorm[batch=8,features=3]",
        "batchnorm[batch=8,features=64]",
        "my-bn",
    ]
    mine = others[-1]
    assert (mine.target, mine.base, mine.origin) == (
        "../layers.py:batchnorm",
        Path("configs"),
        "configs/net.yaml:7:5",
    )
    assert mine.inputs == {"x": InputSpec((4, 3)), "gamma": InputSpec((3,)), "beta": InputSpec((3,))}
    assert mine.constants == {"eps": 1e-5}


def test_settings_of_a_check_replace_the_defaults_and_a_grid_replaces_both():
    first, *grid = load(
        "  - {target: affine, tol: 1e5, elements: probe, blame: false, step: 1e-3}\n"
        "  - {target: affine, id: grid, matrix: {seed: [1, 2], dtype: [float32]}}\n",
        head="version: 1\ndefaults: {seed: 7, tol: 1e-5, budget: 3, method: central}\n",
    )
    assert first.settings == Settings(7, 1e5, "central", 1e-3, "probe", 3.0, blame=False)
    assert [(spec.id, spec.dtype, spec.settings) for spec in grid] == [
        (f"grid[seed={seed},dtype=float32]", "float32", Settings(seed, 1e-5, "central", budget=3.0))
        for seed in (1, 2)
    ]


@pytest.mark.parametrize("number", ["1e5", "1E5", "1e+5", "100000.0", "100000", "1.e5"])
def test_an_integer_may_be_written_as_a_float_that_is_one(number):
    (spec,) = load(f"  - {{target: affine, batch: {number}, seed: {number}, elements: {number}}}\n")
    found = (spec.options["batch"], spec.settings.seed, spec.settings.elements)
    assert found == (100_000,) * 3
    assert {type(value) for value in found} == {int}


@pytest.mark.parametrize("number", ["1e-5", "1E-5", "0.00001", "1.0e-5", "1.e-5", "10e-6"])
def test_a_small_number_is_a_number_wherever_one_may_stand(number):
    (spec,) = load(
        f"  - {{target: ../layers.py:batchnorm, eps: {number},\n"
        f"     tol: {number}, step: {number}, budget: {number},\n"
        f"     inputs: {{x: {{shape: [2], scale: {number}, offset: {number}}}}},\n"
        f"     constants: {{a: {number}, b: [{number}], c: {{d: {number}}}}}}}\n"
    )
    assert (spec.settings.tol, spec.settings.step, spec.settings.budget) == (1e-5, 1e-5, 1e-5)
    assert spec.options == {"eps": 1e-5}
    assert spec.inputs["x"] == InputSpec((2,), scale=1e-5, offset=1e-5)
    assert spec.constants == {"a": 1e-5, "b": [1e-5], "c": {"d": 1e-5}}


@pytest.mark.parametrize(
    ("written", "shape"),
    [
        ("[4, 3]", (4, 3)),
        ("4x3", (4, 3)),
        ("'4,3'", (4, 3)),
        ("3", (3,)),
        ("[3]", (3,)),
        ("1e1", (10,)),
        ("[]", ()),
        ("scalar", ()),
        ("0x3", (0, 3)),  # no length, not the hexadecimal number
    ],
)
def test_a_shape_may_be_written_as_on_the_command_line(written, shape):
    (spec,) = load(f"  - {{target: ../layers.py, inputs: {{x: {written}, y: {{shape: {written}}}}}}}\n")
    assert [item.shape for item in spec.inputs.values()] == [shape, shape]


def test_inputs_that_are_not_floats():
    (spec,) = load(
        "  - target: ../layers.py\n"
        "    inputs:\n"
        "      y: {shape: 4, dtype: int, high: 1e1}\n"
        "      mask: {shape: 4, dtype: bool}\n"
        "      z: {shape: 4, dtype: float}\n"
    )
    assert spec.inputs == {
        "y": InputSpec((4,), "int64", high=10),
        "mask": InputSpec((4,), "bool"),
        "z": InputSpec((4,)),
    }


def test_inputs_from_a_file_beside_the_config():
    (spec,) = load("  - {target: ../layers.py, inputs: ../case.npz}\n")
    assert (spec.inputs, spec.inputs_file) == ({}, Path("configs/../case.npz"))


def test_constants_keep_their_types():
    (spec,) = load(
        "  - target: ../layers.py\n"
        "    constants: {a: 1, b: 1.0, c: true, d: no, e: '1', f: [1, [x]], g: {h: 1}, i: null}\n"
    )
    expected = {"a": 1, "b": 1.0, "c": True, "d": "no", "e": "1", "f": [1, ["x"]], "g": {"h": 1}, "i": None}
    assert spec.constants == expected
    assert [type(value) for value in spec.constants.values()] == [type(value) for value in expected.values()]


def test_the_constants_of_a_built_in_layer_are_its_options():
    as_constant, as_key = load(
        "  - {target: batchnorm, constants: {eps: 1e-3}}\n  - {target: batchnorm, id: b, eps: 1e-3}\n"
    )
    assert as_constant.options == as_key.options == {"eps": 1e-3}
    assert as_constant.id == derive_id("batchnorm", {"eps": 1e-3})


@pytest.mark.parametrize(
    "target", ["../layers.py", "../layers.py:relu", "pkg.mod:Relu", "pkg.mod", "mod:relu"]
)
def test_targets_that_are_code_are_passed_on_as_they_are(target):
    (spec,) = load(f"  - target: {target}\n")
    assert (spec.target, spec.id) == (target, target)


def test_a_grid_runs_over_its_keys_in_order_the_last_one_fastest():
    specs = load("  - {target: affine, id: a, matrix: {seed: [3, 1], batch: [2, 1]}}\n")
    assert [(spec.settings.seed, spec.options["batch"]) for spec in specs] == [(3, 2), (3, 1), (1, 2), (1, 1)]
    assert [spec.id for spec in specs] == [
        "a[batch=2,seed=3]",
        "a[batch=1,seed=3]",
        "a[batch=2,seed=1]",
        "a[batch=1,seed=1]",
    ]


def test_an_anchor_saves_typing():
    specs = load("  - &base {target: affine, batch: 3, tol: 1e-5}\n  - {<<: *base, batch: 4}\n")
    assert [(spec.options, spec.settings.tol) for spec in specs] == [
        ({"batch": 3}, 1e-5),
        ({"batch": 4}, 1e-5),
    ]


def test_ten_thousand_checks_load():
    entry = "  - target: batchnorm\n    id: c{}\n    batch: 4\n    tol: 1e-6\n    inputs: {{x: [4, 3]}}\n"
    assert len(load("".join(map(entry.format, range(10_000))))) == 10_000


def test_the_table_of_settings_agrees_with_the_settings_themselves():
    defaults = {name: setting.default for name, setting in SETTINGS.items() if name != "dtype"}
    assert Settings(**defaults) == Settings()
    assert SETTINGS["dtype"].default == CheckSpec("x").dtype
    validate_settings(Settings(**defaults))


def test_reading_a_config_needs_no_numpy():
    code = (
        "import sys; from pathlib import Path; from gradcli import config\n"
        "config.load(Path('configs/net.yaml')), config.schema()\n"
        "print([name for name in ('numpy', 'click', 'rich') if name in sys.modules])"
    )
    load("  - target: affine\n")
    home = Path(config.__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(home)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "[]\n"


def test_the_table_of_settings_needs_no_yaml():
    home = Path(config.__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(home)!r})\n"
        "import gradcli.config.settings; print('yaml' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
