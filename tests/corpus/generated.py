"""Random pairs: straight-line programs with a hand-style adjoint, and a damaged copy for every line of it.

They have what a table of named layers lacks: values used several times, long chains, structure that nobody
thought of. The truth is the same as for the others: 80-bit arithmetic, and differences to prove it.
"""

from __future__ import annotations

import re

import numpy as np

from tests.corpus.case import Bug, Layer

# Name: expression, then the adjoint of each operand. {a}, {b}: operands; {y}: result; {g}: its adjoint.
OPERATIONS = {
    "tanh": ("np.tanh({a})", "{g} * (1 - {y} ** 2)"),
    "sin": ("np.sin({a})", "{g} * np.cos({a})"),
    "bell": ("np.exp(-{a} * {a})", "-2 * {g} * {a} * {y}"),
    "square": ("{a} ** 2", "2 * {g} * {a}"),
    "sigmoid": ("0.5 * (1 + np.tanh(0.5 * {a}))", "{g} * {y} * (1 - {y})"),
    "relu": ("np.maximum({a}, 0)", "{g} * ({a} > 0)"),
    "abs": ("np.abs({a})", "{g} * np.sign({a})"),
    "softplus": ("np.logaddexp({a}, 0)", "{g} * 0.5 * (1 + np.tanh(0.5 * {a}))"),
    "centre": ("{a} - {a}.mean(axis=0)", "{g} - {g}.mean(axis=0)"),
    "rms": (
        "{a} / np.sqrt(({a} ** 2).mean(axis=1, keepdims=True) + 0.1)",
        "({g} - {y} * ({g} * {y}).mean(axis=1, keepdims=True))"
        " / np.sqrt(({a} ** 2).mean(axis=1, keepdims=True) + 0.1)",
    ),
    "softmax": (
        "np.exp({a} - np.logaddexp.reduce({a}, axis=1, keepdims=True))",
        "{y} * ({g} - ({g} * {y}).sum(axis=1, keepdims=True))",
    ),
    "scan": ("np.cumsum({a}, axis=1)", "np.cumsum({g}[:, ::-1], axis=1)[:, ::-1]"),
    "roll": ("np.roll({a}, 1, axis=0)", "np.roll({g}, -1, axis=0)"),
    "mix": ("{a} @ W", "{g} @ W.T", "{a}.T @ {g}"),
    "weigh": ("{a} * v", "{g} * v", "({g} * {a}).sum(axis=0)"),
    "add": ("{a} + {b}", "{g}", "{g}"),
    "subtract": ("{a} - {b}", "{g}", "-{g}"),
    "multiply": ("{a} * {b}", "{g} * {b}", "{g} * {a}"),
    "damp": ("{a} / (1 + {b} ** 2)", "{g} / (1 + {b} ** 2)", "-2 * {g} * {y} * {b} / (1 + {b} ** 2)"),
    "larger": ("np.where({a} > {b}, {a}, {b})", "{g} * ({a} > {b})", "{g} * ({a} <= {b})"),
}
SECOND = {"mix": "W", "weigh": "v"}


def _steps(rng: np.random.Generator, length: int) -> list[tuple[str, str, str, str]]:
    """(result, operation, a, b); newer values are likelier operands, and nothing computed is wasted."""
    steps, values, unused = [], ["x", "y"], ["x", "y"]
    names = list(OPERATIONS)

    def take() -> str:
        weights = np.arange(1, len(values) + 1, dtype=float)
        chosen = str(rng.choice(values, p=weights / weights.sum()))
        if chosen in unused:
            unused.remove(chosen)
        return chosen

    for i in range(length):
        operation = str(rng.choice(names))
        binary = len(OPERATIONS[operation]) == 3 and operation not in SECOND
        a, b = take(), take() if binary else SECOND.get(operation, "")
        steps.append((f"t{i}", operation, a, b))
        values.append(f"t{i}")
        unused.append(f"t{i}")
    while len(unused) > 1:
        a, b = unused.pop(0), unused.pop(0)
        name = f"t{len(steps)}"
        steps.append((name, "add", a, b))
        unused.append(name)
    return steps


def _pair(name: str, steps: list[tuple[str, str, str, str]], *, loss: bool) -> str:
    forward = [f"    {y} = {OPERATIONS[op][0].format(a=a, b=b)}" for y, op, a, b in steps]
    kept = ["x", "y", "W", "v", *(y for y, *_ in steps)]
    last = steps[-1][0]
    out, start = (f"({last} ** 2).mean()", f"dout * 2 * {last} / {last}.size") if loss else (last, "dout")
    backward, seen = [f"    d_{last} = {start}"], {last}

    def flow(target: str, expression: str) -> None:
        backward.append(f"    d_{target} {'+=' if target in seen else '='} {expression}")
        seen.add(target)

    for y, op, a, b in reversed(steps):
        _, *adjoints = OPERATIONS[op]
        for target, adjoint in zip((a, b), adjoints, strict=False):
            expression = adjoint.format(a=a, b=b, y=y, g=f"d_{y}")
            # A copy where the adjoint is passed on as it is: what is added to later must not be shared.
            flow(target, f"{expression}.copy()" if re.fullmatch(r"d_\w+", expression) else expression)
    absent = [f"    d_{k} = np.zeros_like({k})" for k in ("x", "y", "W", "v") if k not in seen]
    return "\n".join(
        [
            "import numpy as np\n\n",
            f"def {name}_forward(x, y, W, v):",
            *forward,
            f"    return {out}, ({', '.join(kept)})\n\n",
            f"def {name}_backward(dout, cache):",
            f"    {', '.join(kept)} = cache",
            *backward,
            *absent,
            "    return d_x, d_y, d_W, d_v\n",
        ]
    )


def _damages(line: str, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Ways to spoil one line of the adjoint."""
    head, sign, expression = re.fullmatch(r"(    d_\w+) (\+?=) (.*)", line).groups()  # type: ignore[union-attr]
    options = [
        ("sign", f"{head} {sign} -({expression})"),
        ("factor two", f"{head} {sign} 2 * ({expression})"),
        ("factor 1.001", f"{head} {sign} 1.001 * ({expression})"),
        ("one element", f"{line}\n{head}.flat[0] *= 1.01"),
        ("cotangent forgotten", f"{head} {sign} {re.sub(r'd_t[0-9]+', 'dout', expression)}"),
    ]
    if sign == "+=":
        options.append(("share lost", f"{head} += 0 * ({expression})"))
    for pattern, new in (
        (r"\.T\b", ""),
        (r"axis=0", "axis=1"),
        (r"1 - ", "1 + "),
        (r" \*\* 2", ""),
        (r"-1", "1"),
    ):
        if re.search(pattern, expression):
            options.append(
                (f"{pattern} for {new!r}", f"{head} {sign} {re.sub(pattern, new, expression, count=1)}")
            )
    picked = rng.choice(len(options), size=min(2, len(options)), replace=False)
    return [options[i] for i in picked]


def layer(seed: int, length: int = 6) -> Layer:
    """A random pair, every third one a scalar loss, and its damaged copies; the same for the same seed."""
    rng = np.random.default_rng([seed, 4242])
    name = f"generated{seed}"
    source = _pair(name, _steps(rng, length), loss=seed % 3 == 2)
    lines = [line for line in source.splitlines() if re.match(r"    d_\w+ \+?= .*d_t\d", line)]
    lines = [line for line in lines if source.count(line + "\n") == 1]
    bugs = tuple(
        Bug(f"{what}: {line.strip()}", line + "\n", new + "\n")
        for line in lines
        for what, new in _damages(line, rng)
    )
    return Layer(
        name,
        "",
        {"x": "n d", "y": "n d", "W": "d d : weight", "v": "d : scale"},
        {"n": 3, "d": 4},
        "default batch1 batch2 tall times1e-4 times1e3 saturated float32 strided",
        bugs,
        main="x y",
        source=source,
    )
