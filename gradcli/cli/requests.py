"""From the words of a command line to the checks that they ask for."""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from gradcli.cli.layer_options import flag, read_values
from gradcli.dataclass import dataclass
from gradcli.declarations import NONE, Declarations, plain
from gradcli.errors import ConfigError, NothingToCheck, UsageError
from gradcli.layers import LAYERS
from gradcli.reachable import is_folder
from gradcli.spec import CheckSpec, Loading, Settings
from gradcli.suite.outcome import Outcome
from gradcli.targets import PROGRAM, PROGRAM_BUDGET, options_of, parse
from gradcli.targets.notation import parse_constant, parse_input

T = TypeVar("T")


@dataclass(frozen=True)
class Arguments:
    """What the command line gives to the functions under test."""

    options: Mapping[str, str | bool]  # dimensions and constants that a layer declares
    inputs: Sequence[str]  # "x=4x3"
    inputs_file: Path | None
    constants: Sequence[str]  # "eps=1e-5"
    loading: Loading
    declarations: Declarations = NONE
    order: int | None = None

    @property
    def used(self) -> list[str]:
        """The options that were given, as the user wrote them."""
        file = ["--inputs"] if self.inputs_file is not None else []
        file += ["--stub"] if self.loading.stubs else []
        file += ["--only-symbol"] if self.loading.only_symbol else []
        file += [flag(key) for key in plain(self.declarations)]
        file += [] if self.order is None else ["--order"]
        lists = {"--input": self.inputs, "--set": self.constants}
        return [flag(name) for name in self.options] + [name for name, given in lists.items() if given] + file


def read_specs(
    targets: Sequence[str], arguments: Arguments, settings: Mapping[str, object]
) -> tuple[list[CheckSpec], list[Outcome]]:
    """The checks of all targets in their order, and an outcome for each folder in which there is none.

    settings: those that were given; they replace a config's. Raises ConfigError or UsageError with the
    mistakes of all targets.
    """
    inputs = _named(arguments.inputs, parse_input, "--input")
    constants = _named(arguments.constants, parse_constant, "--set")
    common = CheckSpec(
        "",
        inputs=inputs,
        inputs_file=arguments.inputs_file,
        constants=constants,
        loading=arguments.loading,
        declarations=arguments.declarations,
        order=arguments.order,
    )
    specs: list[CheckSpec] = []
    empty: list[Outcome] = []
    mistakes: list[str] = []
    for target in map(_portable, targets):
        try:
            specs += [_with(spec, settings) for spec in _specs_of(target, arguments, common)]
        except NothingToCheck as error:
            empty.append(Outcome(target, error=error))
        except ConfigError as error:
            mistakes += error.mistakes
        except UsageError as error:
            mistakes += str(error).splitlines()
    if mistakes:
        raise ConfigError(mistakes)
    return specs, empty


def _portable(target: str) -> str:
    """The target as it is written on every system: its id, and so what is drawn for it, is the same."""
    return target if os.sep == "/" or target.startswith(PROGRAM) else target.replace(os.sep, "/")


def _specs_of(target: str, arguments: Arguments, common: CheckSpec) -> list[CheckSpec]:
    if not target.strip():
        raise UsageError("a target is empty; write a layer, a file, or . for this folder")
    path = Path(target)
    is_file = target.lower().endswith((".yaml", ".yml"))
    if target not in LAYERS and (is_file or is_folder(path)):
        if arguments.used:
            kind = "folder" if is_folder(path) else "config"
            raise UsageError(
                f"{target} is a {kind}: {', '.join(arguments.used)} cannot be given beside it; "
                "write that next to the target in the config"
            )
        if is_folder(path):
            return _specs_in(path)
        from gradcli import config

        return config.load(path)
    if target.startswith(PROGRAM):
        common = replace(common, settings=Settings(budget=PROGRAM_BUDGET))
    target, options = _of_layer(target)
    options |= arguments.options
    return [replace(common, target=target, options=read_values(target, options_of(target), options))]


def _of_layer(target: str) -> tuple[str, dict[str, str | bool]]:
    """The layer and the options in the id of a check: `batchnorm[batch=2,features=3]` can be pasted back."""
    name, _, listed = target.partition("[")
    if name not in LAYERS or not listed.endswith("]"):
        return target, {}
    pairs = (pair.partition("=") for pair in listed[:-1].split(","))
    words: dict[str, str | bool] = {"True": True, "False": False}
    return name, {option: words.get(value, value) for option, _, value in pairs}


def _specs_in(folder: Path) -> list[CheckSpec]:
    """The checks of a folder's configs, then its Python files, but for those that a config names.

    Raises NothingToCheck if there is neither.
    """
    from gradcli import config
    from gradcli.targets.folder import python_files

    specs: list[CheckSpec] = []
    with contextlib.suppress(NothingToCheck):
        specs = config.load_folder(folder)
    named = {(spec.base / parse(spec.target).place).resolve() for spec in specs}
    specs += [
        CheckSpec(path.as_posix(), found=True) for path in python_files(folder) if path.resolve() not in named
    ]
    if not specs:
        raise NothingToCheck(f"{folder}: no config in this folder, and no Python file with a gradient")
    return specs


def _with(spec: CheckSpec, settings: Mapping[str, object]) -> CheckSpec:
    """The spec with the settings of the command line; dtype is the one that stands beside the others."""
    if not settings:
        return spec
    changed = {name: value for name, value in settings.items() if name != "dtype"}
    spec = replace(spec, settings=replace(spec.settings, **changed))  # type: ignore[arg-type]
    return replace(spec, dtype=str(settings["dtype"])) if "dtype" in settings else spec


def _named(texts: Sequence[str], parse: Callable[[str], tuple[str, T]], name: str) -> dict[str, T]:
    """What `--input` or `--set` say, by argument. Raises UsageError for an argument that is given twice."""
    found: dict[str, T] = {}
    for text in texts:
        argument, value = parse(text)
        if argument in found:
            raise UsageError(f"{name} {text}: {argument} is given twice")
        found[argument] = value
    return found
