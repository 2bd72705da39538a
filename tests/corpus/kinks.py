"""Ways to put elements exactly at a kink (gap 0) or right beside it (gap 1e-7)."""

from collections.abc import Callable

import numpy as np

from tests.corpus.case import Inputs

Kink = Callable[[np.random.Generator, Inputs, float], None]


def _beside(rng: np.random.Generator, shape: tuple[int, ...], gap: float) -> np.ndarray:
    return gap * rng.uniform(0.1, 1.0, shape) * rng.choice([-1.0, 1.0], shape)


def at(value: float, *names: str) -> Kink:
    """A third of the elements sits at `value`."""

    def put(rng: np.random.Generator, inputs: Inputs, gap: float) -> None:
        for name in names or (next(iter(inputs)),):
            x = inputs[name]
            chosen = rng.random(x.shape) < 0.4
            chosen.flat[0] = True
            inputs[name] = np.where(chosen, value + _beside(rng, x.shape, gap), x)

    return put


def difference_at(value: float, a: str, b: str) -> Kink:
    """`a - b` is `value` in a third of the elements; the numbers are short, so that it is so exactly."""

    def put(rng: np.random.Generator, inputs: Inputs, gap: float) -> None:
        inputs[b] = np.round(inputs[b] * 16) / 16
        chosen = rng.random(inputs[a].shape) < 0.4
        chosen.flat[0] = True
        inputs[a] = np.where(chosen, inputs[b] + value, inputs[a]) + chosen * _beside(rng, chosen.shape, gap)

    return put


def ties(name: str, levels: int = 3) -> Kink:
    """Few distinct values, so that maxima are shared; with a gap, nearly shared."""

    def put(rng: np.random.Generator, inputs: Inputs, gap: float) -> None:
        shape = inputs[name].shape
        inputs[name] = rng.integers(0, levels, shape) * 0.75 + _beside(rng, shape, gap)

    return put


def margin(name: str, labels: str) -> Kink:
    """Some scores exactly one below the label's own, where the hinge bends."""

    def put(rng: np.random.Generator, inputs: Inputs, gap: float) -> None:
        x = np.round(inputs[name] * 16) / 16
        rows = np.arange(len(x))
        y = inputs[labels]
        wrong = (y + 1) % x.shape[1]
        x[rows, wrong] = x[rows, y] - 1 + _beside(rng, rows.shape, gap)
        inputs[name] = x

    return put
