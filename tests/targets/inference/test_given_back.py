"""What backward is given and gives back says which results are outputs and which arguments are inputs."""

import pytest

import gradcli

CODE = """\
import numpy as np
def latent_forward(mu, logvar, {noise}):
    std = np.exp(0.5 * logvar)
    z = mu + std * {noise}
    kl = 0.5 * np.sum(np.exp(logvar) + mu ** 2 - 1 - logvar)
    return z, kl, (std, {noise}, mu, logvar)
def latent_backward(dz, dkl, cache):
    std, noise, mu, logvar = cache
    dmu = dz + dkl * mu
    d{noise} = dz * std
    dlogvar = dz * noise * 0.5 * std + dkl * 0.5 * (np.exp(logvar) - 1)
    return dmu, dlogvar, d{noise}
"""


@pytest.mark.parametrize("noise", ["noise", "eps"])  # eps is a number in other places
def test_an_output_has_the_cotangent_called_after_it_and_an_input_the_gradient(tmp_path, noise):
    right = CODE.format(noise=noise)
    (tmp_path / "right.py").write_text(right)
    result = gradcli.check_target(str(tmp_path / "right.py"))
    assert result.verdict == "pass", result
    assert list(result.gradients) == ["mu", "logvar", noise]
    (tmp_path / "wrong.py").write_text(right.replace("+ dkl * mu", "+ mu"))
    result = gradcli.check_target(str(tmp_path / "wrong.py"))
    assert [name for name, gradient in result.gradients.items() if gradient.verdict == "fail"] == ["mu"]
