"""A file from elsewhere: `replay` and `diff` refuse what is no dump in one line, and in little memory."""

import io
import json
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gradcli import npz

META = json.dumps({"format": 1, "target": "relu", "asked": {}})


def member(array, pickles=False):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=pickles)
    return buffer.getvalue()


def promising(shape, data=b"\0" * 64):
    """An array whose header promises more than there is."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def zipped(**members):
    with zipfile.ZipFile("evil.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {"meta": member(np.array(META)), **members}.items():
            archive.writestr(f"{name}.npy", data)


class Trap:
    """Unpickling it would leave a file behind."""

    def __reduce__(self):
        return open, ("trapped", "w")


def bomb():
    zipped(**{"in/x": promising("(8000000,)", b"\0" * 64_000_000)})


def two_names():
    with zipfile.ZipFile("evil.npz", "w") as archive:
        archive.writestr("in/x.npy", member(np.ones(2)))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("in/x.npy", member(np.ones(2)))


def cut_short():
    np.savez("evil.npz", x=np.ones(1000))
    Path("evil.npz").write_bytes(Path("evil.npz").read_bytes()[:-100])


def crowd():
    """A directory of a million names, each in 47 bytes."""
    entry = b"PK\x01\x02" + bytes(24) + b"\x01" + bytes(17) + b"a"
    directory = entry * 10**6
    end = struct.pack("<4s4HIIH", b"PK\x05\x06", 0, 0, 2**16 - 1, 2**16 - 1, len(directory), 0, 0)
    Path("evil.npz").write_bytes(directory + end)


EVIL = {
    "crowd": (crowd, "evil.npz: is damaged (its directory has 45 MiB)"),
    "nested header": (lambda: zipped(**{"in/x": promising("(" * 20_000)}), "its header is that of no array"),
    "bomb": (bomb, "evil.npz: holds 61 MiB in 0.1 MiB, as bombs do; save it uncompressed: np.savez"),
    "pickle": (lambda: zipped(**{"in/x": member([Trap()], pickles=True)}), "'in/x' holds pickled objects"),
    "shape": (lambda: zipped(**{"in/x": promising("(10**18,)")}), "'in/x' is damaged"),
    "huge shape": (
        lambda: zipped(**{"in/x": promising("(1000000000000, 1000000)")}),
        "does not match its header",
    ),
    "negative shape": (lambda: zipped(**{"in/x": promising("(-1, -8)")}), "does not match its header"),
    "header": (lambda: zipped(**{"in/x": b"\x93NUMPY\x02\x00" + b"\xff" * 200}), "'in/x' is damaged"),
    "other file": (
        lambda: zipfile.ZipFile("evil.npz", "w").writestr("../../etc/cron.d/job", "x") or None,
        "evil.npz: ",
    ),
    "twice": (two_names, "evil.npz: holds 'in/x' twice"),
    "cut": (cut_short, "evil.npz: is not an .npz file"),
    "words": (lambda: Path("evil.npz").write_text("words"), "evil.npz: is not an .npz file"),
    "empty": (lambda: Path("evil.npz").touch(), "evil.npz: is not an .npz file"),
    "folder": (lambda: Path("evil.npz").mkdir(), "evil.npz: is a folder, not an .npz file"),
    "no meta": (lambda: np.savez("evil.npz", x=np.ones(2)), "not one that gradcli wrote (it has no 'meta')"),
    "long meta": (
        lambda: np.savez("evil.npz", meta=np.array("[" * 20_000_000)),
        "not one that gradcli wrote (its 'meta' holds 76 MiB)",
    ),
}


@pytest.mark.parametrize(
    "words", [("replay", "evil.npz"), ("diff", "evil.npz", "evil.npz")], ids=lambda w: w[0]
)
@pytest.mark.parametrize("name", EVIL)
def test_it_is_refused_in_one_line_and_little_memory(invoke, monkeypatch, words, name):
    monkeypatch.setattr(npz, "_SMALL", 2**20)
    make, says = EVIL[name]
    made = make()
    if made is not None and hasattr(made, "close"):
        made.close()
    size = Path("evil.npz").stat().st_size
    tracemalloc.start()
    result = invoke(*words)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("gradcli: error: evil.npz: ")
    assert result.stderr.count("\n") == 1
    assert says in result.stderr
    assert peak < 3 * size + 20 * 2**20
    assert not Path("trapped").exists()


def test_names_that_climb_out_of_the_folder_make_no_file(invoke, tmp_path):
    zipped(**{"in/../../../up": member(np.ones(2))})
    before = {*tmp_path.parent.iterdir(), *tmp_path.iterdir()}
    assert invoke("replay", "evil.npz").exit_code == 2
    assert "in/../../../up" in invoke("diff", "evil.npz", "evil.npz").stdout
    assert {*tmp_path.parent.iterdir(), *tmp_path.iterdir()} == before


def test_names_with_escapes_and_markup_are_shown_as_they_are(invoke):
    zipped(**{"in/[red]x\x1b[2J": member(np.ones(2)), "out": member(np.ones(2))})
    shown = invoke("diff", "evil.npz", "evil.npz")
    assert shown.exit_code == 0
    assert r"in/[red]x\x1b[2J" in shown.stdout


def test_lengths_that_python_takes_for_numbers_are_numbers(invoke):
    zipped(out=promising("(True, 8)"))
    assert "out" in invoke("diff", "evil.npz", "evil.npz").stdout
