"""What is declared is excused exactly, said in the report, and an error when it does not hold."""

import datetime
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gradcli
from gradcli import declaring
from gradcli.declarations import KEYS, ExpectedFailure, plain, read
from gradcli.errors import UsageError
from gradcli.expression import number

RNG = np.random.default_rng(0)
X, W = RNG.standard_normal((4, 3)), RNG.standard_normal((3, 2))


def affine(x, W):
    return x @ W, (x, W)


def gradients(**factors):
    """A backward of `affine` whose gradients are so many times the right ones."""

    def backward(dout, cache):
        x, W = cache
        return {"x": factors.get("x", 1.0) * (dout @ W.T), "W": factors.get("W", 1.0) * (x.T @ dout)}

    return backward


def check(backward, **declared):
    return gradcli.check(affine, backward, {"x": X, "W": W}, blame=False, **declared)


def codes(result):
    return [violation.code for violation in result.violations if not violation.is_warning]


def refusal(**declared):
    with pytest.raises(UsageError) as caught:
        check(gradients(), **declared)
    return str(caught.value)


# --- scale and sign


@pytest.mark.parametrize(
    "scale", [{"W": 0.25}, {"W": np.float32(0.25)}, {"W": "1/4"}, {"W": "1/x.shape[0]"}, {"W": "1/len(x)"}]
)
def test_a_scaled_gradient_passes_as_declared_and_is_said(scale):
    result = check(gradients(W=0.25), scale=scale)
    assert result.passed
    (line,) = result.remarks
    assert line.startswith("declared: W is scaled by ")


def test_a_scale_is_exact_and_for_its_gradient_alone():
    assert check(gradients(W=0.25)).verdict == "fail"
    assert check(gradients(W=0.2500001), scale={"W": "1/4"}, tol=1e-9).verdict == "fail"
    assert check(gradients(x=0.25), scale={"W": "1/4"}).verdict == "fail"
    assert check(gradients(), scale={"W": "1/4"}).verdict == "fail"


def test_one_scale_is_for_all_gradients():
    result = check(gradients(x=0.5, W=0.5), scale="1/2")
    assert result.passed
    assert result.remarks == ("declared: x, W are scaled by 1/2",)
    assert np.allclose(result.gradients["W"].numeric, result.gradients["W"].analytic)  # what backward gave


@pytest.mark.parametrize(("sign", "factors"), [(-1, {"x": -1, "W": -1}), ({"W": -1}, {"W": -1})])
def test_a_negative_gradient_passes_as_declared(sign, factors):
    result = check(gradients(**factors), sign=sign)
    assert result.passed
    assert "negative of the derivative (sign: -1)" in result.remarks[0]
    assert check(gradients(), sign=sign).verdict == "fail"


def test_scale_and_sign_multiply():
    assert check(gradients(W=-0.25), scale={"W": 0.25}, sign={"W": -1}).passed


def test_a_kink_and_float32_are_judged_as_scaled():
    def relu(x):
        return np.maximum(x, 0), x

    x = np.array([[0.0, 1.0, -1.0], [2.0, 0.0, -3.0]], dtype=np.float32)
    right = gradcli.check(
        relu, lambda dout, x: (np.float32(0.5) * dout * (x > 0),), {"x": x}, scale={"x": 0.5}
    )
    assert right.passed
    wrong = gradcli.check(relu, lambda dout, x: (dout * (x > 0),), {"x": x}, scale={"x": 0.5})
    assert wrong.verdict == "fail"


# --- what has no gradient


def masked(x, mask):
    return x * mask, (x, mask)


MASKED = {"x": X, "mask": (X > 0).astype(float)}


@pytest.mark.parametrize(
    "returned",
    [lambda dx: dx, lambda dx: (dx,), lambda dx: (dx, None), lambda dx: {"x": dx}, lambda dx: (dx, 7 * dx)],
)
def test_an_input_without_gradient_is_not_compared(returned):
    result = gradcli.check(masked, lambda dout, cache: returned(dout * cache[1]), MASKED, nograd=["mask"])
    assert result.passed
    assert list(result.gradients) == ["x"]
    assert result.remarks == ("declared: mask not compared (nograd)",)


@pytest.mark.parametrize("dmask", [None, 0.0 * X])
def test_a_constant_may_have_no_gradient_or_zeros(dmask):
    result = gradcli.check(
        masked, lambda dout, cache: (dout * cache[1], dmask), MASKED, stop_gradient=["mask"]
    )
    assert result.passed
    assert result.remarks == ("declared: no gradient through mask, not compared (stop_gradient)",)


def test_a_constant_that_gets_a_gradient_is_an_error():
    result = gradcli.check(
        masked, lambda dout, cache: (dout * cache[1], dout * cache[0]), MASKED, stop_gradient="mask"
    )
    assert codes(result) == ["GC112"]
    assert "mask is declared stop_gradient, but backward gives it a gradient" in result.violations[0].message


# --- surrogates


def rounded(x, W):
    return np.sign(x) @ W, (x, W)


def straight_through(dout, cache):
    x, W = cache
    return dout @ W.T, np.sign(x).T @ dout


def test_a_surrogate_may_differ_and_is_reported_as_declared():
    result = gradcli.check(
        rounded,
        straight_through,
        {"x": X, "W": W},
        surrogate={"reason": "straight-through estimator", "gradients": ["x"]},
    )
    assert result.passed
    assert result.gradients["x"].verdict == "declared"
    assert result.gradients["x"].note == "surrogate: straight-through estimator"
    assert result.gradients["W"].verdict == "pass"


@pytest.mark.parametrize("levels", [1, 127, 1e4])
def test_a_quantiser_may_have_steps_of_any_size(levels):
    def quantised(x):
        return np.round(x * levels) / levels, None

    result = gradcli.check(quantised, lambda dout, cache: dout.copy(), {"x": X}, surrogate="straight-through")
    assert result.passed
    assert result.gradients["x"].verdict == "declared"
    assert not gradcli.check(quantised, lambda dout, cache: dout.copy(), {"x": X}, blame=False).passed


def test_a_surrogate_excuses_no_other_gradient():
    def wrong(dout, cache):
        dx, dW = straight_through(dout, cache)
        return dx, 2 * dW

    declared = {"reason": "straight-through estimator", "gradients": ["x"]}
    result = gradcli.check(rounded, wrong, {"x": X, "W": W}, surrogate=declared, blame=False)
    assert [name for name, g in result.gradients.items() if g.verdict == "fail"] == ["W"]


@pytest.mark.parametrize("surrogate", ["estimator", {"reason": "estimator", "gradients": ["x"]}])
def test_a_surrogate_that_stops_differing_is_an_error(surrogate):
    result = check(gradients(), surrogate=surrogate)
    assert result.verdict == "fail"
    assert set(codes(result)) == {"GC112"}
    assert "the gradient of x is declared a surrogate (estimator)" in result.violations[0].message


def test_no_surrogate_excuses_what_is_not_finite():
    result = check(gradients(x=np.nan), surrogate="estimator")
    assert "GC105" in codes(result)


# --- expected failures


def test_an_expected_failure_says_so_and_fails_no_test():
    result = check(gradients(W=2.0), xfail="issue 12")
    assert (result.verdict, result.expected) == ("fail", "issue 12")
    gradcli.assert_gradients(affine, gradients(W=2.0), {"x": X, "W": W}, xfail="issue 12")


def test_an_unexpected_pass_fails():
    result = check(gradients(), xfail="issue 12")
    assert (result.verdict, result.expected) == ("fail", None)
    assert codes(result) == ["GC112"]
    with pytest.raises(AssertionError, match=r"passes, and is declared xfail \(issue 12\)"):
        gradcli.assert_gradients(affine, gradients(), {"x": X, "W": W}, xfail="issue 12")


@pytest.mark.parametrize(
    ("today", "expected"), [("2027-01-31", "issue 12"), ("2027-02-01", None), ("2026-01-01", "issue 12")]
)
def test_an_expected_failure_expires_after_its_day(today, expected):
    declarations = read(xfail={"reason": "issue 12", "until": "2027-01-31"})
    failed = check(gradients(W=2.0))
    result = declaring.judged(declarations, failed, today=lambda: datetime.date.fromisoformat(today))
    assert (result.verdict, result.expected) == ("fail", expected)
    assert ("xfail expired after 2027-01-31: issue 12" in result.remarks) == (expected is None)


def test_after_its_day_a_pass_is_a_pass():
    declarations = read(xfail={"reason": "issue 12", "until": datetime.date(2020, 1, 1)})
    assert declaring.judged(declarations, check(gradients())).passed


def test_what_is_undecided_or_interrupted_stays_so():
    result = replace(check(gradients()), verdict="inconclusive")
    assert declaring.judged(read(xfail="why"), result).verdict == "inconclusive"
    stopped = replace(check(gradients()), interrupted=True)
    assert declaring.judged(read(xfail="why"), stopped).verdict == "pass"


# --- mistakes


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"scale": {"w": 2}}, "scale: affine has no input 'w'; did you mean 'W'?"),
        ({"nograd": ["gamma"]}, "nograd: affine has no input 'gamma'; it has x, W"),
        (
            {"nograd": ["W"], "scale": {"W": 2}},
            "nograd: W is declared scale too, and only one of the two can hold: "
            "what has no gradient is not compared",
        ),
        (
            {"surrogate": {"reason": "r", "gradients": ["x"]}, "stop_gradient": "x"},
            "stop_gradient: x is declared surrogate too, and only one of the two can hold: "
            "what is constant has no gradient",
        ),
        ({"scale": "1/k"}, "scale: 1/k: there is no number 'k' here; known are x.shape, W.shape"),
        (
            {"scale": "1/x"},
            "scale: 1/x: x is an array; of an array write x.shape[0]",
        ),
        ({"scale": 0}, "scale: 0 is 0, and 0 times any gradient is 0; declare nograd instead"),
        ({"scale": {"W": "1/0"}}, "scale: 1/0 divides by 0"),
        ({"scale": True}, "scale: must be a number or text such as 1/4 or 1/m, got True"),
        ({"scale": np.nan}, "scale: must be a number or text such as 1/4 or 1/m, got nan"),
        ({"sign": 2}, "sign: must be -1 (or 1), got 2"),
        ({"nograd": []}, "nograd: must be a list of inputs, such as [x], got []"),
        ({"surrogate": ""}, "surrogate: needs a reason, for whoever reads the report"),
        ({"xfail": {"until": "2027-01-31"}}, "xfail: needs a reason, for whoever reads the report"),
        (
            {"xfail": {"reason": "r", "until": "soon"}},
            "xfail: until must be a date such as 2027-01-31, got 'soon'",
        ),
        (
            {"xfail": {"reason": "r", "until": "2027-W05-1"}},
            "xfail: until must be a date such as 2027-01-31, got '2027-W05-1'",
        ),
        (
            {"xfail": {"reason": "r", "until": "2027-02-30"}},
            "xfail: until must be a date such as 2027-01-31, got '2027-02-30'",
        ),
        (
            {"xfail": {"reason": "r", "untill": "2027-01-31"}},
            "xfail: must be a reason, or a mapping with 'reason' and 'until', "
            "got {'reason': 'r', 'untill': '2027-01-31'}",
        ),
    ],
)
def test_a_mistake_in_a_declaration_is_named(declared, message):
    assert refusal(**declared) == message


def test_nothing_left_to_compare_is_refused():
    assert "no input has a gradient (x, W)" in refusal(nograd=["x", "W"])


@pytest.mark.parametrize(
    "text", ["__import__('os')", "m**9**9", "x.T", "(lambda: 1)()", "1 if m else 2", "", "a b", "x.shape[m]"]
)
def test_an_expression_is_read_and_never_executed(text):
    with pytest.raises(UsageError, match="must be a number, a name"):
        number(text, lambda name: 2.0)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/m", 0.25),
        ("-2", -2.0),
        ("1/sqrt(m)", 0.5),
        ("2*(m-1)/m", 1.5),
        ("x.size", 12.0),
        ("x.shape[-1]", 3.0),
    ],
)
def test_an_expression_knows_numbers_names_and_lengths(text, value):
    assert number(text, {"m": 4.0, "x": (4, 3)}.get) == value


def test_declarations_survive_json():
    declarations = read(
        scale={"W": "1/m"},
        sign=-1,
        nograd=["mask"],
        stop_gradient=["t"],
        surrogate={"reason": "r", "gradients": ["x"]},
        xfail={"reason": "r", "until": "2027-01-31"},
    )
    assert set(plain(declarations)) == set(KEYS)
    assert read(**plain(declarations)) == declarations
    assert declarations.xfail == ExpectedFailure("r", datetime.date(2027, 1, 31))


# --- in a file


LAYER = '''
def mean_forward(x, W, mask):
    """x (N, D), W (D, M), mask (N, M)"""
    return (x @ W) * mask, (x, W, mask)


def mean_backward(dout, cache):
    x, W, mask = cache
    m = x.shape[0]
    d = dout * mask
    return d @ W.T, x.T @ d / m
'''


@pytest.fixture
def layers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("layers.py").write_text(LAYER)


@pytest.mark.parametrize("scale", ["1/m", "1/N"])  # as the code says, and as the documentation does
def test_a_factor_may_use_names_of_the_code_at_every_case(layers, scale):
    result = gradcli.check_target("layers.py", nograd=["mask"], scale={"W": scale})
    assert result.passed
    assert len(result.cases) > 1  # in which m is another number
    assert f"declared: W is scaled by {scale} (0.25)" in result.remarks


def test_a_built_in_layer_has_names_of_dimensions(layers):
    result = gradcli.check_target("affine", batch=4, scale={"W": "1/batch"}, blame=False)
    assert "declared: W is scaled by 1/batch (0.25)" in result.remarks
    assert result.gradients["W"].verdict == "fail"  # it is not


def test_a_declared_scale_misleads_no_blame(layers):
    Path("layers.py").write_text(LAYER.replace("d @ W.T", "2 * d @ W.T"))
    result = gradcli.check_target("layers.py", nograd=["mask"], scale={"W": "1/m"})
    assert [name for name, g in result.gradients.items() if g.verdict == "fail"] == ["x"]
    assert result.blame is not None
    assert result.blame.gradient == "x"


def test_a_config_declares_itself(layers):
    Path("net.yaml").write_text("version: 1\nchecks:\n  - {target: relu}\n")
    with pytest.raises(UsageError, match=r"net\.yaml: a config declares itself what is on purpose"):
        gradcli.check_target("net.yaml", sign=-1)
