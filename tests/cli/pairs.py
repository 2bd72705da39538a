"""Files of a user's, right and wrong."""

BATCHNORM = """\
import numpy as np


def batchnorm_forward(x, gamma, beta, eps):
    mu = x.mean(axis=0)
    var = ((x - mu) ** 2).mean(axis=0)
    x_hat = (x - mu) / np.sqrt(var + eps)
    return gamma * x_hat + beta, (x_hat, gamma, var, eps)


def batchnorm_backward(dout, cache):
    x_hat, gamma, var, eps = cache
    dx_hat = dout * gamma
    centred = dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0)
    return centred / np.sqrt(var + eps), (dout * x_hat).sum(axis=0), dout.sum(axis=0)
"""
WRONG_BATCHNORM = BATCHNORM.replace(
    "return centred / np.sqrt(var + eps)", "return 1.0001 * centred / np.sqrt(var + eps)"
)
BATCHNORM_INPUTS = ["--input", "x=4x3", "--input", "gamma=3", "--input", "beta=3", "--set", "eps=1e-5"]

# The same noise at every call, and too much of it to see whether the slope is right.
NOISY = """\
import numpy as np


def noisy_forward(x):
    return x + 1e12 * np.sin(1e17 * x), x


def noisy_backward(dout, x):
    return 1.0 * dout
"""

# It hangs in the midst of a comparison.
SLOW = """\
import time

import numpy as np

calls = []


def slow_forward(x):
    calls.append(x)
    if len(calls) == 20:
        open("started", "w").close()
        time.sleep(1000)
    return np.sort(np.tanh(x)).cumsum(), x


def slow_backward(dout, x):
    return np.cumsum(dout[::-1])[::-1] * (1 - np.tanh(x) ** 2)
"""

MISBEHAVING = """\
import sys


def list_forward(x):
    return [1.0, 2.0], x


def none_forward(x):
    return None


def text_forward(x):
    return "no", x


def raising_forward(x):
    raise RuntimeError("boom [red]")


def exiting_forward(x):
    sys.exit(0)


def few_forward(x, w):
    return x * w, (x, w)


def few_backward(dout, cache):
    return (dout * cache[1],)


def many_forward(x):
    return 2 * x, x


def many_backward(dout, x):
    return 2 * dout, dout, dout


def chatty_forward(x):
    print("PASS  everything")
    print("to stderr", file=sys.stderr)
    sys.stdout.buffer.write(b"bytes")
    return 2 * x, x


def chatty_backward(dout, x):
    return 2 * dout


def list_backward(dout, cache):
    return dout


none_backward = text_backward = raising_backward = exiting_backward = list_backward
"""
