"""A dump holds a whole check, is read back as it was, and nothing else is taken for one."""

import json
import platform
from dataclasses import replace

import numpy as np
import pytest

import gradcli
from gradcli import archive
from gradcli.errors import ArchiveError
from gradcli.npz import write_arrays
from gradcli.result import CheckResult, Gradient, Violation

X = np.array([[1.0, -2.0], [3.0, 0.5]])


def gradient(name="x", **more):
    values = {
        "name": name,
        "analytic": 2 * X,
        "numeric": 2 * X + 1e-12,
        "uncertainty": np.full(X.shape, 1e-11),
        "tol": 1e-7,
        "verdict": "pass",
        "worst_index": (np.int64(1), 0),
        "relative_error": 1e-12,
        "method": "complex",
        "evaluations": 4,
        "compared": 4,
    }
    return Gradient(**{**values, **more})


def result(**more):
    values = {
        "id": "layers.py:scale",
        "target": "layers.py:scale",
        "verdict": "pass",
        "gradients": {"x": gradient()},
        "violations": (Violation("GC202", "near a kink", "x", "layers.py", 3),),
        "rerun": "gradcli check layers.py:scale --seed 7",
        "seed": 7,
        "arrays": {"in/x": X, "out": 2 * X, "cotangent": np.ones((2, 2))},
        "nodes": lambda: {"x_hat": X},
        "constants": {"eps": 1e-5, "mode": "train", "flags": [1, 2], "w": np.ones(2), "n": 2**80},
    }
    return CheckResult(**{**values, **more})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "case.npz"


def refused(path):
    with pytest.raises(ArchiveError) as caught:
        archive.read(path)
    return str(caught.value)


def test_a_check_comes_back_by_the_keys_of_the_design(path):
    archive.write(path, result())
    found = archive.read(path)
    assert set(found.arrays) == {
        *("in/x", "out", "cotangent", "node/x_hat", "const/eps", "const/w", "grad/x", "num/x", "unc/x"),
    }
    np.testing.assert_array_equal(found.group("grad")["x"], 2 * X)
    np.testing.assert_array_equal(found.group("node")["x_hat"], X)
    assert found.group("const")["eps"] == 1e-5
    assert found.group("nothing") == {}


def test_the_metadata_says_what_when_and_with_which_versions(path):
    archive.write(path, result())
    meta = dict(archive.read(path).meta)
    assert meta.pop("versions") == {
        "gradcli": gradcli.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    assert meta == {
        "format": 1,
        "target": "layers.py:scale",
        "id": "layers.py:scale",
        "seed": 7,
        "dtype": "float64",
        "verdict": "pass",
        "rerun": "gradcli check layers.py:scale --seed 7",
        "gradients": {
            "x": {
                "verdict": "pass",
                "worst_index": [1, 0],
                "relative_error": 1e-12,
                "method": "complex",
                "compared": 4,
                "note": "",
            }
        },
        "violations": [
            {"code": "GC202", "message": "near a kink", "gradient": "x", "file": "layers.py", "line": 3}
        ],
        "constants": {"mode": "train", "flags": [1, 2], "n": 2**80},
        "asked": None,
        "left_out": [],
    }


def test_numpy_reads_an_archive_without_pickles(path):
    archive.write(path, result())
    with np.load(path, allow_pickle=False) as found:
        assert json.loads(str(found["meta"]))["seed"] == 7


def test_the_same_check_makes_the_same_bytes_whatever_the_time_it_took(tmp_path):
    archive.write(tmp_path / "a.npz", result())
    archive.write(tmp_path / "b.npz", result(seconds=5.0))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("name", ["file", "a/b", "é", "x y", "%41", "\ud800"])
def test_odd_names_come_back(path, name):
    archive.write(path, result(arrays={f"in/{name}": X}, gradients={name: gradient(name)}, constants={}))
    found = archive.read(path)
    assert list(found.group("in")) == [name]
    assert list(found.group("num")) == [name]
    assert list(found.meta["gradients"]) == [name]


def test_a_gradient_that_is_not_finite_is_kept_and_the_metadata_stays_json(path):
    archive.write(path, result(gradients={"x": gradient(analytic=X * np.nan, relative_error=float("nan"))}))
    found = archive.read(path)
    assert np.isnan(found.group("grad")["x"]).all()
    assert found.meta["gradients"]["x"]["relative_error"] == "nan"


def test_what_only_a_pickle_could_hold_is_left_out_and_named(path):
    odd = result(
        arrays={"in/x": X},
        nodes=lambda: {"odd": np.array([None])},
        gradients={"x": gradient(analytic=np.array(None))},
        constants={"function": len},
    )
    archive.write(path, odd)
    found = archive.read(path)
    assert found.meta["left_out"] == ["grad/x", "node/odd"]
    assert found.meta["constants"] == {"function": "<built-in function len>"}
    assert "grad/x" not in found.arrays


def test_arrays_of_the_result_that_are_constants_already_are_kept(path):
    archive.write(path, result(arrays={"const/eps": np.array(0.5)}))
    assert archive.read(path).arrays["const/eps"] == 0.5


def test_an_unwritable_place_is_named_and_nothing_is_left(tmp_path):
    with pytest.raises(ArchiveError) as caught:
        archive.write(tmp_path / "no" / "case.npz", result())
    assert (
        str(caught.value) == f"{tmp_path / 'no' / 'case.npz'}: cannot be written: No such file or directory"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_real_check_can_be_written_and_read(path):
    checked = gradcli.check(lambda x: (x * 2, (x,)), lambda dout, cache: dout * 2, {"x": X})
    archive.write(path, checked)
    found = archive.read(path)
    np.testing.assert_array_equal(found.group("in")["x"], X)
    assert found.meta["verdict"] == checked.verdict == "pass"
    assert {"out", "cotangent", "grad/x", "num/x", "unc/x"} <= set(found.arrays)
    archive.write(path, replace(checked, seed=1))
    assert archive.read(path).meta["seed"] == 1


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        (None, "it has no 'meta'"),
        (np.ones(3), "it has no 'meta'"),
        (np.array(["{}"]), "it has no 'meta'"),
        (np.array("not json"), "its 'meta' is not JSON"),
        (np.array("[" * 100_000), "its 'meta' is not JSON"),
        (np.array("[]"), "its 'meta' has no format"),
        (np.array("{}"), "its 'meta' has no format"),
    ],
)
def test_what_is_not_ours_is_refused(path, meta, reason):
    arrays = {"x": X} if meta is None else {"x": X, "meta": meta}
    write_arrays(path, arrays)
    assert refused(path) == f"{path}: is an .npz file, but not one that gradcli wrote ({reason})"


def test_an_archive_of_the_future_is_refused(path):
    write_arrays(path, {"meta": np.array('{"format": 2}')})
    assert refused(path) == f"{path}: has format 2, newer than this gradcli (1); upgrade gradcli"


def test_a_file_that_is_no_npz_is_refused(path):
    path.write_text("words")
    assert refused(path) == f"{path}: is not an .npz file; save one by argument name: np.savez(path, x=x)"
