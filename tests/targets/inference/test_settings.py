"""Functions and objects that are passed in, made where the code shows what is meant."""

from pathlib import Path

import pytest

from gradcli import check_target

OWN = """
import numpy as np


class Config:
    def __init__(self):
        self.eps = 1e-3
        self.gain = 1.5


def norm_forward(x, cfg):
    s = np.sqrt(np.mean(x**2, axis=1, keepdims=True) + cfg.eps)
    return cfg.gain * x / s, (x, s, cfg)


def norm_backward(dout, cache):
    x, s, cfg = cache
    g = cfg.gain * dout
    return g / s - x * np.mean(g * x, axis=1, keepdims=True) / s**3
"""
NUMBERS = OWN.partition("class")[0] + OWN[OWN.index("def norm_f") :].replace("cfg.gain", "cfg.slope")
ACTIVATION = """
class Activation:
    def __init__(self, activation, activation_prime):
        self.activation = activation
        self.activation_prime = activation_prime

    def forward(self, input):
        self.input = input
        return self.activation(input)

    def backward(self, output_gradient, learning_rate):
        return output_gradient * self.activation_prime(self.input)
"""
OF_OUTPUT = ACTIVATION.replace(
    "return self.activation(input)", "self.out = self.activation(input)\n        return self.out"
).replace("prime(self.input)", "prime(self.out)")
OF_FILE = "import numpy as np\n\ndef softplus(z):\n    return np.log1p(np.exp(z))\n\n" + (
    "def d_softplus(z):\n    return 1 / (1 + np.exp(-z))\n\n" + ACTIVATION
)


def check(text, name):
    Path("code.py").unlink(missing_ok=True)
    Path("layers.py").write_text(text)
    return check_target(f"layers.py:{name}", blame=False)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "told"),
    [(OWN, "cfg is Config()"), (NUMBERS, "cfg is made of eps=1e-05, slope=0.5")],
    ids=["a class of the file", "numbers by their names"],
)
def test_settings_are_made(text, told):
    result = check(text, "norm")
    assert (result.verdict, told in result.remarks) == ("pass", True)
    wrong = check(text.replace("/ s**3", "/ s**2"), "norm")
    assert [n for n, g in wrong.gradients.items() if g.verdict == "fail"] == ["x"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ACTIVATION, "a tanh and its derivative"),
        (OF_OUTPUT, "a tanh and its derivative, as a function of the output"),
        (OF_FILE, "softplus and d_softplus"),
    ],
    ids=["any", "of the output", "of the file"],
)
def test_an_activation_comes_with_its_derivative(text, told):
    result = check(text, "Activation")
    assert result.verdict == "pass"
    assert f"activation and activation_prime of the constructor are {told}" in result.remarks
    wrong = check(text.replace("output_gradient * self", "self"), "Activation")
    assert wrong.verdict == "fail"


@pytest.mark.usefixtures("folder")
def test_a_wrong_derivative_of_the_file_fails():
    assert check(OF_FILE.replace("return 1 / (1 + np", "return 2 / (1 + np"), "Activation").verdict == "fail"


def test_what_is_asked_for_more_than_names_say_is_told(folder, invoke):
    (folder / "layers.py").write_text(NUMBERS.replace("cfg.slope", "cfg.warp"))
    result = invoke("check", "layers.py")
    assert (result.exit_code, "cfg is an object (cfg." in result.stderr) == (2, True)


DROPOUT = """
import jax
import jax.numpy as jnp


@jax.custom_vjp
def drop(x, key, rate):
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)


def drop_fwd(x, key, rate):
    keep = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(keep, x / (1 - rate), 0), (keep, rate)


def drop_bwd(res, g):
    keep, rate = res
    return jnp.where(keep, g / (1 - rate), 0), None, None


drop.defvjp(drop_fwd, drop_bwd)
"""


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("slip", "verdict"), [("g / (1 - rate)", "pass"), ("g", "fail")])
def test_a_key_of_jax_is_made(slip, verdict):
    pytest.importorskip("jax")
    result = check(DROPOUT.replace("g / (1 - rate)", slip), "drop")
    assert (result.verdict, "key is jax.random.PRNGKey(0)" in result.remarks) == (verdict, True)
