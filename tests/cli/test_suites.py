"""Many checks in one run: which of them, how far, and what is said at the end."""

import json

import pytest

# Each function is checked on its own; two are wrong, one worse than the other.
HALF_RIGHT = """\
def f_forward(x): return 2 * x, None
def f_backward(dout, cache): return 2 * dout
def g_forward(x): return 3 * x, None
def g_backward(dout, cache): return 3.003 * dout
def h_forward(x): return 5 * x, None
def h_backward(dout, cache): return 6 * dout
"""
X = ["--input", "x=3"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "some.py").write_text(HALF_RIGHT)
    (tmp_path / "late.py").write_text(f"open('imported', 'w').close()\n{HALF_RIGHT}")
    return tmp_path


def test_collect_only_lists_ids_that_can_be_pasted_back(invoke, folder):
    listed = invoke("check", "some.py", "relu", "--collect-only")
    assert (listed.exit_code, listed.stdout.splitlines()) == (
        0,
        ["some.py:f", "some.py:g", "some.py:h", "relu[batch=2,features=3]"],
    )
    pasted = invoke("check", "some.py", "relu", "-k", "relu[batch=2,features=3]")
    assert pasted.stdout.splitlines()[-1].startswith("PASS  relu[batch=2,features=3]: ")
    pasted = invoke("check", "some.py", "relu", "-k", "some.py:g")
    assert "FAIL  some.py:g: 1 of 1 gradient wrong" in pasted.stdout


def test_an_id_that_is_no_expression_is_one_to_paste_too(invoke, folder):
    ids = ["a (", "not", "two words", "x and y"]
    checks = "".join(f"  - {{id: '{id}', target: relu}}\n" for id in ids)
    (folder / "ids.yaml").write_text(f"version: 1\nchecks:\n{checks}")
    for id in ids:
        listed = invoke("check", "ids.yaml", "-k", id, "--collect-only")
        assert (listed.exit_code, listed.stdout) == (0, f"{id}\n")


def test_collect_only_says_what_it_cannot_list(invoke, folder):
    listed = invoke("check", "lost.py", "relu", "--collect-only")
    assert (listed.exit_code, listed.stdout) == (2, "relu[batch=2,features=3]\n")
    assert listed.stderr == "gradcli: error: lost.py: no such file; did you mean 'late.py'?\n"


@pytest.mark.parametrize(("words", "done"), [(["-x"], 2), (["--maxfail", "1"], 2), (["--maxfail", "2"], 3)])
def test_the_run_stops_after_so_many_failures_and_opens_nothing_more(words, done, invoke, folder):
    stopped = invoke("check", "some.py", "late.py", *X, *words)
    assert stopped.exit_code == 1
    assert stopped.stdout.count("re-run: ") == done - 1
    left = 4 - done
    assert f", {left} not run; " in stopped.stdout.splitlines()[-1]
    assert not (folder / "imported").exists()


def test_the_failures_of_a_suite_are_repeated_at_its_end_worst_first(invoke, folder):
    lines = invoke("check", "some.py", "relu").stdout.splitlines()[-3:]
    assert [line.partition(": ")[0] for line in lines] == ["FAIL  some.py:h", "FAIL  some.py:g", "4 checks"]


def test_the_slowest_are_named_on_request(invoke, folder):
    lines = invoke("check", "relu", "tanh", "mse", "--durations", 2).stdout.splitlines()[-3:]
    assert [" s  " in line for line in lines] == [True, True, False]
    times = [float(line.split(" s  ")[0]) for line in lines[:2]]
    assert times == sorted(times, reverse=True)


def test_an_id_that_a_file_brings_a_second_time_is_refused(invoke, folder):
    result = invoke("check", "some.py:f", "some.py", *X)
    assert result.exit_code == 2
    assert result.stderr == "gradcli: error: two checks have the id 'some.py:f'; an id names one check\n"


FOLDER = {
    "src/net.yaml": "version: 1\nchecks:\n  - {id: named, target: layers/named.py:f, inputs: {x: [3]}}\n",
    "src/layers/named.py": "def f_forward(x): return 2 * x, None\ndef f_backward(dout, c): return 2 * dout\n",
    "src/layers/cost.py": "def loss(w):\n    dw = w.copy()\n    return (w**2).sum() / 2, dw\n",
    "src/layers/plain.py": "def add(a, b): return a + b\n",
    "src/script.py": "raise SystemExit('not for import')\n",
    "src/test_layers.py": "def backward(): raise RuntimeError\n",
    "src/setup.py": "def backward(): raise RuntimeError\n",
    "src/env/pyvenv.cfg": "",
    "src/env/lib/layers.py": "def backward(): raise RuntimeError\n",
    "src/.git/layers.py": "def backward(): raise RuntimeError\n",
    "src/trainer.py": "gradients = []\n",
}


def test_a_folder_is_its_configs_and_the_python_files_with_a_gradient(invoke, tmp_path):
    for name, text in FOLDER.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    listed = invoke("check", "src", "--collect-only")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert listed.stdout.splitlines() == ["named", "src/layers/cost.py:loss"]
    assert invoke("check", "src", "-q").stdout.startswith("2 checks: 2 passed; ")


def test_a_folder_without_any_gradient_is_nothing_to_check(invoke, tmp_path):
    (tmp_path / "trainer.py").write_text(FOLDER["src/trainer.py"])
    result = invoke("check", tmp_path)
    assert (result.exit_code, result.stdout) == (5, "")
    message = "nothing to check: the files hold no gradient that is written by hand"
    assert result.stderr == f"gradcli: error: {message}\n"


HALF = "def f_backward(dout, cache): return dout\n"
PASSED_OVER = "half.py:1: f_backward has no f_forward: left out\n"


@pytest.mark.parametrize("words", [[], ["--isolate"], ["-j", "2"], ["-k", "py"], ["--collect-only"]])
def test_half_a_pair_in_a_folder_is_left_out_and_said(words, invoke, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "half.py").write_text(HALF)
    alone = invoke("check", ".", *words)
    assert alone.exit_code == 5
    assert alone.stderr.startswith(f"gradcli: {PASSED_OVER}")
    (tmp_path / "whole.py").write_text(FOLDER["src/layers/named.py"])
    beside = invoke("check", ".", *words)
    assert (beside.exit_code, beside.stderr) == (0, f"gradcli: {PASSED_OVER}")
    assert invoke("check", "half.py").exit_code == 2


def test_a_misspelt_half_in_a_folder_is_no_half_to_leave_out(invoke, tmp_path):
    (tmp_path / "half.py").write_text(
        "def scale_backward(dout, cache): return dout\ndef scale_forwad(x): return x, None\n"
    )
    assert invoke("check", tmp_path).exit_code == 2


def test_a_file_of_a_folder_that_cannot_be_imported_is_not_skipped(invoke, tmp_path):
    (tmp_path / "layers.py").write_text("import nowhere\ndef f_backward(dout, cache): return dout\n")
    assert invoke("check", tmp_path).exit_code == 2


def test_the_id_of_a_layer_can_be_pasted_back_as_a_target(invoke):
    for options in ((), ("--batch", "2", "--eps", "0.01")):
        asked = invoke("check", "batchnorm", *options, "--report", "json=-")
        (check,) = json.loads(asked.stdout)["checks"]
        pasted = invoke("check", check["id"], "--report", "json=-")
        (again,) = json.loads(pasted.stdout)["checks"]
        assert again | {"seconds": 0} == check | {"seconds": 0}
    wrong = invoke("check", "batchnorm[batch=x,size=1]", "layer.py:f[n=2]")
    assert wrong.exit_code == 2
    assert "batchnorm: batch must be an integer, got 'x'" in wrong.stderr
    assert "batchnorm has no option --size; it has --batch, --features, --eps" in wrong.stderr
    other = invoke("check", "layer.py:f[n=2]")
    assert "the id of a check goes after -k, beside its file or config" in other.stderr
