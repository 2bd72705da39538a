"""A failing check leaves its arrays behind, and `gradcli replay` runs exactly them on today's code."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from gradcli import archive
from gradcli.npz import write_arrays
from gradcli.suite.failures import file_of

CUBE = "def cube_forward(x, a=2.0):\n    return a * x**3, (x, a)\n\n\n"
RIGHT = CUBE + "def cube_backward(dout, cache):\n    x, a = cache\n    return dout * a * 3 * x**2\n"
WRONG = RIGHT.replace("* 3 *", "* 2 *")
PARTLY = RIGHT.replace("return dout * a * 3 * x**2", "g = dout * a * 3 * x**2\n    g[0] *= 2\n    return g")
RAISES = RIGHT.replace("return a *", "raise ZeroDivisionError\n    return a *")

CHECK = ("check", "cube.py:cube", "--input", "x=4", "--set", "a=1.5")


@pytest.fixture
def failed(invoke):
    """A check that has failed; gives the file that it left."""
    Path("cube.py").write_text(WRONG)
    assert invoke(*CHECK).exit_code == 1
    return file_of("cube.py:cube")


def last(result):
    return result.stdout.splitlines()[-1]


# --- what a failing check leaves


def test_a_failing_check_ends_with_the_two_lines_to_paste(invoke):
    Path("cube.py").write_text(WRONG)
    rerun, replay = invoke(*CHECK).stdout.splitlines()[-2:]
    assert rerun == "re-run: gradcli check cube.py:cube --input x=4 --set a=1.5 --seed 0"
    file = file_of("cube.py:cube")
    assert replay == f"replay: gradcli replay {file}"
    assert file.is_file()
    for line in (rerun, replay):
        assert invoke(*shlex.split(line)[2:]).exit_code == 1


def test_the_folder_keeps_out_of_version_control_and_backups(failed):
    assert Path(".gradcli/.gitignore").read_text() == "*\n"
    tag = Path(".gradcli/CACHEDIR.TAG").read_text()
    assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


def test_the_file_goes_when_the_check_passes_again_and_that_of_another_stays(invoke, failed):
    other = failed.with_name("other.npz")
    other.touch()
    Path("cube.py").write_text(RIGHT)
    assert invoke(*CHECK).exit_code == 0
    assert not failed.exists()
    assert other.exists()


def test_a_check_that_passes_leaves_no_folder(invoke):
    assert invoke("check", "relu").exit_code == 0
    assert not Path(".gradcli").exists()


def test_where_nothing_can_be_kept_the_verdict_stays(invoke):
    Path("cube.py").write_text(WRONG)
    Path(".gradcli").write_text("a file of the user's")
    result = invoke(*CHECK)
    assert result.exit_code == 1
    assert result.stderr == (
        "gradcli: .gradcli/failures: cannot be written: File exists; "
        "failing checks are not kept for gradcli replay\n"
    )
    assert "replay:" not in result.stdout
    assert Path(".gradcli").read_text() == "a file of the user's"


@pytest.mark.parametrize(
    "id",
    [
        "a/b",
        "../../x",
        "a\\b",
        "C:x",
        "\n\x1b[31m",
        "con",
        "",
        ".",
        "é" * 300,
        "🔥",
        "x" * 500,
        "a b;rm -rf *",
    ],
)
def test_names_of_files_are_portable_whatever_the_id(id):
    name = file_of(id).name
    assert file_of(id).parent == Path(".gradcli/failures")
    assert name.isascii()
    assert len(name) < 120
    assert not set(name) & set("/\\:*?\"<>|;' \n\x1b")
    assert not name.startswith(".")


def test_no_two_ids_share_a_file():
    ids = ["f[a=1]", "f(a=1)", "F[a=1]", "f_a=1_", "f a=1 ", "x" * 500, "x" * 501]
    assert len({file_of(id).name.lower() for id in ids}) == len(ids)


# --- what replay says


@pytest.mark.parametrize(
    ("code", "exit_code", "says"),
    [
        (RIGHT, 0, "FIXED  cube.py:cube: x is right now"),
        (WRONG, 1, "STILL WRONG  cube.py:cube: x is wrong in the same 4 elements"),
        (PARTLY, 1, "STILL WRONG  cube.py:cube: x is wrong in 1 of the 4 elements that were wrong"),
        (RAISES, 1, "ERROR  cube.py:cube: GC108 is new"),
        (
            RIGHT.replace("return dout * a * 3 * x**2", "return (dout * a * 3 * x**2)[:2]"),
            1,
            "STILL WRONG  cube.py:cube: x is still wrong (wrong shape); GC103 is new",
        ),
    ],
    ids=["fixed", "same", "partly", "raises", "otherwise"],
)
def test_the_last_line_says_what_became_of_it(invoke, failed, code, exit_code, says):
    Path("cube.py").write_text(code)
    result = invoke("replay", failed)
    assert (result.exit_code, last(result)) == (exit_code, says)
    assert invoke("replay", "-q", failed).stdout == f"{says}\n"


def test_other_elements_are_told_from_the_same(invoke, failed):
    Path("cube.py").write_text(PARTLY)
    assert invoke(*CHECK).exit_code == 1
    Path("cube.py").write_text(PARTLY.replace("g[0]", "g[1:3]"))
    assert last(invoke("replay", failed)) == (
        "STILL WRONG  cube.py:cube: x is wrong in 2 other elements; the 1 from before are right now"
    )


def test_a_dump_of_a_check_that_passed_can_go_wrong(invoke):
    Path("cube.py").write_text(RIGHT)
    assert invoke(*CHECK, "--dump", "good.npz").exit_code == 0
    assert last(invoke("replay", "good.npz")) == "STILL RIGHT  cube.py:cube"
    Path("cube.py").write_text(WRONG)
    result = invoke("replay", "good.npz")
    assert (result.exit_code, last(result)) == (1, "NOW WRONG  cube.py:cube: x is wrong now")


def test_the_arrays_are_those_of_the_file_and_no_others(invoke, failed):
    before = archive.read(failed)
    changed = {**before.arrays, "in/x": np.array([2.0, 3.0, 5.0, 7.0]), "cotangent": np.full(4, 0.5)}
    write_arrays(failed, changed | {"meta": np.array(json.dumps(dict(before.meta)))})
    assert invoke("replay", failed, "--dump", "now.npz").exit_code == 1
    now = archive.read(Path("now.npz"))
    np.testing.assert_array_equal(now.arrays["in/x"], [2.0, 3.0, 5.0, 7.0])
    np.testing.assert_array_equal(now.arrays["grad/x"], 0.5 * 1.5 * 2 * np.array([4.0, 9.0, 25.0, 49.0]))


def test_another_target_may_be_named(invoke, failed):
    Path("mine.py").write_text(RIGHT)
    result = invoke("replay", failed, "mine.py:cube")
    assert (result.exit_code, last(result)) == (0, "FIXED  cube.py:cube: x is right now")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "x, a=2.0, *, k",
            "the arrays no longer fit cube.py:cube: it takes k now, which the file does not hold",
        ),
        ("z, a=2.0", "forward has no argument 'x'"),
    ],
)
def test_arrays_that_no_longer_fit_are_one_line(invoke, failed, code, says):
    Path("cube.py").write_text(
        RIGHT.replace("x, a=2.0", code).replace("x**3, (x", f"{code[0]}**3, ({code[0]}")
    )
    result = invoke("replay", failed)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_output_of_another_shape_is_one_line(invoke, failed):
    Path("cube.py").write_text(RIGHT.replace("a * x**3,", "(a * x**3).sum(),"))
    result = invoke("replay", failed)
    assert (result.exit_code, result.stderr) == (
        2,
        "gradcli: error: cube.py:cube: the cotangent has shape (4,), but forward returned ()\n",
    )


def test_a_target_that_is_gone_is_named(invoke, failed):
    Path("cube.py").unlink()
    result = invoke("replay", failed)
    assert (result.exit_code, result.stderr) == (2, "gradcli: error: cube.py: no such file\n")


# --- every convention that can be resolved again

FILES = {
    "pair.py": RIGHT,
    "cost.py": """
def loss(w, x, y):
    r = x @ w - y
    dw = 2 * x.T @ r
    return (r**2).sum(), dw
""",
    "prime.py": """
import numpy as np

def f(x):
    return np.sin(x).sum()

def f_prime(x):
    return np.cos(x)
""",
    "layer.py": """
import numpy as np

class Dense:
    def __init__(self, n_in, n_out):
        self.W = np.random.default_rng(0).normal(size=(n_in, n_out))
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T
""",
    "dicts.py": """
import numpy as np

def forward(inputs):
    return {"y": inputs["x"] ** 2, "z": np.sin(inputs["x"])}

def vjp(inputs, g):
    x = inputs["x"]
    return {"x": 2 * x * g["y"] + g["z"] * np.cos(x)}
""",
    "tape.py": """
import numpy as np

class Tensor:
    def __init__(self, data, parents=()):
        self.data, self.parents = np.asarray(data, float), parents
        self.pull = lambda g: None
        self.grad = np.zeros_like(self.data)

    def __mul__(self, other):
        out = Tensor(self.data * other.data, (self, other))
        def pull(g):
            self.grad = self.grad + g * other.data
            other.grad = other.grad + g * self.data
        out.pull = pull
        return out

    def order(self):
        return [self, *(value for parent in self.parents for value in parent.order())]

    def backward(self):
        self.grad = np.ones_like(self.data)
        for value in self.order():
            value.pull(value.grad)
""",
    "net.py": """
import torch

class Net(torch.nn.Module):
    def __init__(self, n):
        super().__init__()
        self.fc = torch.nn.Linear(n, 2)

    def forward(self, x):
        return torch.tanh(self.fc(x))
""",
    "rule.py": """
import jax
import jax.numpy as jnp

@jax.custom_vjp
def f(x):
    return jnp.sin(x)

f.defvjp(lambda x: (f(x), x), lambda x, g: (g * jnp.cos(x),))
""",
    "prim.py": """
import autograd.numpy as np
from autograd.extend import defvjp, primitive

@primitive
def f(x):
    return np.sin(x)

defvjp(f, lambda ans, x: lambda g: g * np.cos(x))
""",
    "conf/net.yaml": """
version: 1
checks:
  - {id: mine, target: "../pair.py:cube", inputs: {x: {shape: [3]}}}
""",
}


@pytest.mark.parametrize(
    ("words", "needs"),
    [
        (["batchnorm", "--batch", "3", "--eps", "1e-3", "--dtype", "float32"], None),
        (["dropout"], None),
        (["pair.py"], None),
        (["cost.py:loss"], None),
        (["prime.py"], None),
        (["layer.py:Dense", "--set", "n_out=5"], None),
        (["dicts.py", "--input", "x=3"], None),
        (["tape.py:Tensor.mul"], None),
        (["pkg.mod:cube", "--input", "x=3"], None),
        (["conf/net.yaml"], None),
        (["net.py:Net", "--set", "n=3", "--input", "x=4x3"], "torch"),
        (["rule.py", "--input", "x=4"], "jax"),
        (["prim.py", "--input", "x=4"], "autograd"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_was_checked_can_be_replayed(invoke, words, needs):
    if needs:
        pytest.importorskip(needs)
    for name, text in {**FILES, "pkg/__init__.py": "", "pkg/mod.py": RIGHT}.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    assert invoke("check", *words, "--dump", "before.npz").exit_code == 0
    result = invoke("replay", "before.npz", "--dump", "after.npz")
    assert result.exit_code == 0, result.output
    before, after = (archive.read(Path(name)) for name in ("before.npz", "after.npz"))
    same = [key for key in before.arrays if key.startswith(("in/", "out", "cotangent", "grad/"))]
    for key in same:
        np.testing.assert_array_equal(before.arrays[key], after.arrays[key])


# --- what a file names is not run unless it is at home


def test_a_program_runs_only_if_it_is_named(invoke):
    Path("program.sh").write_text("exit 1")
    program = "exec:sh program.sh {in} {out}"
    failing = invoke("check", program, "--input", "x=2")
    assert failing.exit_code == 1
    file = file_of(program)
    line = shlex.join(["gradcli", "replay", str(file), program])
    assert last(failing) == f"replay: {line}"
    Path("program.sh").write_text("echo it ran >&2; exit 1")
    assert invoke("replay", file).stderr == (
        f"gradcli: error: {file}: its target {program} is a program, and runs only if you name it: {line}\n"
    )
    assert "it ran" in invoke(*shlex.split(line)[1:]).stdout


def test_code_outside_the_folder_runs_only_if_it_is_named(invoke, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "cube.py"
    elsewhere.write_text(WRONG)
    failing = invoke("check", f"{elsewhere}:cube", "--input", "x=4")
    file = file_of(f"{elsewhere}:cube")
    assert last(failing) == f"replay: gradcli replay {file} {elsewhere}:cube"
    elsewhere.write_text("raise SystemExit('it ran')")
    result = invoke("replay", file)
    assert result.exit_code == 2
    assert result.stderr.endswith(
        f"not in the current folder, and runs only if you name it: gradcli replay {file} {elsewhere}:cube\n"
    )


def test_a_module_from_elsewhere_runs_only_if_it_is_named(invoke, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "cubes.py").write_text(WRONG)
    monkeypatch.syspath_prepend(str(elsewhere))
    failing = invoke("check", "cubes:cube", "--input", "x=4")
    file = file_of("cubes:cube")
    assert last(failing) == f"replay: gradcli replay {file} cubes:cube"
    assert invoke("replay", file).stderr == (
        f"gradcli: error: {file}: its target cubes:cube is not in the current folder, "
        f"and runs only if you name it: gradcli replay {file} cubes:cube\n"
    )
    assert "STILL WRONG" in invoke("replay", file, "cubes:cube").stdout
    Path("own").mkdir()
    Path("own/cubes.py").write_text(WRONG)
    own = invoke("check", "own.cubes:cube", "--input", "x=4")
    assert last(own) == f"replay: gradcli replay {file_of('own.cubes:cube')}"
    assert "STILL WRONG" in invoke("replay", file_of("own.cubes:cube")).stdout


# --- files that are no checks


def test_what_python_alone_holds_cannot_be_replayed(invoke):
    from gradcli import check

    archive.write(Path("api.npz"), check(lambda x: (x, None), lambda dout, _: dout, {"x": np.ones(2)}))
    assert invoke("replay", "api.npz").stderr == (
        "gradcli: error: api.npz: holds no target to run again: its functions were given from Python\n"
    )


DAMAGE = {
    "no settings": lambda meta: meta["asked"].pop("settings"),
    "settings": lambda meta: meta["asked"].update(settings=3),
    "options": lambda meta: meta["asked"].update(options=3),
    "constants": lambda meta: meta["asked"].update(constants=[1]),
    "stubs": lambda meta: meta["asked"]["loading"].update(stubs=[None]),
    "base": lambda meta: meta["asked"].update(base=None),
    "null in base": lambda meta: meta["asked"].update(base="a\0b"),
    "null in target": lambda meta: meta.update(target="a\0.py"),
    "id": lambda meta: meta.update(id=7),
    "surrogate": lambda meta: meta.update(id="\ud800"),
    "tol": lambda meta: meta["asked"]["settings"].update(tol="much"),
    "blame": lambda meta: meta["asked"]["settings"].update(blame="x"),
    "dtype": lambda meta: meta["asked"].update(dtype="float3"),
    "target": lambda meta: meta.update(target="../../etc/passwd"),
    "missing target": lambda meta: meta.update(target="\x1b[2Jgone.py"),
    "gradients": lambda meta: meta.update(gradients=[3], violations={"a": 3}, verdict=[]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_metadata_is_one_line_or_ignored(invoke, failed, damage):
    before = archive.read(failed)
    meta = json.loads(json.dumps(dict(before.meta)))
    DAMAGE[damage](meta)
    write_arrays(failed, {**before.arrays, "meta": np.array(json.dumps(meta))})
    result = invoke("replay", failed)
    assert result.exit_code == (1 if damage == "gradients" else 2), result.output
    if damage != "gradients":
        assert result.stderr.startswith("gradcli: error: ")
        assert result.stderr.count("\n") == 1
        assert "\x1b" not in result.stderr


def test_a_file_that_is_not_there_or_not_ours(invoke):
    np.savez("mine.npz", x=np.ones(3))
    assert invoke("replay", "gone.npz").stderr == "gradcli: error: gone.npz: no such file\n"
    assert invoke("replay", "mine.npz").stderr == (
        "gradcli: error: mine.npz: is an .npz file, but not one that gradcli wrote (it has no 'meta')\n"
    )
    shutil.copy("mine.npz", "cut.npz")
    Path("cut.npz").write_bytes(Path("mine.npz").read_bytes()[:-40])
    assert invoke("replay", "cut.npz").exit_code == 2
