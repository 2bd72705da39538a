"""Names of files that break what is not escaped, and places where nothing can be written."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from urllib.parse import unquote

import pytest

from gradcli.report.files import FORMATS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such file names")

BROKEN = "def f_forward(x):\n    return x**2, x\n\n\ndef f_backward(dout, x):\n    return dout * x\n"
NAMES = {
    "brackets": "a[b]:c,d.py",
    "quotes": "q'\"<&>.py",
    "lines": "new\nline.py",
    "colours": "\x1b[31mred.py",
    "emoji": "💥 ü.py",
    "bytes": "bad\udcff.py",
    "dash": "-x.py",
    "percent": "per%20cent.py",
    "shell": "$(x)`y`;.py",
}
ALL = [word for name in FORMATS for word in ("--report", f"{name}=report.{name}")]


@pytest.fixture(params=NAMES.values(), ids=NAMES.keys())
def name(request, tmp_path):
    (tmp_path / request.param).write_text(BROKEN)
    return request.param


def test_every_report_is_written_and_says_which_file_it_is(name, invoke, tmp_path):
    pytest.importorskip("jinja2", reason="the page is filled in by Jinja2")
    words = ["check", "--input", "x=3", *ALL, "--baseline", "known.json", "--update-baseline", "--", name]
    result = invoke(*words)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout
    read = {form: (tmp_path / f"report.{form}").read_text(encoding="utf-8") for form in FORMATS}
    assert not any("\x1b" in text or "\0" in text for text in read.values())
    assert json.loads(read["json"])["checks"][0]["id"] == f"{name}:f"
    assert json.loads(read["jsonl"])["id"] == f"{name}:f"
    assert len(ElementTree.fromstring(read["junit"]).findall(".//testcase")) == 1
    (found,) = json.loads(read["sarif"])["runs"][0]["results"]
    uri = found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote(uri, errors="surrogateescape") == name
    assert json.loads(read["gitlab"])[0]["location"]["path"] == name
    assert len(read["github"].splitlines()) == 1
    assert list(json.loads((tmp_path / "known.json").read_text())["known"]) == [f"{name}:f"]
    (kept,) = (tmp_path / ".gradcli" / "failures").iterdir()
    assert "STILL WRONG" in invoke("replay", kept.relative_to(tmp_path)).stdout


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_narrow_terminal_of_few_characters_shows_every_name(
    encoding, gradcli_process, environment, tmp_path
):
    for name in NAMES.values():
        (tmp_path / name).write_text(BROKEN.replace("dout * x", "2 * dout * x"))
    narrow = environment | {"COLUMNS": "40", "PYTHONIOENCODING": encoding}
    result = gradcli_process("check", ".", env=narrow, encoding=encoding)
    assert (result.returncode, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout
    assert result.stdout.count("\nPASS  ") == len(NAMES)
    tables = [line for line in result.stdout.splitlines() if line.startswith("pass x")]
    assert len(tables) == len(NAMES)
    assert max(map(len, tables)) <= 40


def test_on_a_read_only_disk_the_verdict_stays(read_only, invoke, monkeypatch):
    monkeypatch.chdir(read_only)
    result = invoke("check", "layer.py", "--input", "x=3")
    assert result.exit_code == 1
    (kept,) = result.stderr.splitlines()
    assert kept.endswith("Read-only file system; failing checks are not kept for gradcli replay")
    for words in (
        ["--report", "json"],
        ["--dump", "dump.npz"],
        ["--baseline", "known.json", "--update-baseline"],
    ):
        refused = invoke("check", "layer.py", "--input", "x=3", *words)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert refused.stderr.endswith(": cannot be written: Read-only file system\n")


@pytest.fixture
def read_only(tmp_path, monkeypatch):
    place = tmp_path / "disk"
    place.mkdir()
    mounts = [["mount", "-t", "tmpfs", "tmpfs", place], ["mount", "-o", "remount,ro", place]]
    if os.geteuid() != 0 or subprocess.run(mounts[0], capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can make a disk")
    (place / "layer.py").write_text(BROKEN)
    subprocess.run(mounts[1], check=True)
    yield place
    monkeypatch.undo()
    subprocess.run(["umount", place], check=True)
