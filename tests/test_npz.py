"""An .npz file is read without trust, and written whole or not at all."""

import errno
import io
import os
import stat
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gradcli import npz
from gradcli.errors import ArchiveError
from gradcli.npz import read_arrays, write_arrays

X = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "case.npz"


def message_of(function, *args):
    with pytest.raises(ArchiveError) as caught:
        function(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def header(shape, dtype="<f8", version=1):
    """The first bytes of an .npy file that promises this shape."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text


def zipped(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)


# --- reading


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_wrote_is_read(path, save):
    arrays = {
        "x": X,
        "fortran": np.asfortranarray(X),
        "scalar": np.float32(2.5),
        "empty": np.zeros((0, 3), np.int8),
        "flags": np.array([True, False]),
        "text": np.array("words"),
        "big": X.astype(">f4"),
        "wide": np.ones((200, 300)),
    }
    save(path, **arrays)
    found = read_arrays(path)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].shape == np.shape(array)
        assert found[name].dtype == array.dtype.newbyteorder("=")


def test_a_header_of_version_2_is_read(path):
    zipped(path, [("x.npy", header("(2,)", version=2) + X[0, :2].tobytes())])
    np.testing.assert_array_equal(read_arrays(path)["x"], X[0, :2])


def test_what_was_read_may_be_written_to(path):
    np.savez(path, x=X)
    array = read_arrays(path)["x"]
    array[0, 0] = 5.0
    assert array.flags.owndata or array.base.flags.writeable


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (
            header("(1000000000000,)") + b"\0" * 64,
            "its size does not match its header (1000000000000,) float64",
        ),
        (header("(2,)") + b"\0" * 8, "its size does not match its header (2,) float64"),
        (header("(2,)") + b"\0" * 24, "its size does not match its header (2,) float64"),
        (header("(-1, -1)") + b"\0" * 8, "its size does not match its header (-1, -1) float64"),
    ],
)
def test_a_header_that_promises_what_is_not_there_is_refused(path, data, complaint):
    zipped(path, [("x.npy", data)])
    assert message_of(read_arrays, path) == f"{path}: 'x' is damaged: {complaint}"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an array",
        b"\x93NUMPY",
        header("(2,)", version=3) + b"\0" * 16,
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{" * 100,
        header("(2,)", dtype="nonsense") + b"\0" * 16,
        header("(2.5,)") + b"\0" * 16,
        header("__import__('os').abort()") + b"\0" * 16,
        header(f"({'1, ' * 100})") + b"\0" * 8,
        header("(9223372036854775807, 9223372036854775807, 0)"),
    ],
)
def test_a_header_that_is_nonsense_is_refused(path, data):
    zipped(path, [("x.npy", data)])
    assert message_of(read_arrays, path).startswith(f"{path}: 'x' is damaged")


@pytest.mark.parametrize("suffix", ["", ".npy"])
def test_a_name_of_unreasonable_length_is_refused_in_a_short_line(path, suffix):
    zipped(path, [("x" * 60_000 + suffix, header("(1,)") + b"\0" * 8)])
    message = message_of(read_arrays, path)
    assert message.endswith("characters; at most 500 are read")
    assert len(message) < len(str(path)) + 100


def test_memory_stays_bounded_whatever_a_header_promises(path):
    zipped(path, [("x.npy", header("(100000000,)") + b"\0" * 1000)])
    tracemalloc.start()
    message_of(read_arrays, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 2**20


def test_a_bomb_is_refused_before_it_goes_off(path, monkeypatch):
    monkeypatch.setattr(npz, "MAX_BYTES", 10**6)
    zipped(path, [("x.npy", header("(1000000,)") + b"\0" * 8_000_000)])
    assert path.stat().st_size < 20_000
    assert message_of(read_arrays, path) == f"{path}: holds 0.0 GiB; more than 0.000931323 GiB is refused"


def test_many_members_and_a_member_twice_are_refused(path, monkeypatch):
    with pytest.warns(UserWarning, match="Duplicate name"):
        zipped(path, [("x.npy", b""), ("x.npy", b"")])
    assert message_of(read_arrays, path) == f"{path}: holds 'x' twice"
    monkeypatch.setattr(npz, "_MAX_MEMBERS", 1)
    zipped(path, [("x.npy", b""), ("y.npy", b"")])
    assert message_of(read_arrays, path) == f"{path}: holds 2 arrays, more than 1"


def test_a_file_with_a_changed_bit_is_refused(path):
    np.savez(path, x=np.ones(100))
    data = bytearray(path.read_bytes())
    data[400] ^= 1
    path.write_bytes(bytes(data))
    assert message_of(read_arrays, path) == f"{path}: 'x' is damaged (Bad CRC-32 for file 'x.npy')"


@pytest.mark.parametrize("keep", [0.2, 0.9, 0.99])
def test_a_file_cut_short_is_refused(path, keep):
    np.savez(path, x=np.ones(100), y=np.ones(100))
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    assert message_of(read_arrays, path) == (
        f"{path}: is not an .npz file; save one by argument name: np.savez(path, x=x)"
    )


def test_an_encrypted_member_is_refused(path):
    np.savez(path, x=np.ones(3))
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1
    path.write_bytes(bytes(data))
    assert message_of(read_arrays, path) == f"{path}: 'x' is encrypted"


def test_places_that_hold_no_file_are_refused(tmp_path):
    assert message_of(read_arrays, tmp_path) == f"{tmp_path}: is a folder, not an .npz file"
    assert message_of(read_arrays, tmp_path / "gone.npz") == f"{tmp_path / 'gone.npz'}: no such file"
    assert message_of(read_arrays, Path("/dev/null")) == "/dev/null: is a device or a pipe, not an .npz file"
    endless = tmp_path / ("n" * 5000)
    assert message_of(read_arrays, endless) == f"{endless}: cannot be read: File name too long"


def test_a_pipe_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert message_of(read_arrays, tmp_path / "pipe").endswith("is a device or a pipe, not an .npz file")


# --- writing


NAMES = [
    "x",
    "file",
    "in/x",
    "a/b/c",
    "../up",
    "back\\slash",
    "nul\0",
    "new\nline",
    "50%",
    "%41",
    "é",
    "",
    "\ud800",
]


def test_every_name_comes_back(path):
    write_arrays(path, {name: np.full(2, place) for place, name in enumerate(NAMES)})
    found = read_arrays(path)
    assert list(found) == NAMES
    assert [array[0] for array in found.values()] == list(range(len(NAMES)))


def test_numpy_reads_what_was_written_without_pickles(path):
    write_arrays(path, {"in/x": X, "out": np.float64(3.0)})
    with np.load(path, allow_pickle=False) as found:
        assert sorted(found) == ["in/x", "out"]
        np.testing.assert_array_equal(found["in/x"], X)


def test_the_same_arrays_make_the_same_bytes(tmp_path, monkeypatch):
    write_arrays(tmp_path / "a.npz", {"x": X, "y": np.ones(3)})
    monkeypatch.setattr("time.time", lambda: 2e9)
    write_arrays(tmp_path / "b.npz", {"x": X, "y": np.ones(3)})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_views_and_strided_arrays_are_written_as_they_look(path):
    write_arrays(path, {"x": np.broadcast_to(1.0, (2, 2)), "y": X[:, ::2], "z": X.T})
    found = read_arrays(path)
    np.testing.assert_array_equal(found["y"], X[:, ::2])
    np.testing.assert_array_equal(found["z"], X.T)


def test_a_new_file_has_the_permissions_that_a_new_file_has(path):
    write_arrays(path, {"x": X})
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target.npz", tmp_path / "link.npz"
    target.write_text("old")
    link.symlink_to(target)
    write_arrays(link, {"x": X})
    assert link.is_symlink()
    np.testing.assert_array_equal(read_arrays(target)["x"], X)


@pytest.mark.parametrize("failing", ["os.fsync", "pathlib.Path.replace", "numpy.lib.format.write_array"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(path, monkeypatch, failing, error):
    write_arrays(path, {"x": X})
    before = path.read_bytes()

    def fail(*args, **more):
        raise error

    monkeypatch.setattr(failing, fail)
    if isinstance(error, OSError):
        message = message_of(write_arrays, path, {"x": 2 * X})
        assert message == f"{path}: cannot be written: No space left on device"
    else:
        with pytest.raises(KeyboardInterrupt):
            write_arrays(path, {"x": 2 * X})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_array_that_needs_a_pickle_is_refused(path):
    message = message_of(write_arrays, path, {"x": np.array([None])})
    assert message == f"{path}: cannot be written: Object arrays cannot be saved when allow_pickle=False"
    assert list(path.parent.iterdir()) == []


def test_places_that_cannot_be_written_are_named_with_the_reason(tmp_path):
    for path, reason in [
        (tmp_path / "no" / "case.npz", "No such file or directory"),
        (tmp_path, "it is a folder, not a file"),
        (Path("/dev/null"), "it is a device or a pipe, not a file"),
        (tmp_path / ("n" * 5000), "File name too long"),
    ]:
        assert message_of(write_arrays, path, {"x": X}) == f"{path}: cannot be written: {reason}"
    (tmp_path / "plain").write_text("")
    message = message_of(write_arrays, tmp_path / "plain" / "case.npz", {"x": X})
    assert message.endswith("plain/case.npz: cannot be written: Not a directory")


def test_a_saved_header_is_what_numpy_writes():
    buffer = io.BytesIO()
    np.save(buffer, X)
    assert header("(2, 3)")[:6] == buffer.getvalue()[:6]
