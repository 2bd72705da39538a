"""What has to be said for each target of these tests: `python -m tests.targets.table`.

Every line is a check of its own, of code that is right or that holds a planted defect. It is judged correctly
if right code passes, and if of wrong code a gradient that has the defect fails.
"""

import contextlib
import os
import sys
import tempfile
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gradcli import check_target
from gradcli.errors import GradcliError
from tests.targets import (
    test_habits,
    test_spelled,
    test_spelled_object,
    test_spelled_tape,
    test_tape,
    test_unchanged_code,
    test_vjp_file,
)
from tests.targets.classes import test_class_targets as classes
from tests.targets.frameworks import test_autograd_targets, test_jax_targets, test_torch_targets

HABITS = Path(__file__).parent / "habits"
_PAIRS = (
    "assignment.py",
    "plain.py",
    "network_steps.py",
    "course_losses.py",
    "course_layers.py",
    "in_torch.py",
)
_CLASSES = ("built.py", "kept.py", "loss_objects.py", "called.py", "hidden.py", "late.py")


@dataclass(frozen=True)
class Row:
    """A target, and what is expected of it."""

    convention: str
    target: str
    source: str  # of the file that the target names
    wrong: frozenset[str]  # gradients one of which must fail; empty for right code
    said: str = ""  # beside the name
    config: str = ""  # the check as a config has it

    def is_judged_correctly(self) -> bool:
        """Check it in a folder of its own."""
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            Path(self.target.partition(":")[0]).write_text(self.source)
            Path("net.yaml").write_text(f"version: 1\nchecks:\n{self.config}")
            given = dict(word.split("=") for word in self.said.split() if not self.config)
            target = "net.yaml" if self.config else self.target
            try:
                result = check_target(target, inputs=given, blame=False, budget=60.0)
            except GradcliError:
                return False
        failed = {name for name, found in result.gradients.items() if found.verdict == "fail"}
        return bool(failed & self.wrong) if self.wrong else result.verdict == "pass"


def rows() -> Iterator[Row]:
    """All targets, convention by convention."""
    for file, targets in test_unchanged_code.TARGETS.items():
        for name, wrong in targets.items():
            yield Row(_convention(file), f"{file}:{name}", (HABITS / file).read_text(), frozenset(wrong))
    for file, name, right, slip, gradients in test_habits.TARGETS:
        source = (HABITS / file).read_text()
        wrong = frozenset(gradients.split())
        yield Row(_convention(file), f"{file}:{name}", source.replace(right, slip), wrong)
    for name, *_ in classes.CORRECT[:25]:
        yield Row("class", f"layer.py:{name}", classes.text_of(name), frozenset())
    for name, right, slip, gradients in classes.DEFECTS[:25]:
        source = classes.text_of(name).replace(right, slip, 1)
        yield Row("class", f"layer.py:{name}", source, frozenset(gradients))
    yield from _frameworks()
    yield from _frameworks_said()
    yield from _spelled()
    yield from _programs()


_PROGRAM = """
import sys
import numpy as np

given = dict(np.load(sys.argv[1]))
x, w = given["x"], given["w"]
found = {"out": x**3 * w}
if "cotangent" in given:
    found["grad/x"] = given["cotangent"] * 3 * x**2 * w
    found["grad/w"] = given["cotangent"] * x**3
np.savez(sys.argv[2], **found)
"""


def _programs() -> Iterator[Row]:
    """A program in a config: a file of its own that is started for many points at once."""
    check = f"  - {{target: 'exec:{sys.executable} program.py {{in}} {{out}}', inputs: {{x: 4, w: 4}}}}"
    for source, wrong in ((_PROGRAM, ""), (_PROGRAM.replace("3 * x**2", "2 * x**2"), "x")):
        yield Row("program", "program.py", source, frozenset(filter(None, [wrong])), "exec, inputs", check)


def _convention(file: str) -> str:
    if file in _PAIRS:
        return "pair"
    if file in _CLASSES:
        return "class"
    return "elementwise" if file == "activations.py" else "cost"


def _frameworks() -> Iterator[Row]:
    torch = "import torch\n" + textwrap.dedent(test_torch_targets.SWISH)
    jax = "import functools\nimport jax\nimport jax.numpy as jnp\n" + textwrap.dedent(test_jax_targets.VJP)
    autograd = test_autograd_targets.LOGSUMEXP
    tape, vjp = test_tape.MICROGRAD, test_vjp_file.FILE
    for convention, target, source, right, slip, wrong, said in (
        ("torch", "f.py:Swish", torch, "x * s * (1 - s)", "x * s", "x", ""),
        ("jax", "f.py:logcosh", jax, "g * a * jnp.tanh(x)", "a * jnp.tanh(x)", "x", ""),
        ("autograd", "f.py:logsumexp", autograd, "/ t), arg", "), arg", "x", ""),
        ("tape", "f.py:Value.tanh", tape, "(1 - t**2)", "(1 - t)", "a", ""),
        ("tape", "f.py:Value.mul", tape, "other.data * out.grad", "out.grad", "a", ""),
        ("dictionaries", "f.py:vjp", vjp, "", "", "", "x=3x2 a=scalar"),
    ):
        yield Row(convention, target, source, frozenset(), said)
        if right:
            assert right in source, target
            yield Row(convention, target, source.replace(right, slip, 1), frozenset({wrong}), said)


def _frameworks_said() -> Iterator[Row]:
    """Values that no guess would find, and names that say nothing."""
    torch = "import torch\n" + textwrap.dedent(test_torch_targets.SWISH)
    jax = "import functools\nimport jax\nimport jax.numpy as jnp\n" + textwrap.dedent(test_jax_targets.VJP)
    bump = "import numpy as np\n\ndef bump(r):\n    return np.exp(-r * r)\n\n"
    bump += "def tilt(r):\n    return -2 * r * bump(r)\n"
    for convention, target, source, check, right, slip, wrong, said in (
        (
            "torch",
            "f.py:Swish",
            torch,
            "inputs: {x: 2x5}, constants: {beta: 0.4}",
            "ctx.beta * x",
            "x",
            "x",
            "inputs, constants",
        ),
        ("jax", "f.py:logcosh", jax, "inputs: {x: 5, a: scalar}", "jnp.sum(g", "jnp.mean(g", "a", "inputs"),
        (
            "autograd",
            "f.py:logsumexp",
            test_autograd_targets.LOGSUMEXP,
            "inputs: {x: 6}, constants: {t: 0.8}",
            "/ t), arg",
            "), arg",
            "x",
            "inputs, constants",
        ),
        (
            "elementwise",
            "f.py",
            bump,
            "f: bump, grad: tilt, inputs: {r: 7}",
            "-2 * r",
            "2 * r",
            "r",
            "f, grad, inputs",
        ),
    ):
        config = f"  - {{target: {target}, {check}}}"
        yield Row(convention, target, source, frozenset(), said, config)
        assert right in source, target
        yield Row(convention, target, source.replace(right, slip, 1), frozenset({wrong}), said, config)


def _spelled() -> Iterator[Row]:
    engine, keys = test_spelled_tape.ENGINE, test_spelled_tape.SPELLED
    tape = "tape: {" + ", ".join(f"{key}: '{text}'" for key, text in keys.items()) + "}"
    objects = test_spelled_object
    plain = test_spelled.SOURCE.replace('raise_if_run = open("missing.txt")\n', "")
    by_name = "  - {target: adjoint.py, %s}"
    spelled = (
        ("tape", "engine.py:neuron", engine, f"  - {{target: engine.py:neuron, {tape}}}"),
        ("class", "odd.py:Mixer", objects.SOURCE, objects.MIXER),
        ("class", "odd.py:chain", objects.SOURCE, objects.CHAIN),
        ("class", "odd.py:Misfit", objects.SOURCE, objects.MISFIT),
        ("pair", "adjoint.py:ahead", plain, by_name % "forward: ahead, backward: back"),
        ("cost", "adjoint.py:misfit", plain, by_name % "f: misfit, grad: sensitivity"),
        (
            "dictionaries",
            "adjoint.py:whole",
            plain,
            by_name % "forward: whole, vjp: adjoint, inputs: {x: 4x3}",
        ),
    )
    slips = (
        ("(1 - t * t)", "(1 - t)", "x", "tape"),
        ("d.sum(axis=0)", "d.mean(axis=0)", "lift", "methods, constructor, parameters, gradients"),
        ("up = part.down", "up = 2 * part.down", "x", "methods, parameters, gradients"),
        ("self.power * X.T", "X.T", "theta", "f, grad, constructor"),
        ("x.T @ d", "2 * x.T @ d", "w", "forward, backward"),
        ("- d) * np.exp(m)", "- d) * np.exp(-m)", "m", "f, grad"),
        ("2 * inputs", "3 * inputs", "x", "forward, vjp, inputs"),
    )
    for (convention, file, source, check), (right, slip, wrong, said) in zip(spelled, slips, strict=True):
        yield Row(convention, file, source, frozenset(), said, check)
        assert right in source, file
        yield Row(convention, file, source.replace(right, slip, 1), frozenset({wrong}), said, check)


def main() -> int:
    """Print the table and its totals; 1 if a line is judged wrongly."""
    total: Counter[tuple[str, str, bool]] = Counter()
    for row in rows():
        good = row.is_judged_correctly()
        how = "said" if row.said else "no flags"
        total[row.convention, how, good] += 1
        kind = "defect" if row.wrong else "right"
        print(
            f"{row.convention:12} {row.target:40} {kind:7} {row.said or '-':45} {'ok' if good else 'WRONG'}",
            flush=True,
        )
    for convention in dict.fromkeys(convention for convention, _, _ in total):
        for how in ("no flags", "said"):
            good, bad = total[convention, how, True], total[convention, how, False]
            if good + bad:
                print(f"{convention:12} {how:9} {good} of {good + bad}")
    return int(any(not good for _, _, good in total))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
