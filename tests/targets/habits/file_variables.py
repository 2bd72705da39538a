"""Parameters that are variables of the file."""

import numpy as np

units, letters = 4, 5
Wxh = np.random.randn(units, letters) * 0.01
Whh = np.random.randn(units, units) * 0.01
Why = np.random.randn(letters, units) * 0.01
bh = np.zeros((units, 1))


def loss_of_text(inputs, targets, hprev):
    """Both are lists of integers; hprev is Hx1."""
    xs, hs, ps, loss = {}, {-1: np.copy(hprev)}, {}, 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((letters, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
        e = np.exp(Why @ hs[t])
        ps[t] = e / e.sum()
        loss -= np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy, dbh = (np.zeros_like(one) for one in (Wxh, Whh, Why, bh))
    dhnext = np.zeros_like(hprev)
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dh = (1 - hs[t] ** 2) * (Why.T @ dy + dhnext)
        dbh += dh
        dWxh += dh @ xs[t].T
        dWhh += dh @ hs[t].T  # planted: t - 1
        dhnext = Whh.T @ dh
    return loss, dWxh, dWhh, dWhy, dbh, hs[len(inputs) - 1]
