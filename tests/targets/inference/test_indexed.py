"""What the code says of lengths where it takes arrays or their shapes apart."""

from pathlib import Path

from gradcli import check_target
from gradcli.targets.inference.indexed import by_indexing, by_unpacking


def pooled(image, kernels, x):
    channels, high, wide = image.shape
    F, channels, _, _ = kernels.shape
    N, D = x.shape
    return channels, high, wide, F, N, D


def valley(p, z):
    a, b = p
    return a * b + z[2]


def test_the_names_of_lengths_are_axes():
    found = by_unpacking(pooled, ["image", "kernels", "x"])
    assert [guess.axes for guess in found["image"]] == [
        ("channels", "high", "wide"),
        ("2*channels", "2*high", "2*wide"),
    ]
    assert found["kernels"][0].axes == ("F", "channels", "axis2", "axis3")
    assert "x" not in found  # of two axes its name says more


def test_elements_that_are_taken_apart_are_counted():
    assert {name: guess.axes for name, guess in by_indexing(valley, ["p", "z"]).items()} == {
        "p": ("2",),
        "z": ("3",),
    }


def test_what_is_called_after_one_index_is_a_number(folder):
    Path("word.py").write_text(
        "import numpy as np\n"
        "def word_loss_and_gradient(centerVec, outsideWordInd, vectors):\n"
        "    s = vectors @ centerVec\n    p = np.exp(s) / np.exp(s).sum()\n"
        "    y = np.zeros(len(p))\n    y[outsideWordInd] = 1\n"
        "    loss = -np.log(p.reshape(-1, 1)[outsideWordInd][0])\n"
        "    return loss, vectors.T @ (p - y), np.outer(p - y, centerVec)\n"
    )
    assert check_target("word.py", blame=False).verdict == "pass"
