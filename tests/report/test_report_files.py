"""Reports as files: well-formed whatever the names and numbers, and true."""

import html
import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import gradcli
from gradcli.cli import main
from gradcli.cli.reports import Reports, read_reports
from gradcli.errors import UsageError
from gradcli.report.files import FORMATS, Run
from gradcli.report.html.views import view
from gradcli.suite.outcome import Outcome
from tests.report.outcomes import HOSTILE, failed, infinite, of_every_kind, right, wrong

BROKEN = "def f_forward(x):\n    return x**2, x\n\n\ndef f_backward(dout, x):\n    return dout * x\n"


def render(name, *outcomes, partial=False):
    views = [view(outcome) for outcome in outcomes] if FORMATS[name].draws else ()
    return "".join(FORMATS[name].render(Run(outcomes, partial, views=views)))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "layer.py").write_text(BROKEN)
    return tmp_path


def strict(text):
    """Parse JSON that has no NaN in it."""
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


@pytest.mark.parametrize("name", FORMATS)
def test_no_name_breaks_a_report(name):
    text = render(name, wrong(HOSTILE), right(HOSTILE), failed(HOSTILE), infinite(HOSTILE))
    assert text.encode("utf-8")
    assert "\x1b" not in text
    assert "\x00" not in text
    if name in ("json", "sarif", "gitlab"):
        strict(text)
    elif name == "jsonl":
        assert [strict(line)["status"] for line in text.splitlines()] == ["fail", "pass", "error", "fail"]
    elif name == "junit":
        assert len(ElementTree.fromstring(text).findall(".//testcase")) == 4
    elif name == "github":
        assert [line.partition(" ")[0] for line in text.splitlines()] == ["::error"] * 3
    elif name == "html":
        assert text.count("<details class=") == 4 + 3
    else:
        assert len(text.splitlines()) == 2 + 2 + 3


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_to_report_is_a_report_too(name):
    text = render(name)
    if name in ("json", "sarif", "gitlab"):
        strict(text)
    if name == "junit":
        ElementTree.fromstring(text)


def test_json_counts_and_shows_the_element_that_decided():
    document = strict(render("json", wrong(), right(), failed(), partial=True))
    assert document["summary"] == {
        "checks": 3,
        "pass": 1,
        "fail": 1,
        "inconclusive": 0,
        "error": 1,
        "xfail": 0,
    }
    assert document["run"]["partial"] is True
    first, _, last = document["checks"]
    (gradient,) = first["gradients"]
    assert (gradient["name"], gradient["status"], gradient["failing"]) == ("x", "fail", 2)
    assert gradient["relative_error"] == pytest.approx(0.5)
    assert gradient["numeric"] == pytest.approx(2 * gradient["analytic"])
    assert last == {"id": "h", "status": "error", "error": "no such thing: h", "output": ""}


@pytest.mark.parametrize("name", [name for name, format in FORMATS.items() if not format.draws])
def test_what_waits_for_a_report_takes_no_room_and_says_the_same(name):
    outcomes = [*of_every_kind(), wrong("long", np.linspace(1.0, 2.0, 1000))]
    reports = Reports([(FORMATS[name], None)])
    for outcome in outcomes:
        reports.add(outcome)
    kept = reports.outcomes[len(outcomes) - 1].result
    assert kept.arrays == {}
    assert kept.gradients["x"].shape == (1000,)
    assert kept.gradients["x"].numeric.base.nbytes == 8
    assert render(name, *reports.outcomes) == render(name, *outcomes)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "summary"])  # which has an end
def test_a_report_is_written_in_pieces_that_do_not_grow_with_the_suite(name):
    outcomes = of_every_kind()
    views = [view(outcome) for outcome in outcomes]
    few, many = Run(outcomes, False, views=views), Run(outcomes * 3, False, views=views * 3)
    longest = [max(map(len, FORMATS[name].render(run))) for run in (few, many)]
    assert longest[1] <= longest[0] + 9  # digits of counts


def test_large_gradients_wait_for_the_page_as_drawings_only():
    reports = Reports([(FORMATS["html"], None)])
    reports.add(wrong("long", np.linspace(1.0, 2.0, 20_000)))
    outcomes, views = reports.found()
    assert sum(map(len, outcomes + views)) < 100_000  # one array of it has 160,000 bytes
    assert [(bar.elements, bar.wrong) for bar in reports.views[0].gradients[0].bars if bar.wrong] == [
        (20_000, 20_000)
    ]


def test_what_is_not_finite_is_null():
    (check,) = strict(render("json", infinite()))["checks"]
    assert check["gradients"][0]["analytic"] is None


def test_junit_tells_failures_from_errors_and_repeats_the_text():
    root = ElementTree.fromstring(render("junit", wrong(), right(), failed(), partial=True))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "1")
    failure = root.find(".//failure")
    assert failure.get("type") == "GC101"
    assert failure.get("message") in failure.text
    assert "replay" not in failure.text
    assert root.find(".//error").get("message") == "no such thing: h"
    values = {one.get("name"): one.get("value") for one in root.iterfind("testsuite/properties/property")}
    assert values["partial"] == "Stopped: not all checks have run."
    assert values["gradcli"] == gradcli.__version__


@pytest.mark.parametrize("name", ["junit", "json", "html"])
def test_a_failing_check_that_is_kept_says_how_to_replay_it(name, folder):
    main(["check", "layer.py", "--input", "x=3", "--report", f"{name}=out"])
    (kept,) = Path(".gradcli", "failures").glob("*.npz")
    assert f"gradcli replay {kept.as_posix()}" in (folder / "out").read_text(encoding="utf-8")


def test_sarif_has_what_code_scanning_asks_for(folder):
    main(["check", "layer.py", "--input", "x=3", "--report", "sarif=out.sarif"])
    document = strict((folder / "out.sarif").read_text())
    (run,) = document["runs"]
    assert document["version"] == "2.1.0"
    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "layer.py"}, "region": {"startLine": 6}}
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert rule["id"] == result["ruleId"] == "GC101"
    assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
    assert result["partialFingerprints"]["primaryLocationLineHash"]


def test_a_fingerprint_does_not_depend_on_numbers():
    first, second = (strict(render("gitlab", wrong(x=x)))[0] for x in ((1.0, 2.0), (3.0, 4.0)))
    assert first["description"] != second["description"]
    assert first["fingerprint"] == second["fingerprint"]


def test_github_shows_nine_and_counts_the_rest():
    lines = render("github", *(wrong(f"f{i}") for i in range(12))).splitlines()
    assert len(lines) == 10
    assert lines[-1] == "::error title=gradcli::3 more findings; see the log"


def test_an_annotation_is_on_the_line_that_blame_names(folder, capsys):
    main(["check", "layer.py", "--input", "x=3", "--report", "github"])
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("::"))
    assert line.startswith("::error file=layer.py,line=6,title=gradcli GC101::layer.py:f: the gradient of x")


def test_each_gradient_is_annotated_on_the_line_of_its_own_fault(folder, capsys):
    (folder / "two.py").write_text(
        "def f_forward(x, w, b):\n    return x**2 * w + b, (x, w)\n\n\n"
        "def f_backward(dout, cache):\n    x, w = cache\n    dsquare = 2 * dout * w\n"
        "    return 2 * x * dsquare, dout * x**2, -dout\n"
    )
    shapes = [word for name in "xwb" for word in ("--input", f"{name}=3")]
    main(["check", "two.py", *shapes, "--report", "github"])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::")]
    assert [re.search(r"line=(\d+).*gradient of (\w)", line).groups() for line in lines] == [
        ("7", "x"),
        ("8", "b"),
    ]


def test_a_summary_stays_below_the_limit_and_says_what_is_left_out():
    outcomes = [Outcome(f"check-{i}-" + "x" * 4000, error=UsageError("no")) for i in range(400)]
    text = render("summary", *outcomes)
    assert len(text.encode()) < 2**20
    assert "more that did not pass" in text.splitlines()[-1]


def test_the_summary_s_line_to_paste_is_what_it_was():
    rerun = "gradcli check a_b*.yaml -k 'x|y `z` <i> [l](http://l) ~$m$ &amp;'"
    outcome = wrong()
    text = render("summary", replace(outcome, result=replace(outcome.result, rerun=rerun)))
    (row,) = [line for line in text.splitlines() if "<code>" in line]
    assert html.unescape(re.search("<code>(.*)</code>", row)[1]) == rerun
    assert not set("*_`~$\\") & set(row)
    assert row.count("|") == 4


def test_reports_are_written_beside_the_table_each_to_its_file(folder, capsys):
    code = main(
        ["check", "layer.py", "relu", "--report", "json", "--report", "junit=j.xml", "--report", "gitlab"]
    )
    assert code == 1
    assert "2 checks: 1 passed, 1 FAILED" in capsys.readouterr().out
    assert strict((folder / "gradcli.json").read_text())["summary"]["fail"] == 1
    assert ElementTree.parse(folder / "j.xml").getroot().get("failures") == "1"
    assert len(strict((folder / "gl-code-quality-report.json").read_text())) == 1


def test_a_report_on_standard_output_is_alone_there(folder, capsys):
    assert main(["check", "relu", "--report", "json=-"]) == 0
    out, err = capsys.readouterr()
    assert strict(out)["summary"]["pass"] == 1
    assert "PASS  relu" in err


def test_on_github_actions_annotations_and_summary_are_on_unless_told_off(folder, capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    (folder / "summary.md").write_text("before\n")
    main(["check", "layer.py", "--input", "x=3"])
    out, err = capsys.readouterr()
    assert "::error file=layer.py" in out
    assert err == "gradcli: reports for GitHub Actions: github, summary (--report none turns them off)\n"
    assert (folder / "summary.md").read_text().startswith("before\n## gradcli: 0 of 1 checks passed")
    main(["check", "layer.py", "--input", "x=3", "--report", "none"])
    out, err = capsys.readouterr()
    assert "::error" not in out
    assert not err


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("jnit", "--report jnit: no format 'jnit'; did you mean 'junit'?"),
        ("json=", "--report json=: the path is missing after '='"),
        ("json=no/where.json", "no/where.json: cannot be written: No such file or directory"),
        ("json=- junit=-", "--report junit: standard output is taken by --report json"),
        ("json=out junit=./out", "--report junit: out is taken by --report json"),
        ("junit=.", ".: cannot be written: it is a folder, not a file"),
    ],
)
def test_a_report_that_cannot_be_is_refused_before_anything_runs(folder, word, message):
    with pytest.raises(UsageError) as caught:
        read_reports(word.split(), {})
    assert str(caught.value).startswith(message)
    assert main(["check", "relu", *(f"--report={one}" for one in word.split())]) == 2


@pytest.fixture
def full_disk(folder):
    """A folder on a disk of 64 KiB, all of them taken: files can be made, but not filled."""
    place = folder / "disk"
    place.mkdir()
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no small disk can be made here")
    (place / "filler").write_bytes(b"x" * 16 * 4096)
    yield place
    os.chdir(folder)
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("option", ["--report=html=disk/out", "--report=json=disk/out", "--dump=disk/out"])
def test_on_a_full_disk_nothing_half_written_is_left(folder, full_disk, capsys, option):
    code = main(["check", "affine", "--batch", "40", "--in-features", "40", option])
    assert code == 2
    assert "disk/out: cannot be written: No space left on device" in capsys.readouterr().err
    assert [path.name for path in full_disk.iterdir()] == ["filler"]


def test_on_a_full_disk_failures_are_not_kept_and_the_verdict_stays(full_disk, capsys, monkeypatch):
    monkeypatch.chdir(full_disk)
    assert main(["check", "../layer.py", "--input", "x=3"]) == 1
    assert "No space left on device; failing checks are not kept" in capsys.readouterr().err
    assert {path.name for path in full_disk.rglob("*")} == {"filler", ".gradcli"}
