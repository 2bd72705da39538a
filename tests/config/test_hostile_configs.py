"""Configs as nobody should write them: one clear message with its place, exit code 2, and no traceback."""

import os

import pytest

from gradcli.cli import main

CODE = """\
def sq_forward(x):
    return x**2, x


def sq_backward(dout, x):
    return dout * 2 * x
"""

HEAD = "version: 1\n"

REFUSED = {
    "top_list": (
        "- target: batchnorm\n",
        "net.yaml:1:1: must be a mapping with 'version' and 'checks', got a list",
    ),
    "checks_nested": (
        HEAD + "checks: [[{target: batchnorm}]]\n",
        "net.yaml:2:10: checks[0]: must be a mapping with a 'target', got a list",
    ),
    "check_near": (
        HEAD + "check: [{target: batchnorm}]\n",
        "2 mistakes:\nnet.yaml:1:1: checks: is missing; list what to check, such as '- target: batchnorm'\nnet.yaml:2:1: check: unknown key; did you mean 'checks'?",
    ),
    "target_int": (
        HEAD + "checks: [{target: 5}]\n",
        "net.yaml:2:19: checks[0].target: must be text, got 5; put it in quotes",
    ),
    "target_null": (
        HEAD + "checks: [{target: }]\n",
        "net.yaml:2:19: checks[0].target: must be text, got nothing",
    ),
    "target_empty": (HEAD + 'checks: [{target: ""}]\n', "net.yaml:2:19: checks[0].target: must not be empty"),
    "target_missing_file": (
        HEAD + "checks: [{target: nope.py}]\n",
        "net.yaml:2:19: checks[0].target: nope.py does not exist (looked for {folder}/nope.py)",
    ),
    "target_missing_symbol": (
        HEAD + 'checks: [{target: "lay.py:sqq"}]\n',
        "net.yaml:2:10: lay.py: no 'sqq'; did you mean 'sq'? It has: sq",
    ),
    "target_missing_module": (
        HEAD + 'checks: [{target: "nomod.x:sq"}]\n',
        "net.yaml:2:10: nomod.x: no such module, neither here nor in the Python path",
    ),
    "target_dir": (
        HEAD + 'checks: [{target: "."}]\n',
        "net.yaml:2:19: checks[0].target: '.' is not Python; give several configs to gradcli check instead",
    ),
    "target_yaml": (
        HEAD + "checks: [{target: other.yaml}]\n",
        "net.yaml:2:19: checks[0].target: 'other.yaml' is not Python; give several configs to gradcli check instead",
    ),
    "target_colon": (
        HEAD + 'checks: [{target: "lay.py:"}]\n',
        "net.yaml:2:19: checks[0].target: 'lay.py:' names nothing behind the colon; write lay.py:NAME",
    ),
    "target_nul": (
        HEAD + 'checks: [{target: "lay\\0.py"}]\n',
        "net.yaml:2:19: checks[0].target: must be at most 1000 printable characters, got 'lay\\x00.py'",
    ),
    "zero_batch": (
        HEAD + "checks: [{target: batchnorm, batch: 0}]\n",
        "net.yaml:2:37: checks[0].batch: must be at least 1, got 0",
    ),
    "bool_batch": (
        HEAD + "checks: [{target: batchnorm, batch: yes}]\n",
        "net.yaml:2:37: checks[0].batch: must be an integer, got 'yes'",
    ),
    "huge_batch": (
        HEAD + "checks: [{target: batchnorm, batch: 999999999999999999999}]\n",
        "net.yaml:2:10: input x: shape 999999999999999999999x3 needs 2.24e+13 GiB; more than 4 GiB is refused",
    ),
    "huge_shape": (
        HEAD + 'checks: [{target: "lay.py:sq", inputs: {x: {shape: [1000000, 1000000]}}}]\n',
        "net.yaml:2:10: input x: shape 1000000x1000000 needs 7.45e+03 GiB; more than 4 GiB is refused",
    ),
    "nan_eps": (
        HEAD + "checks: [{target: batchnorm, eps: .nan}]\n",
        "net.yaml:2:35: checks[0].eps: must be a finite number, got .nan",
    ),
    "inf_eps": (
        HEAD + "checks: [{target: batchnorm, eps: .inf}]\n",
        "net.yaml:2:35: checks[0].eps: must be a finite number, got .inf",
    ),
    "neg_tol": (
        HEAD + "checks: [{target: batchnorm, tol: -1e-3}]\n",
        "net.yaml:2:35: checks[0].tol: must be at least 0, got -1e-3",
    ),
    "str_tol": (
        HEAD + 'checks: [{target: batchnorm, tol: "1e-7"}]\n',
        "net.yaml:2:35: checks[0].tol: must be a number, got '1e-7' in quotes; remove the quotes",
    ),
    "huge_seed": (
        HEAD + "checks: [{target: batchnorm, seed: 1e400}]\n",
        "net.yaml:2:36: checks[0].seed: must be an integer, got 1e400",
    ),
    "bigint": (
        HEAD + "checks: [{target: batchnorm, seed: " + "9" * 5000 + "}]\n",
        "net.yaml:2:36: checks[0].seed: must be an integer, got '999999999999999999999999999999999999999999999999999999999'...",
    ),
    "dup_key": (
        HEAD + "checks: [{target: batchnorm, eps: 1, eps: 2}]\n",
        "net.yaml:2:38: the key 'eps' is already on line 2",
    ),
    "tab_indent": (
        HEAD + "checks:\n\t- target: batchnorm\n",
        "net.yaml:3:1: not valid YAML: a tab where YAML wants spaces",
    ),
    "unclosed_quote": (
        HEAD + 'checks: [{target: "batchnorm}]\n',
        "net.yaml:2:19: not valid YAML: the quote that begins here is never closed",
    ),
    "two_docs": (
        HEAD + "checks: [{target: batchnorm}]\n---\nversion: 1\nchecks: []\n",
        "net.yaml:3:1: a second document begins here; a config is one document",
    ),
    "bad_alias": (
        HEAD + "checks: [*nothing]\n",
        "net.yaml:2:10: the alias '*nothing' has no anchor '&nothing' before it",
    ),
    "self_alias": (HEAD + "checks: &a [*a]\n", "net.yaml:2:13: the alias '*a' stands inside its own anchor"),
    "merge": (
        HEAD + "base: &b {target: batchnorm}\nchecks: [{<<: *b}]\n",
        "net.yaml:2:1: base: unknown key; expected version, defaults, checks",
    ),
    "tag_python": (
        HEAD + 'checks: [!!python/object/apply:os.system ["echo hi"]]\n',
        "net.yaml:2:10: the tag '!!python/object/apply:os.system' is not supported; leave it out",
    ),
    "tag_own": (
        HEAD + "checks: [{target: !foo batchnorm}]\n",
        "net.yaml:2:19: the tag '!foo' is not supported; leave it out",
    ),
    "unk_default": (
        HEAD + "defaults: {sead: 0}\nchecks: [{target: batchnorm}]\n",
        "net.yaml:2:12: defaults.sead: unknown key; did you mean 'seed'?",
    ),
    "default_target": (
        HEAD + "defaults: {target: batchnorm}\nchecks: [{batch: 2}]\n",
        "2 mistakes:\nnet.yaml:2:12: defaults.target: unknown key; expected seed, dtype, tol, method, step, elements, budget, blame, nodes\nnet.yaml:3:10: checks[0].target: is missing; name a layer, or a file: layers.py:batchnorm",
    ),
    "key_list": (
        HEAD + "checks: [{target: batchnorm, [a, b]: 4}]\n",
        "net.yaml:2:30: a key must be text, got a list",
    ),
    "key_null": (
        HEAD + "checks: [{target: batchnorm, ~: 4}]\n",
        "net.yaml:2:30: a key must be text, got nothing",
    ),
    "unicode_key": (
        HEAD + 'checks: [{target: batchnorm, "bätch": 4, "e\\u202eps": 1}]\n',
        "2 mistakes:\nnet.yaml:2:30: checks[0].bätch: unknown key; did you mean 'batch'?\nnet.yaml:2:42: checks[0]['e\\u202eps']: unknown key; did you mean 'eps'?",
    ),
    "ansi": (
        HEAD + 'checks: [{target: "\\e[31mred"}]\n',
        "net.yaml:2:19: checks[0].target: must be at most 1000 printable characters, got '\\x1b[31mred'",
    ),
    "matrix_scalar_val": (
        HEAD + "checks: [{target: batchnorm, matrix: {batch: 2}}]\n",
        "net.yaml:2:46: checks[0].matrix.batch: must be a list of values, got 2",
    ),
    "matrix_conflict": (
        HEAD + "checks: [{target: batchnorm, batch: 2, matrix: {batch: [2, 3]}}]\n",
        "net.yaml:2:49: checks[0].matrix.batch: is also a key of the check itself, on line 2",
    ),
    "matrix_dup": (
        HEAD + "checks: [{target: batchnorm, matrix: {batch: [2, 2]}}]\n",
        "net.yaml:2:50: checks[0].matrix.batch[1]: 2 is in the list already",
    ),
    "inputs_list": (
        HEAD + 'checks: [{target: "lay.py:sq", inputs: [x]}]\n',
        "net.yaml:2:40: checks[0].inputs: must be a mapping of names to shapes, or an .npz file, got a list",
    ),
    "inputs_wrongname": (
        HEAD + 'checks: [{target: "lay.py:sq", inputs: {xx: {shape: [2]}}}]\n',
        "net.yaml:2:10: lay.py:sq: forward has no argument 'xx'; did you mean 'x'? Its arguments: x",
    ),
    "inputs_noshape": (
        HEAD + 'checks: [{target: "lay.py:sq", inputs: {x: {scale: 2}}}]\n',
        "net.yaml:2:44: checks[0].inputs.x: has no 'shape'",
    ),
    "shape_neg": (
        HEAD + 'checks: [{target: "lay.py:sq", inputs: {x: {shape: [-2]}}}]\n',
        "net.yaml:2:53: checks[0].inputs.x.shape: must be a length, 0 or more, got -2",
    ),
    "scale_nan": (
        HEAD + 'checks: [{target: "lay.py:sq", inputs: {x: {shape: [2], scale: .nan}}}]\n',
        "net.yaml:2:64: checks[0].inputs.x.scale: must be a finite number, got .nan",
    ),
    "dtype_bad": (
        HEAD + 'checks: [{target: "lay.py:sq", dtype: float46, inputs: {x: {shape: [2]}}}]\n',
        "net.yaml:2:39: checks[0].dtype: must be one of float64, float32, float16, got 'float46'; did you mean 'float64'?",
    ),
    "method_bad": (
        HEAD + "checks: [{target: batchnorm, method: centrl}]\n",
        "net.yaml:2:38: checks[0].method: must be one of auto, linear, complex, central, got 'centrl'; did you mean 'central'?",
    ),
    "elements_bad": (
        HEAD + "checks: [{target: batchnorm, elements: -3}]\n",
        "net.yaml:2:40: checks[0].elements: must be one of auto, all, probe or at least 1, got -3",
    ),
    "budget_zero": (
        HEAD + "checks: [{target: batchnorm, budget: 0}]\n",
        "net.yaml:2:38: checks[0].budget: must be greater than 0, got 0",
    ),
    "id_newline": (
        HEAD + 'checks: [{id: "a\\nb", target: batchnorm}]\n',
        "net.yaml:2:15: checks[0].id: must be at most 1000 printable characters, got 'a\\nb'",
    ),
    "xfail_bool": (
        HEAD + "checks: [{target: batchnorm, xfail: true}]\n",
        "net.yaml:2:37: checks[0].xfail: must be a reason, or a mapping with 'reason' and 'until', got true",
    ),
    "xfail_date2": (
        HEAD + "checks: [{target: batchnorm, xfail: {reason: a, until: 2027-13-45}}]\n",
        "net.yaml:2:37: checks[0].xfail: until must be a date such as 2027-01-31, got '2027-13-45'",
    ),
    "scale_unknown": (
        HEAD + 'checks: [{target: "lay.py:sq", inputs: {x: {shape: [2]}}, scale: {y: 2}}]\n',
        "net.yaml:2:10: scale: lay.py:sq has no input 'y'; it has x",
    ),
    "scale_expr": (
        HEAD
        + 'checks: [{target: "lay.py:sq", inputs: {x: {shape: [2]}}, scale: {x: "__import__(\'os\')"}}]\n',
        "net.yaml:2:66: checks[0].scale: must be a number, a name, a length (x.shape[0], len(x), x.size), + - * / and sqrt; got \"__import__('os')\"",
    ),
    "scale_zero": (
        HEAD + 'checks: [{target: "lay.py:sq", inputs: {x: {shape: [2]}}, scale: {x: 1/0}}]\n',
        "net.yaml:2:10: scale: 1/0 divides by 0",
    ),
    "sign_2": (
        HEAD + "checks: [{target: batchnorm, sign: 2}]\n",
        "net.yaml:2:36: checks[0].sign: must be -1 (or 1), got 2",
    ),
    "stop_unknown": (
        HEAD + "checks: [{target: batchnorm, stop_gradient: [zz]}]\n",
        "net.yaml:2:10: stop_gradient: batchnorm has no input 'zz', and forward assigns no such variable; there are x, gamma, beta, mu, var, x_hat, y",
    ),
    "conflict_decl": (
        HEAD + "checks: [{target: batchnorm, stop_gradient: [x], nograd: [x]}]\n",
        "net.yaml:2:10: checks[0]: stop_gradient: x is declared nograd too, and only one of the two can hold: what is constant has no gradient",
    ),
    "constants_unknown": (
        HEAD + 'checks: [{target: "lay.py:sq", constants: {zz: 1}, inputs: {x: {shape: [2]}}}]\n',
        "net.yaml:2:10: lay.py:sq: forward has no argument 'zz'. Its arguments: x",
    ),
    "null": ("~\n", "net.yaml:1:1: must be a mapping with 'version' and 'checks', got nothing"),
    "num_under": (
        HEAD + "checks: [{target: batchnorm, batch: 1_000}]\n",
        "net.yaml:2:37: checks[0].batch: must be an integer, got '1_000'",
    ),
    "sexa": (
        HEAD + "checks: [{target: batchnorm, batch: 1:30}]\n",
        "net.yaml:2:37: checks[0].batch: must be an integer, got '1:30'",
    ),
    "colon_missing": (
        "version 1\nchecks: [{target: batchnorm}]\n",
        "net.yaml:2:7: not valid YAML: unexpected ':'; check the indentation, or put the value in quotes",
    ),
    "order3": (
        HEAD + "checks: [{target: batchnorm, order: 3}]\n",
        "net.yaml:2:30: checks[0].order: is for code in a file; a layer has one order",
    ),
}

BYTES = {
    "binary": (
        bytes(range(1, 256)),
        "net.yaml:2:118: byte 0x80 is not UTF-8: not a text file, or saved in another encoding?",
    ),
    "packed": (
        b"\x1f\x8b\x08\x00",
        "net.yaml:1:2: byte 0x8b is not UTF-8: not a text file, or saved in another encoding?",
    ),
    "another encoding": (
        b"version: 1\n# caf\xe9\n",
        "net.yaml:2:6: byte 0xe9 is not UTF-8: not a text file, or saved in another encoding?",
    ),
    "blank": (b"\n  \n", "net.yaml:1:1: is empty; a config has 'version: 1' and a list 'checks'"),
    "a byte order mark": (
        b"\xef\xbb\xbfversion: 1\nchecks: [{target: relv}]\n",
        "net.yaml:2:19: checks[0].target: unknown layer 'relv'; did you mean 'relu'?",
    ),
    "UTF-16": (
        "version: 1\nchecks: [{target: relv}]\n".encode("utf-16"),
        "net.yaml:2:19: checks[0].target: unknown layer 'relv'; did you mean 'relu'?",
    ),
    "lines ended as on old machines": (
        b"version: 1\rchecks:\r  - target: relv\r",
        "net.yaml:3:13: checks[0].target: unknown layer 'relv'; did you mean 'relu'?",
    ),
}


@pytest.fixture
def refusal(tmp_path, monkeypatch, capsys):
    """Check net.yaml with the given content; the message, its folder left out, after exit code 2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lay.py").write_text(CODE)

    def check(content):
        if content is not None:
            (tmp_path / "net.yaml").write_bytes(content)
        assert main(["check", "net.yaml"]) == 2
        out, error = capsys.readouterr()
        assert out == ""
        assert error.startswith("gradcli: error: ")
        return error.removeprefix("gradcli: error: ").rstrip("\n").replace(str(tmp_path), "{folder}")

    return check


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_a_mistake_is_told_with_its_place(content, message, refusal):
    assert refusal(content.encode()) == message


@pytest.mark.parametrize(("content", "message"), BYTES.values(), ids=BYTES)
def test_bytes_that_are_no_config_are_told_with_their_place(content, message, refusal):
    assert refusal(content) == message


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
@pytest.mark.parametrize(
    ("leads_to", "message"),
    [
        ("net.yaml", "net.yaml: cannot be read: Too many levels of symbolic links"),
        ("gone.yaml", "net.yaml: does not exist"),
    ],
)
def test_a_link_that_leads_nowhere_is_told(leads_to, message, refusal, tmp_path):
    (tmp_path / "net.yaml").symlink_to(leads_to)
    assert refusal(None) == message


def test_a_tolerance_above_what_must_be_noticed_is_the_reason_that_is_given(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(HEAD + "checks: [{target: tanh, tol: 5}]\n")
    assert main(["check", "net.yaml"]) == 4
    assert "\nx: tol is above 0.01, too wide to tell\n" in capsys.readouterr().out
