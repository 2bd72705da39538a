"""Inputs are drawn reproducibly, each from a generator of its own, or read from a file without trust."""

import io
import zipfile

import numpy as np
import pytest

from gradcli.errors import ArchiveError, UsageError
from gradcli.spec import CheckSpec, InputSpec, Settings
from gradcli.targets import resolve
from gradcli.targets.inputs import draw, generator, load

SCALE = "def scale_forward(x): return 2 * x\ndef scale_backward(dout): return 2 * dout\n"
PICK = "def pick_forward(x, y): return x[y]\ndef pick_backward(d, c): return d\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scale.py").write_text(SCALE)
    (tmp_path / "pick.py").write_text(PICK)
    return tmp_path


def drawn(spec, dtype="float64", kind=None, seed=0):
    return draw("x", spec, dtype, generator(seed, "id", "x"), kind)


def refused(error, function, *args, **more):
    with pytest.raises(error) as caught:
        function(*args, **more)
    return str(caught.value)


# --- drawing


def test_seed_id_and_name_decide_and_nothing_else():
    numbers = generator(1, "id", "x").random(3)
    np.testing.assert_array_equal(numbers, generator(1, "id", "x").random(3))
    others = [generator(2, "id", "x"), generator(1, "other", "x"), generator(1, "id", "w")]
    for other in others:
        assert not np.array_equal(numbers, other.random(3))


def test_drawn_numbers_do_not_change_from_one_run_to_the_next():
    np.testing.assert_allclose(generator(0, "a", "x").random(2), [0.7762165365, 0.8315322665], rtol=1e-9)


def test_the_global_generator_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    drawn(InputSpec((3,)))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_a_float32_check_sees_the_point_of_a_float64_one():
    wide, narrow = drawn(InputSpec((5, 2))), drawn(InputSpec((5, 2)), "float32")
    assert narrow.dtype == np.float32
    np.testing.assert_array_equal(wide.astype(np.float32), narrow)


def test_an_inputs_own_dtype_wins():
    assert drawn(InputSpec((2,), "float16"), "float64").dtype == np.float16


def test_scale_and_offset_move_the_normal():
    plain, moved = drawn(InputSpec((4,))), drawn(InputSpec((4,), scale=3.0, offset=-1.0))
    np.testing.assert_allclose(moved, 3 * plain - 1)


def test_integers_fill_their_range_and_booleans_both_values():
    assert set(drawn(InputSpec((200,), "int32", high=3)).tolist()) == {0, 1, 2}
    assert drawn(InputSpec((2,), "int32")).dtype == np.int32
    assert set(drawn(InputSpec((50,), "bool")).tolist()) == {True, False}


def test_joint_probabilities_are_symmetric_and_sum_to_one():
    P = drawn(InputSpec((5, 5), "joint"))
    assert (P == P.T).all()
    assert P.min() == P[0, 0] == 1e-12
    assert abs(P.sum() - 1.0) < 1e-11


def test_a_definite_matrix_is_symmetric_and_has_no_small_eigenvalue():
    A = drawn(InputSpec((5, 5), "definite"))
    assert (A == A.T).all()
    assert np.linalg.eigvalsh(A).min() >= 1.0


def test_positive_numbers_stay_away_from_zero():
    assert drawn(InputSpec((1000,)), kind="positive").min() >= 0.1


@pytest.mark.parametrize("shape", [(), (0, 3), (1,)])
def test_scalars_and_empty_arrays_can_be_drawn(shape):
    array = drawn(InputSpec(shape), "float32")
    assert isinstance(array, np.ndarray)
    assert (array.shape, array.dtype) == (shape, np.float32)


def test_an_absurd_shape_is_refused_before_it_is_allocated():
    assert refused(UsageError, drawn, InputSpec((10**6, 10**6))) == (
        "input x: shape 1000000x1000000 needs 7.45e+03 GiB; more than 4 GiB is refused"
    )


def test_a_bound_beyond_the_dtype_is_refused():
    assert refused(UsageError, drawn, InputSpec((2,), "int8", high=300)) == (
        "input x: high must be from 1 to 127 for int8, got 300"
    )


# --- reading


def npz_spec(path, target="scale.py:scale", **more):
    return CheckSpec(target, inputs_file=path, **more)


def test_arrays_are_read_by_argument_name_with_their_dtype(folder):
    np.savez("case.npz", x=np.array([1.0, 2.0], np.float32), y=np.array([1, 0, 1], np.int16))
    (problem,) = resolve(npz_spec(folder / "case.npz", "pick.py:pick"))
    assert {name: array.dtype.name for name, array in problem.inputs.items()} == {
        "x": "float32",
        "y": "int16",
    }
    assert problem.differentiable == ("x",)
    assert problem.rerun == f"gradcli check pick.py:pick --inputs {folder / 'case.npz'} --seed 0"


def test_big_endian_and_fortran_ordered_arrays_are_read_as_they_are_meant(folder):
    values = np.arange(6.0).reshape(2, 3)
    np.savez("case.npz", x=np.asfortranarray(values).astype(">f8"))
    array = load(folder / "case.npz")[0]["x"]
    np.testing.assert_array_equal(array, values)
    assert array.dtype == np.float64
    assert array.dtype.isnative


def test_an_archive_gives_its_inputs_and_the_constants_that_forward_takes(folder):
    (folder / "power.py").write_text(
        "def power_forward(x, n): return x**n\ndef power_backward(d, c): return d\n"
    )
    np.savez(
        "dump.npz", **{"in/x": np.ones(2), "const/n": 3, "const/other": 1, "grad/x": np.ones(2), "meta": "{}"}
    )
    (problem,) = resolve(npz_spec(folder / "dump.npz", "power.py:power"))
    assert list(problem.inputs) == ["x"]
    assert problem.constants == {"n": 3}


def test_a_file_and_flags_together_give_the_inputs(folder):
    np.savez("case.npz", x=np.ones(5))
    spec = npz_spec(folder / "case.npz", "pick.py:pick", inputs={"y": InputSpec((4,), "int64", high=5)})
    (problem,) = resolve(spec)
    assert problem.inputs["y"].shape == (4,)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "{path}: holds no arrays"),
        ({"x": np.array([1 + 1j])}, "{path}: 'x' has dtype complex128; an input is {known}"),
        ({"x": np.array(["a"])}, "{path}: 'x' has dtype <U1; an input is {known}"),
        ({"x": np.array([1.0], np.longdouble)}, "{path}: 'x' has dtype {long}; an input is {known}"),
        (
            {"x": np.array([None])},
            "{path}: 'x' holds pickled objects, which are never loaded; save plain arrays",
        ),
        (
            {"x": np.array([(1.0, object())], [("a", "f8"), ("b", "O")])},
            "{path}: 'x' holds pickled objects, which are never loaded; save plain arrays",
        ),
        (
            {"x": np.zeros(2, [("a", "f8")])},
            "{path}: 'x' has dtype [('a', '<f8')]; expected an array of plain numbers",
        ),
        (
            {"x": np.array(["2020"], "M8[D]")},
            "{path}: 'x' has dtype datetime64[D]; expected an array of plain numbers",
        ),
        (
            {"x": np.arange(3)},
            "scale.py:scale: no floating-point input, so there is no gradient to check (x is int64)",
        ),
        ({"x": np.ones(2), "w": np.ones(2)}, "scale.py:scale: forward has no argument 'w'. Its arguments: x"),
    ],
)
def test_what_no_input_can_be_is_refused_in_one_line(folder, arrays, message):
    path = folder / "case.npz"
    np.savez(path, **arrays)
    expected = message.format(
        path=path, known="float64, float32, float16, an integer or bool", long=np.dtype(np.longdouble)
    )
    assert refused((ArchiveError, UsageError), resolve, npz_spec(path)) == expected


def test_an_argument_that_the_file_lacks_is_inferred(folder):
    np.savez("case.npz", x=np.ones((4, 3)))
    (problem,) = resolve(npz_spec(folder / "case.npz", "pick.py:pick"))
    assert problem.remarks == ("inferred: --input y=4:int64:4",)


def test_an_input_from_two_places_is_refused(folder):
    np.savez("case.npz", x=np.ones(3))
    spec = npz_spec(folder / "case.npz", inputs={"x": InputSpec((3,))})
    assert (
        refused(UsageError, resolve, spec) == "scale.py:scale: x is given twice, as a shape and as an array"
    )
    assert refused(UsageError, resolve, npz_spec(folder / "case.npz"), arrays={"x": np.ones(3)}) == (
        f"scale.py:scale: x is given twice, as an array and in {folder / 'case.npz'}"
    )


def test_a_file_that_is_not_an_archive_of_arrays_is_refused(folder):
    path = folder / "case.npz"
    path.write_text("not an archive")
    assert refused(ArchiveError, resolve, npz_spec(path)) == (
        f"{path}: is not an .npz file; save one by argument name: np.savez(path, x=x)"
    )


def test_a_place_in_a_config_comes_first(folder):
    path = folder / "gone.npz"
    spec = npz_spec(path, origin="net.yaml:4:5", settings=Settings(seed=1))
    assert refused(ArchiveError, resolve, spec) == f"net.yaml:4:5: {path}: no such file"


def test_an_npz_written_by_hand_with_a_member_that_is_no_array_is_refused(folder):
    path = folder / "case.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert refused(ArchiveError, load, path) == (
        f"{path}: is not an .npz file: it holds 'readme.txt', which is not an array"
    )
    buffer = io.BytesIO()
    np.save(buffer, np.ones(2))
    path.write_bytes(buffer.getvalue())
    assert refused(ArchiveError, load, path) == (
        f"{path}: is a single .npy array; save an .npz by argument name: np.savez(path, x=x)"
    )
