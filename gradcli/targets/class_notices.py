"""What a backward does to its object beside giving gradients: updates, and buffers that are not empty."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.result import Violation
from gradcli.subject import copies
from gradcli.targets.class_calls import Calls
from gradcli.targets.living import Prototype, fill_gradients, zero_gradients
from gradcli.targets.parameters import Parameter
from gradcli.targets.places import at


def notice(
    calls: Calls, prototype: Prototype, inputs: Mapping[str, Array], cotangents: tuple[Array, ...]
) -> list[Violation]:
    """GC205 and GC111. Cost: two forwards and backwards."""
    parameters = prototype.parameters
    clean, dirty = prototype.born({}), prototype.born({})
    rng = np.random.default_rng(0)
    try:
        _, kept = calls.run(clean, copies(inputs))
        before = {p.name: np.array(at(clean, p.value)) for p in parameters}
        zero_gradients(clean, parameters)
        calls.pull(clean, cotangents, kept)
        _, kept = calls.run(dirty, copies(inputs))
        filled = fill_gradients(dirty, parameters, lambda buffer: rng.standard_normal(buffer.shape))
        calls.pull(dirty, cotangents, kept)
    except (Exception, SystemExit):
        return []  # the check will find it again, and say where
    updated = [p.name for p in parameters if not np.array_equal(at(clean, p.value), before[p.name])]
    notes = [_updates(updated)] if updated else []
    return notes + _accumulation(parameters, clean, dirty, filled)


def _updates(names: list[str]) -> Violation:
    message = f"backward also updates {', '.join(names)}: its gradient was read from before the update"
    return Violation("GC205", message)


def _accumulation(
    parameters: tuple[Parameter, ...], clean: Any, dirty: Any, filled: Mapping[str, Array]
) -> list[Violation]:
    """How gradients meet a buffer that is not empty: all are added to it, or all replace what is there."""
    ways: dict[str, list[str]] = {"replaced": [], "added to": [], "neither": []}
    for parameter in parameters:
        if parameter.name in filled and parameter.gradient is not None:
            fresh, found = (np.asarray(at(born, parameter.gradient)) for born in (clean, dirty))
            ways[_way(fresh, found, filled[parameter.name])].append(parameter.name)
    broken = [
        Violation(
            "GC111", f"in a buffer that is not zero, the gradient of {name} is neither replaced nor added to"
        )
        for name in ways["neither"]
    ]
    if ways["replaced"] and ways["added to"]:
        message = (
            f"backward adds to the gradient of {', '.join(ways['added to'])}, "
            f"but replaces that of {', '.join(ways['replaced'])}: over several calls they differ"
        )
        broken.append(Violation("GC205", message))
    return broken


def _way(fresh: Array, found: Array, filled: Array) -> str:
    if fresh.shape != found.shape or fresh.dtype.kind not in "fiu":
        return "replaced"  # judged elsewhere
    slack = 1e-4 * (np.max(np.abs(fresh), initial=0.0) + np.max(np.abs(filled), initial=0.0))
    if np.all(np.abs(found - fresh) <= slack):
        return "replaced"
    if fresh.shape == filled.shape and np.all(np.abs(found - fresh - filled) <= slack):
        return "added to"
    return "neither"
