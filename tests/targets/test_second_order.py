"""Hessians against gradients: recognised by name, asked for with --order 2, or spelt out."""

from pathlib import Path

import pytest

import gradcli
from gradcli import archive
from gradcli.errors import GradcliError, UsageError
from gradcli.replay import replay

QUARTIC = """\
import numpy as np


def quartic(x, a=3.0):
    return np.sum(a * x**4) + x[0] * x[1]


def quartic_der(x, a=3.0):
    d = 4 * a * x**3
    d[0] += x[1]
    d[1] += x[0]
    return d


def quartic_hess(x, a=3.0):
    H = np.diag(12 * a * x**2)
    H[0, 1] = H[1, 0] = 1.0
    return H


def quartic_hess_prod(x, p, a=3.0):
    Hp = 12 * a * x**2 * p
    Hp[0] += p[1]
    Hp[1] += p[0]
    return Hp
"""
NAMES = {
    "scipy": ("quartic", "quartic_der", "quartic_hess", "quartic_hess_prod"),
    "long": ("quartic", "quartic_gradient", "quartic_hessian", "quartic_hessp"),
    "before": ("quartic", "grad_quartic", "hess_quartic", "hvp_quartic"),
    "bare": ("fun", "jac", "hess", "hessp"),
    "score": ("loglike", "score", "hessian", "hessian_vector_product"),
}
CUBE = """\
import torch


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return w * x**3

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return 3 * g * w * x**2, g * x**3
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("f.py").write_text(QUARTIC)


def check(target, *, at="4", **options):
    return gradcli.check_target(target, inputs={"x": at}, **options)


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
def test_hessians_are_found_by_many_names(names):
    text = QUARTIC
    for old, new in zip(reversed(NAMES["scipy"]), reversed(names), strict=True):
        text = text.replace(f"def {old}(", f"def {new}(")
    Path("f.py").write_text(text)
    assert check(f"f.py:{names[1]}").passed
    assert check(f"f.py:{names[3]}").passed
    Path("f.py").write_text(text.replace("12 * a", "11 * a"))
    assert check(f"f.py:{names[1]}", blame=False).verdict == "fail"
    assert check(f"f.py:{names[3]}", blame=False).verdict == "fail"


def test_order_2_is_hessians_alone():
    with pytest.raises(
        UsageError, match=r"holds 2 pairs; name one: f.py:quartic_hess_prod, f.py:quartic_der"
    ):
        check("f.py", order=2)
    assert check("f.py", order=1).target == "f.py:quartic"
    result = check("f.py:quartic_der", order=2)
    assert (result.id, result.passed) == ("f.py:quartic_der[order=2]", True)
    assert "--order 2" in result.rerun


def test_a_wrong_entry_of_a_product_is_blamed():
    Path("f.py").write_text(QUARTIC.replace("Hp[1] += p[0]", "Hp[1] -= p[0]"))
    result = check("f.py:quartic_hess_prod")
    assert result.verdict == "fail"
    assert result.blame is None or "Hp[1] -= p[0]" in result.blame.source


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("f.py:nothing", "f.py: nothing has nothing of order 2; looked for a gradient beside its Hessian"),
        ("relu", "relu: has nothing of order 2; that is for gradients in a Python file"),
    ],
)
def test_where_there_is_no_second_order_that_is_said(target, message):
    with pytest.raises(GradcliError) as caught:
        gradcli.check_target(target, order=2)
    assert message in str(caught.value)


def test_an_order_is_1_or_2():
    with pytest.raises(UsageError, match="order must be 1 or 2, got 3"):
        check("f.py", order=3)


# --- in a config


def config(line):
    Path("net.yaml").write_text(f"version: 1\nchecks:\n  - {{target: f.py, inputs: {{x: 4}}, {line}}}\n")
    return gradcli.check_target("net.yaml")


def test_a_config_names_the_two_functions():
    Path("f.py").write_text(QUARTIC.replace("quartic_der", "s").replace("quartic_hess(", "information("))
    result = config("f: s, grad: information")
    assert result.passed
    assert result.id == "f.py:f=s,grad=information"
    Path("f.py").write_text(Path("f.py").read_text().replace("12 * a", "11 * a"))
    assert config("f: s, grad: information").verdict == "fail"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("f: quartic_der", "net.yaml:3:36: checks[0].target: 'f' needs 'grad' beside it"),
        (
            "f: quartic_derr, grad: quartic_hess",
            "no 'quartic_derr'; did you mean 'quartic_der'?",
        ),
        ("order: 3", "net.yaml:3:43: checks[0].order: must be 1 or 2, got 3"),
        (
            "f: quartic, grad: quartic_der, order: 2",
            "net.yaml:3:67: checks[0].target: 'f' says what is checked; leave out 'order'",
        ),
    ],
)
def test_a_mistake_in_a_config_is_named(line, message):
    with pytest.raises(GradcliError) as caught:
        config(line)
    assert message in str(caught.value)


# --- torch


def test_a_double_backward_is_checked():
    pytest.importorskip("torch")
    Path("cube.py").write_text(CUBE)
    result = gradcli.check_target("cube.py:Cube", inputs={"x": "4", "w": "4"}, order=2)
    assert result.passed
    assert list(result.gradients) == ["x", "w", "grad_out"]


def test_a_lost_second_derivative_is_found_and_replayed():
    pytest.importorskip("torch")
    Path("cube.py").write_text(CUBE.replace("3 * g * w * x**2", "3 * g * w * x.detach() ** 2"))
    assert gradcli.check_target("cube.py:Cube", inputs={"x": "4", "w": "4"}).passed
    result = gradcli.check_target("cube.py:Cube", inputs={"x": "4", "w": "4"}, order=2)
    assert [name for name, g in result.gradients.items() if g.verdict == "fail"] == ["x"]
    archive.write(Path("case.npz"), result)
    assert replay(Path("case.npz")).outcome == "STILL WRONG"
    Path("cube.py").write_text(CUBE)
    assert replay(Path("case.npz")).outcome == "FIXED"


def test_what_says_that_it_has_no_second_order_is_not_checked():
    pytest.importorskip("torch")
    once = "    @staticmethod\n    @torch.autograd.function.once_differentiable\n    def backward"
    Path("cube.py").write_text(CUBE.replace("    @staticmethod\n    def backward", once))
    with pytest.raises(GradcliError, match="Cube has nothing of order 2"):
        gradcli.check_target("cube.py:Cube", inputs={"x": "4", "w": "4"}, order=2)


# --- JAX and autograd

SWISH = """\
import jax
import jax.numpy as jnp


@jax.custom_vjp
def swish(x, w):
    return w * x / (1 + jnp.exp(-x))


def swish_fwd(x, w):
    s = 1 / (1 + jnp.exp(-x))
    return w * x * s, (x, s, w)


def swish_bwd(saved, g):
    x, s, w = saved
    return g * w * (s + x * s * (1 - s)), g * x * s


swish.defvjp(swish_fwd, swish_bwd)
"""
CUBE_JVP = """\
import jax
import jax.numpy as jnp


@jax.custom_jvp
def cube(x, w):
    return jnp.array([1.0, 2.0]) @ x**3, w * x


@cube.defjvp
def cube_jvp(point, moved):
    (x, w), (dx, dw) = point, moved
    return cube(x, w), (jnp.array([1.0, 2.0]) @ (3 * x**2 * dx), w * dx + x * dw)
"""
ENERGY = """\
import autograd.numpy as np
from autograd.extend import defvjp, primitive
from autograd.tracer import getval


@primitive
def energy(x, w):
    return np.sum(w * x**3)


defvjp(energy, lambda ans, x, w: lambda g: 3 * g * w * x**2, lambda ans, x, w: lambda g: g * x**3)
"""
RULES = {
    "custom_vjp": ("jax", SWISH, "(x, s, w)\n\n", "(x, jax.lax.stop_gradient(s), w)\n\n"),
    "custom_jvp": ("jax", CUBE_JVP, "3 * x**2", "3 * jax.lax.stop_gradient(x) ** 2"),
    "primitive": ("autograd", ENERGY, "w * x**2", "w * getval(x) ** 2"),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_derivative_of_a_custom_rule_is_checked(rule):
    framework, source, right, wrong = RULES[rule]
    pytest.importorskip(framework)
    Path("rule.py").write_text(source)
    inputs = {"x": "2", "w": "2"}
    result = gradcli.check_target("rule.py", inputs=inputs, order=2)
    assert result.passed
    assert {"x", "w"} < set(result.gradients)
    Path("rule.py").write_text(source.replace(right, wrong))
    result = gradcli.check_target("rule.py", inputs=inputs, order=2, blame=False)
    assert [name for name, g in result.gradients.items() if g.verdict == "fail"] == ["x"]
    if framework == "autograd":  # the slip is one of order 2 alone; JAX takes seconds to say so of its own
        assert gradcli.check_target("rule.py", inputs=inputs).passed


def test_a_rule_that_cannot_be_differentiated_twice_says_so():
    pytest.importorskip("jax")
    Path("rule.py").write_text(
        "import numpy as np\n"
        + SWISH.replace("jnp.exp(-x)), g", "np.exp(-x)), g").replace("g * x * s\n", "np.asarray(g * x * s)\n")
    )
    assert gradcli.check_target("rule.py", inputs={"x": "2", "w": "2"}).passed
    result = gradcli.check_target("rule.py", inputs={"x": "2", "w": "2"}, order=2)
    assert [violation.code for violation in result.violations] == ["GC108"]
    assert "TracerArrayConversionError" in result.violations[0].message
