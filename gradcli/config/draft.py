"""A config as text, for what a file holds and what was inferred for it."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence

from gradcli.problem import Problem
from gradcli.spec import InputSpec

_WIDTH = 100


def draft(problems: Sequence[Problem], mistakes: Iterable[str], *, target: str) -> str:
    """YAML with a check for each problem, and a comment for each mistake: what could not be inferred.

    target: the file as the config is to name it, relative to its own folder.
    """
    lines = ["version: 1", "checks:" if problems else "checks: []"]
    for problem in problems:
        lines += _check(problem, target)
    for mistake in mistakes:
        lines += [f"  # {line}" for line in mistake.splitlines()]
    return "\n".join(lines) + "\n"


def _check(problem: Problem, target: str) -> list[str]:
    name = problem.target.rpartition(":")[2]
    lines = [f"  - target: {json.dumps(f'{target}:{name}', ensure_ascii=False)}"]
    if problem.inferred is None:
        return [*lines, "    # nothing had to be inferred"]
    lines += [f"    # {remark}" for remark in problem.remarks if not remark.startswith("inferred: ")]
    inputs = {name: _input(spec) for name, spec in problem.inferred.inputs.items()}
    return [*lines, *_entries("inputs", inputs), *_entries("constants", _plain(problem.inferred.constants))]


def _plain(constants: Mapping[str, object]) -> dict[str, str]:
    return {name: json.dumps(value) for name, value in constants.items()}


def _entries(key: str, values: Mapping[str, str]) -> list[str]:
    """`inputs: {x: …}` on one line where it fits, else one line for each."""
    if not values:
        return []
    flow = f"    {key}: {{{', '.join(f'{name}: {value}' for name, value in values.items())}}}"
    if len(flow) <= _WIDTH:
        return [flow]
    return [f"    {key}:", *(f"      {name}: {value}" for name, value in values.items())]


def _input(spec: InputSpec) -> str:
    parts = [f"shape: [{', '.join(map(str, spec.shape))}]"]
    if spec.dtype is not None:
        parts.append(f"dtype: {spec.dtype}")
    if spec.dtype is not None and "int" in spec.dtype:
        parts.append(f"high: {spec.high}")
    parts += [f"scale: {spec.scale!r}"] if not math.isclose(spec.scale, 1.0) else []
    parts += [f"offset: {spec.offset!r}"] if spec.offset else []
    return f"{{{', '.join(parts)}}}"
