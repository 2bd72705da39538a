"""What is clipped to a probability is drawn as one."""

import numpy as np

from gradcli.targets.inference.clipped import by_clipping


def cross_entropy(p, y, eps=1e-7):
    low = 1e-12
    q = np.maximum(p, low)
    return -np.sum(y * np.log(np.clip(q, eps, 1 - eps)))


class Loss:
    def forward(self, prediction, target):
        kept = prediction.clip(1e-15, 1 - 1e-15)
        return -target * np.log(kept)


class Guarded:
    def forward(self, guesses, labels):
        guesses = np.clip(guesses, self.e, 1.0 - self.e)
        return -labels * np.log(guesses)


def relu6(x, y):
    return np.clip(x, 0, 6) + np.minimum(np.maximum(0, x), 1) + np.maximum(0.3, y)


def test_arguments_that_are_kept_off_0_or_1_are_probabilities():
    assert by_clipping(cross_entropy, ["p", "y"]) == {"p"}
    assert by_clipping(Loss.forward, ["prediction", "target"]) == {"prediction"}
    assert by_clipping(Guarded.forward, ["guesses", "labels"]) == {"guesses"}


def test_an_activation_says_nothing():
    assert by_clipping(relu6, ["x", "y"]) == set()
