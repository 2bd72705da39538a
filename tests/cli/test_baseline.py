"""Failures that are known: those that failed last time, and those that a file lets pass."""

import json
import xml.etree.ElementTree as ElementTree

import pytest

from tests.cli.test_suites import HALF_RIGHT

CURED = HALF_RIGHT.replace("3.003", "3")
WORSE = HALF_RIGHT.replace("return 2 * dout", "return 2.5 * dout")
SUITE = ["check", "some.py", "--input", "x=3", "--baseline", "known.json"]
KNOWN = {"version": 1, "known": {"some.py:g": ["GC101 x"], "some.py:h": ["GC101 x"]}}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "some.py").write_text(HALF_RIGHT)
    return tmp_path


@pytest.fixture
def known(folder):
    (folder / "known.json").write_text(json.dumps(KNOWN))
    return folder


def test_the_baseline_holds_what_fails_now_and_lets_it_pass(invoke, folder):
    assert invoke(*SUITE, "--update-baseline").exit_code == 0
    assert json.loads((folder / "known.json").read_text()) == KNOWN
    result = invoke(*SUITE, "--report", "junit=junit.xml")
    assert result.exit_code == 0
    assert "known: known.json lists all of it, so that it does not count" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("3 checks: 1 passed, 2 known to fail; ")
    root = ElementTree.parse(folder / "junit.xml").getroot()
    suite = root.find("testsuite")
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "2")


def test_what_the_baseline_does_not_know_fails(invoke, known):
    (known / "some.py").write_text(WORSE)
    result = invoke(*SUITE)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].startswith("3 checks: 0 passed, 1 FAILED, 2 known to fail; ")


def test_another_gradient_of_a_known_check_fails(invoke, known):
    (known / "known.json").write_text(json.dumps(KNOWN).replace("GC101 x", "GC101 w"))
    assert invoke(*SUITE).exit_code == 1


def test_a_cured_failure_has_to_leave_the_baseline(invoke, known):
    (known / "some.py").write_text(CURED)
    result = invoke(*SUITE)
    assert result.exit_code == 1
    message = "some.py:g: no longer wrong, but still in known.json: GC101 x; run --update-baseline"
    assert result.stderr == f"gradcli: error: {message}\n"
    assert invoke(*SUITE, "--update-baseline").exit_code == 0
    assert list(json.loads((known / "known.json").read_text())["known"]) == ["some.py:h"]
    assert invoke(*SUITE).exit_code == 0


def test_what_did_not_run_stays_in_the_baseline(invoke, known):
    (known / "some.py").write_text(CURED)
    assert invoke(*SUITE, "-k", "some.py:h", "--update-baseline").exit_code == 0
    assert json.loads((known / "known.json").read_text()) == KNOWN


RENAMED = HALF_RIGHT.replace("g_", "k_")


def test_a_check_that_is_gone_is_said_and_leaves_the_baseline(invoke, known):
    (known / "some.py").write_text(RENAMED.replace("3.003", "3"))
    result = invoke(*SUITE)
    assert result.exit_code == 0
    assert result.stderr == (
        "gradcli: known.json lists what is no check of this run: some.py:g; run --update-baseline\n"
    )
    result = invoke(*SUITE, "--update-baseline")
    assert result.stderr == "gradcli: no longer in known.json, for there are no such checks: some.py:g\n"
    assert list(json.loads((known / "known.json").read_text())["known"]) == ["some.py:h"]
    assert (invoke(*SUITE).exit_code, invoke(*SUITE).stderr) == (0, "")


@pytest.mark.parametrize("words", [["-k", "h"], ["-x"], ["--lf"], ["-k", "h", "--update-baseline"]])
def test_a_run_of_some_checks_says_nothing_of_those_that_are_gone(words, invoke, known):
    (known / "some.py").write_text(RENAMED)
    result = invoke(*SUITE, *words)
    assert "no check of this run" not in result.stderr
    assert "no such checks" not in result.stderr
    assert "some.py:g" in json.loads((known / "known.json").read_text())["known"]


def test_the_checks_of_a_file_that_cannot_be_opened_are_not_gone(invoke, known):
    (known / "some.py").write_text("import nowhere\n")
    result = invoke(*SUITE, "--update-baseline")
    assert result.exit_code == 2
    assert "no such checks" not in result.stderr
    assert json.loads((known / "known.json").read_text()) == KNOWN


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "known.json: no such baseline; --update-baseline writes one"),
        ("{", "known.json: is not JSON: "),
        (
            '{"version": 1, "version": 1, "known": {}}',
            "known.json: is not JSON: 'version' stands in it twice",
        ),
        ('{"version": 2, "known": {}}', "known.json: is no baseline of this gradcli; expected {"),
        ("[]", "known.json: is no baseline of this gradcli; expected {"),
        ('{"version": 1, "known": []}', "known.json: 'known' must be an object; expected {"),
        ('{"version": 1, "known": {"a": []}}', "known.json: 'a' must have a list of findings"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused(text, message, invoke, folder):
    if text is not None:
        (folder / "known.json").write_text(text)
    result = invoke(*SUITE)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"gradcli: error: {message}")


def test_update_needs_a_file(invoke):
    result = invoke("check", "relu", "--update-baseline")
    assert result.exit_code == 2
    assert "--update-baseline: say which file: --baseline FILE.json" in result.stderr


def ids(result):
    return [
        line.split("  ")[1].partition(": ")[0] for line in result.stdout.splitlines() if ", seed 0" in line
    ]


def test_lf_runs_what_did_not_pass_last_time(invoke, folder):
    run = ["check", "some.py", "relu"]
    invoke(*run)
    again = invoke(*run, "--lf")
    assert list(dict.fromkeys(ids(again))) == ["some.py:g", "some.py:h"]
    (folder / "some.py").write_text(CURED)
    invoke(*run, "--lf")
    last = invoke(*run, "--lf")
    assert (last.exit_code, ids(last)) == (1, ["some.py:h"])
    assert {path.name for path in (folder / ".gradcli").iterdir()} > {".gitignore", "CACHEDIR.TAG"}


def test_lf_runs_all_where_nothing_is_known_to_have_failed(invoke, folder):
    result = invoke("check", "relu", "tanh", "--lf")
    assert (result.exit_code, len(ids(result))) == (0, 2)
    assert result.stderr == "gradcli: --lf: none of these checks is known to have failed; all are run\n"
    assert not (folder / ".gradcli").exists()
    (folder / ".gradcli").mkdir()
    (folder / ".gradcli" / "last-failed.json").write_text('{"not": "ours"')
    assert invoke("check", "relu", "--lf").exit_code == 0
