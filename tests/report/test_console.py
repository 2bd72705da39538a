"""What a report says, and that no width, name or encoding makes it say less."""

import io

import numpy as np
import pytest
from rich.console import Console

from gradcli.report.console import CheckReport, captured_lines
from gradcli.report.tally import Tally
from gradcli.result import FAIL, INCONCLUSIVE, PASS, Blame, CheckResult, Gradient, Violation


def gradient(name="x", verdict=PASS, **changes):
    """A gradient of shape 2x3 whose element (1, 2) decided."""
    shape = changes.pop("shape", (2, 3))
    at = tuple(length - 1 for length in shape)
    values = {"analytic": 0.25, "numeric": 0.25, "uncertainty": 1e-15} | {
        key: changes.pop(key) for key in ("analytic", "numeric", "uncertainty") if key in changes
    }
    arrays = {key: np.full(shape, value) for key, value in values.items()}
    fields = {
        "tol": 1e-7,
        "worst_index": at,
        "relative_error": 3.2e-12,
        "method": "central",
        "evaluations": 24,
        "compared": int(np.prod(shape)),
    }
    return Gradient(name=name, verdict=verdict, **arrays, **(fields | changes))


def result(*gradients, verdict=PASS, **changes):
    fields = {"id": "demo", "target": "demo", "rerun": "gradcli check demo --seed 0"}
    return CheckResult(verdict=verdict, gradients={g.name: g for g in gradients}, **(fields | changes))


def wrong(**changes):
    return gradient(verdict=FAIL, numeric=0.2500250, relative_error=1.0e-4, **changes)


def printed(renderable, width=80, encoding="utf-8", color=None):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(
        file=stream,
        width=width,
        color_system=color,
        force_terminal=color is not None,
        markup=False,
        emoji=False,
    )
    console.print(renderable, soft_wrap=True)
    stream.flush()
    return "\n".join(line.rstrip() for line in stream.buffer.getvalue().decode(encoding).splitlines())


def test_at_80_columns_six_columns_show_the_number_that_decided():
    small = {"analytic": -1.26804e-5, "numeric": -1.26804e-5, "uncertainty": 3.6e-15}
    report = CheckReport(result(gradient(**small), gradient("gamma", shape=(3,))))
    assert (
        printed(report)
        == """\
                                                   analytic
verdict  gradient  shape  compared  worst error    numeric
─────────────────────────────────────────────────────────────────────────
pass     x         2x3    6 of 6    3.2e-12 @ 1,2  -1.26804e-05
                                                   -1.26804e-05 ± 3.6e-15
pass     gamma     3      3 of 3    3.2e-12 @ 2    0.250000
                                                   0.250000 ± 1.0e-15
PASS  demo: 2 gradients, 9 of 9 elements compared, seed 0"""
    )


def test_at_120_columns_there_is_room_for_method_evaluations_and_note():
    report = CheckReport(result(gradient(note="1 kink", at_kink=1)))
    assert (
        printed(report, width=120)
        == """\
verdict  gradient  shape  compared  worst error    analytic  numeric             allowed  method   evaluations  note
──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
pass     x         2x3    6 of 6    3.2e-12 @ 1,2  0.250000  0.250000 ± 1.0e-15  2.5e-08  central           24  1 kink
PASS  demo: 1 gradient, 6 of 6 elements compared, seed 0"""
    )


def test_a_note_without_room_for_a_column_gets_a_line():
    note = "ill-conditioned: the outputs lose eleven of their digits"
    lines = printed(CheckReport(result(gradient(note=note))), width=120).splitlines()
    assert lines[0].endswith("evaluations")
    assert lines[3] == f"x: {note}"


def test_a_failure_says_what_is_wrong_where_and_how_to_repeat_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    violations = (
        Violation("GC101", "the gradient of x is wrong", "x", str(tmp_path / "layers.py"), 12),
        Violation("GC201", "beta is zero everywhere", "beta"),
    )
    report = CheckReport(result(wrong(), gradient("beta"), verdict=FAIL, violations=violations))
    assert printed(report, width=100).splitlines()[2:] == [
        "FAIL     x         2x3    6 of 6    1.0e-04 @ 1,2  0.250000  0.250025 ± 1.0e-15",
        "pass     beta      2x3    6 of 6    3.2e-12 @ 1,2  0.250000  0.250000 ± 1.0e-15",
        "layers.py:12: GC101 x: the gradient of x is wrong",
        "warning GC201 beta: beta is zero everywhere",
        "FAIL  demo: 1 of 2 gradients wrong, 12 of 12 elements compared, seed 0",
        "re-run: gradcli check demo --seed 0",
    ]


@pytest.mark.parametrize(("error", "shown"), [(1e-4, "1.00010"), (1e-9, "1.0000000010")])
def test_a_wrong_gradient_shows_the_digit_that_differs(error, shown):
    report = CheckReport(
        result(gradient(verdict=FAIL, analytic=1 + error, numeric=1.0, relative_error=error))
    )
    assert shown in printed(report, width=120)


@pytest.mark.parametrize("width", [20, 40, 60, 79])
def test_no_width_hides_the_verdict_or_an_exponent(width):
    report = printed(CheckReport(result(wrong(analytic=1.5e-200, name="a_rather_long_name"))), width=width)
    assert "FAIL a_rather_long_name 2x3" in report or "FAIL     a_rather_long_name" in report
    assert "1.50000e-200" in report
    assert "…" not in report
    assert "demo" in report


def test_40_columns_make_a_list():
    assert (
        printed(CheckReport(result(gradient())), width=40)
        == """\
pass x 2x3
  compared: 6 of 6
  worst error: 3.2e-12 @ 1,2
  analytic: 0.250000
  numeric: 0.250000 ± 1.0e-15
PASS  demo: 1 gradient, 6 of 6 elements compared, seed 0"""
    )


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("name", ["layer[gamma]", "[red]", "x[/y]", ":smile:", "[bold]x[/bold]"])
def test_brackets_in_names_are_not_markup(name, width):
    report = CheckReport(result(gradient(name), id=f"{name}.py:{name}"))
    text = printed(report, width)
    assert name in text.splitlines()[-2 if width > 100 else 0] or name in text
    assert f"PASS  {name}.py:{name}: 1 gradient" in text


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_name_cannot_move_the_cursor_or_forge_a_line(width):
    evil = "x\x1b[2J\x1b]0;owned\x07\nPASS  demo\u202e"
    violation = Violation("GC108", f"raised {evil}", evil, f"/{evil}.py", 1)
    text = printed(
        CheckReport(
            result(
                gradient(evil, FAIL, note=evil), verdict=FAIL, id=evil, rerun=evil, violations=(violation,)
            )
        ),
        width,
    )
    assert not set(text) & {"\x1b", "\x07", "\u202e"}
    assert not any(line.startswith("PASS") for line in text.splitlines())
    assert "x\\x1b[2J" in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf"), (0.0, "0"), (1e308, "1.00000e+308")],
)
@pytest.mark.parametrize("width", [40, 80, 120])
def test_every_number_is_shown_even_if_it_is_none(value, shown, width):
    report = printed(
        CheckReport(result(gradient(verdict=FAIL, analytic=value, relative_error=np.nan))), width
    )
    assert f" {shown}" in report
    assert "nan @ 1,2" in report


def test_piped_output_has_no_colour_and_a_terminal_has():
    report = CheckReport(result(wrong(), verdict=FAIL))
    assert "\x1b" not in printed(report)
    assert "\x1b[1;31mFAIL" in printed(report, color="standard")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_without_unicode_gets_plain_lines_and_plus_minus(encoding):
    text = printed(CheckReport(result(gradient())), width=100, encoding=encoding)
    assert text.isascii()
    assert "0.250000 +/- 1.0e-15" in text
    assert "--------" in text


def test_probes_say_how_many_and_how_small_an_error_they_would_have_shown():
    probed = gradient(
        compared=0, probes=8, detectable=1.2e-9, method="probe", numeric=np.nan, shape=(1000, 100)
    )
    text = printed(CheckReport(result(probed)), width=100)
    assert "8 probes" in text
    assert "x: an error of 1.2e-09 in one element would show" in text
    assert text.endswith("PASS  demo: 1 gradient, 0 of 100000 elements compared, 8 probes, seed 0")


def test_a_gradient_that_could_not_be_compared_shows_no_invented_number():
    missing = gradient(
        verdict=FAIL, compared=0, analytic=np.nan, numeric=np.nan, relative_error=np.nan, note="missing"
    )
    row = printed(CheckReport(result(missing, verdict=FAIL)), width=120).splitlines()[2].split()
    assert row[:8] == ["FAIL", "x", "2x3", "0", "of", "6", "-", "nan"]
    assert row[-1] == "missing"


def test_a_scalar_and_an_empty_gradient_have_a_row():
    text = printed(
        CheckReport(result(gradient("loss", shape=()), gradient("none", shape=(0, 3), worst_index=()))), 100
    )
    assert "pass     loss      scalar  1 of 1    3.2e-12" in text
    assert "pass     none      0x3     0 of 0    -" in text


def test_verbose_adds_the_method_where_it_has_no_column_and_the_effort():
    checked = result(gradient(), seconds=0.126, evaluations=68, backward_evaluations=1)
    lines = printed(CheckReport(checked, verbose=True), width=80).splitlines()
    assert "x: method central, 24 evaluations, allowed 2.5e-08" in lines
    assert lines[-1] == "float64, 68 forwards, 1 backward, 0.13 s"


def test_the_lines_at_fault_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blame = Blame(
        "x",
        "var",
        str(tmp_path / "layers.py"),
        31,
        "dvar is 2.000 x the true value\nA factor 1/2 is missing.",
        source="dvar = 1. / std * dstd",
        downstream=("dsq (32)", "dx (34, 35)"),
    )
    other = Blame("gamma", "", str(tmp_path / "layers.py"), 40, "a sum is missing", source="return dgamma")
    checked = result(wrong(), verdict=FAIL, blame=blame, also=(other,))
    assert printed(CheckReport(checked), width=100).splitlines()[3:9] == [
        "layers.py:31: dvar is 2.000 x the true value",
        "    A factor 1/2 is missing.",
        "    31 │ dvar = 1. / std * dstd",
        "    wrong because of it: dsq (32), dx (34, 35)",
        "layers.py:40: a sum is missing",
        "    40 │ return dgamma",
    ]
    assert "    31 | dvar" in printed(CheckReport(checked), width=100, encoding="ascii")


def test_the_last_line_of_several_checks_counts_them_and_repeats_the_worst():
    checks = [
        result(gradient()),
        result(wrong(), verdict=FAIL, id="bad"),
        result(gradient(verdict=FAIL, relative_error=0.5, name="W"), verdict=FAIL, id="worse"),
        result(gradient(verdict=INCONCLUSIVE, relative_error=9.0), verdict=INCONCLUSIVE),
        result(verdict=INCONCLUSIVE, interrupted=True),
    ]
    assert printed(Tally(checks, not_run=1).summary(left=2)) == (
        "8 checks: 1 passed, 2 FAILED, 1 inconclusive, 1 interrupted, 1 could not run, 2 not run; "
        "4 gradients, 24 of 24 elements compared; worst: worse W, relative error 5.0e-01 @ 1,2"
    )


def test_nan_is_the_worst_of_all():
    checks = [result(wrong(), verdict=FAIL), result(gradient("n", FAIL, relative_error=np.nan), verdict=FAIL)]
    assert "worst: demo n, relative error nan @ 1,2" in printed(Tally(checks).summary())


def test_what_the_code_printed_is_marked_line_by_line():
    lines = [printed(line) for line in captured_lines("PASS  everything\n\x1b[31mred\n")]
    assert lines == ["| PASS  everything", "| \\x1b[31mred"]
