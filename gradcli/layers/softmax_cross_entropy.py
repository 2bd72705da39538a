"""Cross-entropy of a softmax with integer labels, averaged over the batch.

Source: Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.4.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    log_probs: Array  # (N, C), logarithm of the softmax
    y: Array  # (N,), integers


def softmax_cross_entropy_forward(logits: Array, y: Array) -> tuple[Array, Cache]:
    """Average -log softmax(logits) at the label over the rows.

    Shapes: logits (N, C); y (N,), integers in [0, C); the loss is a 0-d array.
    """
    N = logits.shape[0]
    # The softmax does not change with a shift; with the largest logit at zero, exp cannot overflow.
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[np.arange(N), y].mean()
    return np.asarray(loss), Cache(log_probs, y)


def softmax_cross_entropy_backward(dout: Array, cache: Cache) -> tuple[Array]:
    """Vector-Jacobian product: pull the cotangent dout (0-d) back to the logits.

    Each row of log_probs sums one path straight from its logit and one through the normaliser, whose
    partials are the probabilities. Together they are the familiar (softmax - one_hot) / N.
    """
    log_probs, y = cache
    N = log_probs.shape[0]
    dlog_probs = np.zeros_like(log_probs)
    dlog_probs[np.arange(N), y] = -dout / N
    dlogits = dlog_probs - np.exp(log_probs) * dlog_probs.sum(axis=1, keepdims=True)
    return (dlogits,)
