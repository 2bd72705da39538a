"""What code needs and is not here is told of as that, not as a defect."""

import pytest

from gradcli.lacking import lacking

NO_CUDA = "Torch not compiled with CUDA enabled"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (AssertionError(NO_CUDA), "needs a GPU"),
        (RuntimeError("No CUDA GPUs are available"), "needs a GPU"),
        (RuntimeError("Found no NVIDIA driver on your system. Please check"), "needs a GPU"),
        (TypeError("type torch.cuda.FloatTensor not available"), "needs a GPU"),
        (RuntimeError("0 active drivers ([]). There should only be one."), "needs a GPU"),
        (ModuleNotFoundError("No module named 'cupy'", name="cupy"), "needs 'cupy', which is not installed"),
    ],
)
def test_what_a_machine_has_not(error, told):
    assert (lacking(error) or "").startswith(told)


@pytest.mark.parametrize("error", [AssertionError(), ValueError("shape of CUDA kernel"), ImportError("x")])
def test_other_errors_are_the_code_s_own(error):
    assert lacking(error) is None


ON_A_GPU = """\
import torch

class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        return 2 * on(g)

def on(x):
    raise AssertionError("Torch not compiled with CUDA enabled")
"""


def test_code_that_needs_a_gpu_says_so_in_one_line_and_is_not_wrong(folder, invoke):
    (folder / "fused.py").write_text(ON_A_GPU)
    result = invoke("check", "fused.py")
    assert (result.exit_code, result.stderr) == (
        2,
        "gradcli: error: fused.py:Double: fused.py:13: backward needs a GPU, and there is none that it can "
        "use: it can be checked where there is one\n",
    )
    assert "FAIL" not in result.stdout


def test_a_wrong_gradient_beside_it_still_fails(folder, invoke):
    (folder / "fused.py").write_text(ON_A_GPU.replace("2 * on(g)", "3 * g"))
    assert invoke("check", "fused.py").exit_code == 1
