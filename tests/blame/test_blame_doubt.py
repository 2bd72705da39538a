"""Where several statements could be at fault: what tells them apart, and where nothing is said."""

import linecache

import numpy as np
import pytest

import gradcli

STAGED = """
import numpy as np

def forward(x, y):
    n = x.shape[0]
    shifted = x - x.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -logp[np.arange(n), y].mean(), (np.exp(logp), y)

def backward(dloss, cache):
    p, y = cache
    n = p.shape[0]
    d = p.copy()
    d[np.arange(n), y] -= 1
    return dloss * d / n
"""

MARGINS = """
import numpy as np

def forward(x, y):
    n = x.shape[0]
    margins = np.maximum(0, x - x[np.arange(n), y][:, None] + 1.0)
    margins[np.arange(n), y] = 0
    return np.sum(margins) / n, (margins, y)

def backward(dout, cache):
    margins, y = cache
    n = margins.shape[0]
    count = np.sum(margins > 0, axis=1)
    dx = np.zeros_like(margins)
    dx[margins > 0] = 1
    dx[np.arange(n), y] -= count
    return dout * dx / n
"""

LOOP = """
import numpy as np

def forward(x):
    return np.cumprod(x), x

def backward(dy, x):
    n = len(x)
    dx = np.zeros(n)
    for i in range(n):
        for j in range(i, n):
            others = np.prod(x[:i]) * np.prod(x[i + 1:j + 1])
            dx[i] += dy[j] * others
    return dx
"""

POOL = """
import numpy as np

def forward(x):
    h, w = x.shape
    out = np.zeros((h // 2, w // 2))
    for r in range(h // 2):
        for c in range(w // 2):
            out[r, c] = x[2 * r:2 * r + 2, 2 * c:2 * c + 2].max()
    return out, x

def backward(dout, x):
    dx = np.zeros_like(x)
    for r in range(dout.shape[0]):
        for c in range(dout.shape[1]):
            i, j = divmod(x[2 * r:2 * r + 2, 2 * c:2 * c + 2].argmax(), 2)
            dx[2 * r + i, 2 * c + j] += dout[r, c]
    return dx
"""

TWINS = """
import numpy as np

def forward(x, w, v):
    p = 1 / (1 + np.exp(-x))
    a, b = np.tanh(x @ w), np.sin(x @ v)
    return p[:, :1] * a + p[:, 1:2] * b, (x, w, v, p, a, b)

def backward(dy, cache):
    x, w, v, p, a, b = cache
    da = dy * p[:, :1]
    db = dy * p[:, 1:2]
    dp = np.zeros_like(p)
    dp[:, 0] = (dy * a).sum(1)
    dp[:, 1] = (dy * b).sum(1)
    dza = da * (1 - a ** 2)
    dzb = db * np.cos(x @ v)
    dx = dp * p * (1 - p) + dza @ w.T + dzb @ v.T
    return dx, x.T @ dza, x.T @ dzb
"""

HELPED = """
import numpy as np

def scale_forward(x, gamma, beta):
    return gamma * x + beta, (x, gamma)

def scale_backward(dout, cache):
    x, gamma = cache
    dgamma = (dout * x).sum(axis=0)
    dbeta = dout.sum(axis=0)
    return dout * gamma, dgamma, dbeta

def forward(x, gamma, beta):
    y, cache = scale_forward(x, gamma, beta)
    return np.tanh(y), (cache, np.tanh(y))

def backward(dout, caches):
    cache, t = caches
    dx, dgamma, dbeta = scale_backward(dout * (1 - t ** 2), cache)
    return dx, dgamma, dbeta
"""

CLIPPED = """
import numpy as np

def forward(x):
    return np.clip(x, -1.0, 1.0), x

def backward(dout, x):
    inside = (x >= -1.0) & (x <= 1.0)
    return dout * inside
"""

RECTIFIED = """
import numpy as np

def forward(x, a, b):
    h = np.maximum(x @ a, 0)
    return np.tanh(h @ b), (x, a, b, h, np.tanh(h @ b))

def backward(dy, cache):
    x, a, b, h, y = cache
    dz = dy * (1 - y ** 2)
    db, dh = h.T @ dz, (dz @ b.T) * (h > 0)
    da, dx = x.T @ dh, dh @ a.T
    return dx, da, db
"""

STEPS = """
import numpy as np

def forward(x, w):
    kept = [x]
    for _ in range(3):
        bent = np.sin(kept[-1])
        kept.append(kept[-1] + 0.3 * w * bent)
    return kept[-1], (kept, w)

def backward(dy, cache):
    kept, w = cache
    dw = np.zeros_like(w)
    for x in kept[-2::-1]:
        bent = np.sin(x)
        dw += 0.3 * dy * bent
        dy = dy + 0.3 * w * dy * np.cos(x)
    return dy, dw
"""

MASKED = """
import numpy as np

def forward(x):
    mask = x > 0
    return x * mask, mask

def backward(dout, mask):
    dx = dout * mask
    return dx.reshape(mask.shape)
"""

ROWS = {"x": np.random.default_rng(1).standard_normal((4, 3)), "y": np.array([0, 2, 1, 2])}
TEXTS = {
    "staged": (STAGED, ROWS),
    "margins": (MARGINS, ROWS),
    "loop": (LOOP, {"x": np.array([0.7, 1.3, -0.8, 1.1, 0.4])}),
    "pool": (POOL, {"x": np.random.default_rng(2).standard_normal((4, 6))}),
    "twins": (TWINS, {"x": (4, 3), "w": (3, 5), "v": (3, 5)}),
    "clipped": (CLIPPED, {"x": np.array([-2.0, -0.5, 0.3, 0.8, 1.7, -1.2])}),
    "rectified": (RECTIFIED, {"x": (4, 3), "a": (3, 5), "b": (5, 2)}),
    "steps": (STEPS, {"x": (4,), "w": (4,)}),
    "masked": (MASKED, {"x": (4, 3)}),
    "helped": (HELPED, {"x": (4, 3), "gamma": (3,), "beta": (3,)}),
}

SLIPS = [
    ("staged", "d[np.arange(n), y] -= 1", "pass"),
    ("staged", "d[np.arange(n), y] -= 1", "d[np.arange(n - 1), y[:-1]] -= 1"),
    ("margins", "dx[np.arange(n), y] -= count", "pass"),
    ("margins", "dx[np.arange(n), y] -= count", "dx[np.arange(n), y] -= 1"),
    ("loop", "range(i, n)", "range(i, i + 1)"),
    ("pool", "dx[2 * r + i, 2 * c + j]", "dx[2 * r + j, 2 * c + i]"),
    ("twins", "da = dy * p[:, :1]", "da = dy * p[:, 1:2]"),
    ("clipped", "(x >= -1.0) & (x <= 1.0)", "(x > -0.4) ^ (x > 9.0)"),
    ("masked", "dx = dout * mask", "dx = mask"),
    ("helped", "return dx, dgamma, dbeta", "return dx, dbeta, dgamma"),
    ("helped", "return dout * gamma, dgamma, dbeta", "return dout * gamma, dbeta, dgamma"),
]


def named(name: str, old: str, new: str) -> tuple[list[int], int]:
    """The lines that are named for a slip, and its own."""
    text, inputs = TEXTS[name]
    text, line = text.replace(old, new), text[: text.index(old)].count("\n") + 1
    file, found = f"<{name}: {new}>", {}
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), found)
    rng = np.random.default_rng(3)
    arrays = {n: rng.standard_normal(a) if isinstance(a, tuple) else a for n, a in inputs.items()}
    result = gradcli.check(found["forward"], found["backward"], inputs=arrays, budget=30.0)
    assert result.verdict == ("pass" if old == new else "fail")
    lines = [b.line for b in (result.blame, *result.also) if b is not None]
    # A gradient that ignores the cotangent does so at the line that is named for it.
    assert not lines or {v.line for v in result.violations if v.code == "GC109"} <= set(lines)
    return lines, line


@pytest.mark.parametrize(("name", "old", "new"), SLIPS)
def test_the_line_is_named_where_others_could_be_meant(name, old, new):
    lines, line = named(name, old, new)
    assert lines == [line]


def test_nothing_is_named_where_a_count_that_is_not_seen_may_be_at_fault():
    lines, _ = named("margins", "count = np.sum(margins > 0, axis=1)", "count = margins.shape[1] - 1")
    assert lines == []


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("rectified", "(dz @ b.T) * (h > 0)", "dz @ b.T"),  # da and dx are wrong, each by its own part
        ("steps", "kept[-2::-1]", "kept[-1:0:-1]"),  # what the line makes is due in another pass
    ],
)
def test_nothing_is_named_where_a_line_is_wrong_by_what_it_is_given(name, old, new):
    lines, line = named(name, old, new)
    assert lines in ([], [line])


@pytest.mark.parametrize("name", TEXTS)
def test_without_a_slip_nothing_is_named(name):
    lines, _ = named(name, "return", "return")
    assert lines == []


def test_no_factor_is_named_that_one_number_alone_speaks_for():
    source = """
import numpy as np

def bowl(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2

def bowl_grad(x):
    return np.array([-2 * x[0] * (1 + 200 * (x[1] - x[0] ** 2)), 200 * (x[1] - x[0] ** 2)])
"""
    namespace = {}
    name = "<one number>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), namespace)
    result = gradcli.check(
        namespace["bowl"],
        lambda dout, x: (dout * namespace["bowl_grad"](x),),
        inputs={"x": np.array([0.7, -0.4])},
    )
    assert result.verdict == "fail"
    assert result.blame is None or "constant factor" not in result.blame.diagnosis
