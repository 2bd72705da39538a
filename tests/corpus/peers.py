"""What other gradient checkers say about the same corpus. Needs torch and jax; neither is a dependency.

- torch.autograd.gradcheck, the pair wrapped in a torch.autograd.Function, default tolerances, slow and fast;
- jax.test_util.check_vjp, the reverse half of check_grads, which takes NumPy functions as they are;
- the textbook recipe (CS231n): central differences with h = 1e-5, contracted with a random cotangent, and
  max |a - n| / max(1e-8, |a| + |n|) below 1e-7 (strict) or 1e-4 (lax).
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any

import numpy as np

import gradcli
from tests.corpus import reference
from tests.corpus.case import Bug, Inputs, Layer, Pair, build, inputs_for
from tests.corpus.reference import call_forward, draw_cotangents, named
from tests.corpus.run import seen

# Says whether the pair passes; raising counts as not passing.
Peer = Callable[[Layer, Pair, Inputs, int], bool]


def _split(inputs: Inputs) -> list[str]:
    return [k for k, v in inputs.items() if v.dtype.kind == "f"]


def _backward(
    pair: Pair, inputs: Inputs, cotangents: tuple[np.ndarray, ...], saved: Any, multiple: bool
) -> list[Any]:
    grads = named(pair.backward(cotangents if multiple else cotangents[0], saved), inputs)
    return [grads.get(k) for k in _split(inputs)]


def torch_gradcheck(fast: bool) -> Peer:
    import torch

    def check(layer: Layer, pair: Pair, inputs: Inputs, seed: int) -> bool:
        names = _split(inputs)

        class Wrapped(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *tensors: Any) -> Any:
                arrays = inputs | {k: t.detach().numpy().copy() for k, t in zip(names, tensors, strict=True)}
                out, ctx.cache = pair.forward(*arrays.values(), **layer.constants)
                ctx.multiple = isinstance(out, tuple)
                outs = tuple(torch.from_numpy(np.array(o)) for o in (out if ctx.multiple else (out,)))
                return outs if ctx.multiple else outs[0]

            @staticmethod
            def backward(ctx: Any, *grads: Any) -> Any:
                cotangents = tuple(g.numpy() for g in grads)
                found = _backward(pair, inputs, cotangents, ctx.cache, ctx.multiple)
                return tuple(None if g is None else torch.from_numpy(np.array(g)) for g in found)

        tensors = [torch.from_numpy(np.array(inputs[k])).requires_grad_() for k in names]
        torch.manual_seed(seed)
        return bool(torch.autograd.gradcheck(Wrapped.apply, tensors, fast_mode=fast))

    return check


def jax_check(layer: Layer, pair: Pair, inputs: Inputs, seed: int) -> bool:
    import jax
    from jax.test_util import check_vjp

    jax.config.update("jax_enable_x64", True)
    names = _split(inputs)

    def run(args: Any) -> tuple[Any, Any, bool]:
        arrays = inputs | {k: np.array(a) for k, a in zip(names, args, strict=True)}
        out, saved = pair.forward(*arrays.values(), **layer.constants)
        return out, saved, isinstance(out, tuple)

    def f(*args: Any) -> Any:
        return run(args)[0]

    def f_vjp(*args: Any) -> Any:
        out, saved, multiple = run(args)

        def vjp(cotangent: Any) -> Any:
            cotangents = tuple(np.asarray(c) for c in (cotangent if multiple else (cotangent,)))
            grads = _backward(pair, inputs, cotangents, saved, multiple)
            for name, grad in zip(names, grads, strict=True):
                if np.shape(grad) != inputs[name].shape:
                    raise ValueError("shape")  # jax's own custom_vjp refuses it as well
            return tuple(grads)

        return out, vjp

    check_vjp(f, f_vjp, tuple(inputs[k] for k in names))
    return True


def textbook(limit: float) -> Peer:
    """The recipe of the course; h = 1e-5 and float64 differences."""

    def check(layer: Layer, pair: Pair, inputs: Inputs, seed: int) -> bool:
        cotangents = draw_cotangents(layer, inputs, seed)
        out, saved = pair.forward(*inputs.values(), **layer.constants)
        grads = dict(
            zip(
                _split(inputs),
                _backward(pair, inputs, cotangents, saved, isinstance(out, tuple)),
                strict=True,
            )
        )
        for name, grad in grads.items():
            x = inputs[name] = np.array(inputs[name])
            numeric = np.zeros(x.shape)
            for index in np.ndindex(x.shape):
                old = x[index].copy() if x.ndim else x[()]
                x[index] = old + 1e-5
                plus = [o.copy() for o in call_forward(pair.forward, inputs, layer.constants)[0]]
                x[index] = old - 1e-5
                minus = call_forward(pair.forward, inputs, layer.constants)[0]
                x[index] = old
                numeric[index] = (
                    sum(np.sum((p - m) * c) for p, m, c in zip(plus, minus, cotangents, strict=True)) / 2e-5
                )
            error = np.abs(grad - numeric) / np.maximum(1e-8, np.abs(grad) + np.abs(numeric))
            if not np.max(error, initial=0) <= limit:
                return False
        return True

    return check


def gradcli_itself(layer: Layer, pair: Pair, inputs: Inputs, seed: int) -> bool:
    """For the same table; whatever is not a fail counts as passing."""
    result = gradcli.check(
        pair.forward, pair.backward, inputs=inputs, constants=layer.constants, seed=seed, blame=False
    )
    return result.verdict != "fail"


def available() -> dict[str, Peer]:
    peers: dict[str, Peer] = {"gradcli": gradcli_itself}
    peers |= {"textbook 1e-7": textbook(1e-7), "textbook 1e-4": textbook(1e-4)}
    if find_spec("torch"):
        peers |= {"torch slow": torch_gradcheck(False), "torch fast": torch_gradcheck(True)}
    if find_spec("jax"):
        peers["jax check_vjp"] = jax_check
    return peers


def passes(peer: Peer, layer: Layer, bug: Bug | None, case: str, seed: int) -> tuple[bool, float]:
    pair = build(layer, bug)
    inputs = {k: np.array(v) for k, v in inputs_for(layer, case, seed).items()}
    start = time.perf_counter()
    with reference.quiet():
        np.random.seed(seed)  # noqa: NPY002  the code under test may draw from it
        try:
            return peer(layer, pair, inputs, seed), time.perf_counter() - start
        except Exception:
            return False, time.perf_counter() - start


def compare(
    layers: Iterable[Layer], seeds: Iterable[int], cases: tuple[str, ...], share: float
) -> dict[str, dict[str, Any]]:
    """For each peer: wrong code that passed and right code that failed, as (layer, bug, case, seed)."""
    peers = available()
    score: dict[str, dict[str, Any]] = {
        name: {"wrong passed": [], "right failed": [], "wrong": 0, "right": 0, "seconds": 0.0}
        for name in peers
    }
    for layer in layers:
        for case in layer.cases:
            if cases and case not in cases:
                continue
            for seed in seeds:
                for bug in (None, *layer.bugs):
                    mark = zlib.crc32(f"{layer.name}/{bug and bug.name}/{case}/{seed}".encode()) / 2**32
                    if bug is not None and (mark >= share or not _demanded(layer, bug, case, seed)):
                        continue
                    for name, peer in peers.items():
                        good, seconds = passes(peer, layer, bug, case, seed)
                        score[name]["seconds"] += seconds
                        score[name]["right" if bug is None else "wrong"] += 1
                        if bug is None and not good:
                            score[name]["right failed"].append((layer.name, "", case, seed))
                        if bug is not None and good:
                            score[name]["wrong passed"].append((layer.name, bug.name, case, seed))
    return score


def _demanded(layer: Layer, bug: Bug, case: str, seed: int) -> bool:
    if bug.code is not None:
        return case in bug.where
    return any(sight.visible for sight in seen(layer, bug, case, seed).values())


def report(layers: list[Layer], seeds: Iterable[int], cases: tuple[str, ...], share: float) -> str:
    score = compare(layers, list(seeds), cases, share)
    lines = [f"{'peer':16}{'wrong passed':>22}{'right failed':>20}{'float64 only':>28}{'seconds':>10}"]

    def low(entry: tuple[str, str, str, int]) -> bool:
        return entry[2].startswith("float")

    for name, s in score.items():
        wide = (sum(not low(e) for e in s["wrong passed"]), sum(not low(e) for e in s["right failed"]))
        lines.append(
            f"{name:16}{len(s['wrong passed']):>12} of {s['wrong']:<6}"
            f"{len(s['right failed']):>12} of {s['right']:<6}"
            f"{f'{wide[0]} passed, {wide[1]} failed':>26}{s['seconds']:>9.0f}"
        )
    for name, s in score.items():
        for kind in ("wrong passed", "right failed"):
            lines.append(f"\n{name}: {kind}")
            lines += [
                f"  {layer} | {bug or '(correct)'} | {case} | seed {seed}"
                for layer, bug, case, seed in s[kind]
            ]
    return "\n".join(lines)
