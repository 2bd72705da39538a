"""The shell line that repeats a check."""

from collections.abc import Mapping
from typing import Any

from gradcli.layers import LAYERS
from gradcli.shell import shell_line
from gradcli.spec import CheckSpec, Settings, derive_id, file_and_line
from gradcli.targets.notation import format_constant, format_input


def rerun_line(
    spec: CheckSpec, *, id: str, target: str, options: Mapping[str, Any], inputs: Mapping[str, Any]
) -> str | None:
    """The line that repeats this check with the same numbers; None if no line can.

    Numbers are drawn by id: a check of a config that flags would give another id is selected from its config.
    inputs: those to be drawn that were asked for, not those that a layer declares.
    """
    repeatable = _says_all(spec, inputs) and (target in LAYERS or not options)
    if spec.origin is not None and not (repeatable and target in LAYERS and id == derive_id(target, options)):
        config, _ = file_and_line(spec.origin)
        return shell_line(["gradcli", "check", config, "-k", id])
    if not repeatable:
        return None
    words = ["gradcli", "check", f"./{target}" if target.startswith("-") else target]
    words += [] if spec.order is None else ["--order", str(spec.order)]
    for name, value in options.items():
        words += _option(name, value)
    for name, asked in inputs.items():
        words += ["--input", format_input(name, asked) or ""]
    if spec.inputs_file is not None:
        words += ["--inputs", str(spec.inputs_file)]
    for name, value in spec.constants.items():
        words += ["--set", format_constant(name, value) or ""]
    return shell_line([*words, *_declarations(spec), *_loading(spec), *_settings(spec)])


def _says_all(spec: CheckSpec, inputs: Mapping[str, Any]) -> bool:
    return all(format_input(name, asked) for name, asked in inputs.items()) and all(
        format_constant(name, value) for name, value in spec.constants.items()
    )


def _option(name: str, value: object) -> list[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", str(value)]


def _declarations(spec: CheckSpec) -> list[str]:
    declared = spec.declarations
    words: list[str] = []
    for flag, values in (("--scale", declared.scale), ("--sign", declared.sign)):
        for name, value in values.items():
            words += _flag(flag, f"{name}={value}" if name else str(value))
    for name in declared.stop_gradient:
        words += ["--stop-gradient", name]
    for name in declared.nograd:
        words += ["--nograd", name]
    if declared.surrogate is not None:
        reason = declared.surrogate.reason
        for text in [f"{name}={reason}" for name in declared.surrogate.gradients] or [reason]:
            words += _flag("--surrogate", text)
    if declared.xfail is not None:
        words += _flag("--xfail", declared.xfail.reason)
        words += ["--xfail-until", str(declared.xfail.until)] if declared.xfail.until else []
    return words


def _flag(flag: str, text: str) -> list[str]:
    """What starts with a dash must not stand alone."""
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]


def _loading(spec: CheckSpec) -> list[str]:
    words = [word for name in spec.loading.stubs for word in ("--stub", name)]
    return [*words, "--only-symbol"] if spec.loading.only_symbol else words


def _settings(spec: CheckSpec) -> list[str]:
    """The settings that are not the default; the seed always, because it says that there is one."""
    words = ["--seed", str(spec.settings.seed)]
    if spec.dtype != CheckSpec.dtype:
        words += ["--dtype", spec.dtype]
    default = Settings()
    for name in ("tol", "step", "method", "elements", "budget"):
        value = getattr(spec.settings, name)
        if value != getattr(default, name):
            words += [f"--{name}", str(value)]
    return words
