"""How the values of options are read: numbers strictly and as in a config."""

import math
from collections.abc import Callable, Collection
from typing import Any, TypeVar

import click

from gradcli.config.settings import SETTINGS, Setting
from gradcli.targets.notation import parse_constant

Function = TypeVar("Function", bound=Callable[..., Any])


def read_number(text: str) -> int | float | str:
    """The number that the text stands for, an integer where it is one (1e5 too), else the text itself."""
    value = parse_constant(f"number={text}")[1] if text.strip() else text
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text


def setting_options(names: Collection[str]) -> Callable[[Function], Function]:
    """A decorator: `--seed`, `--tol` and other settings, None where the user did not give them."""

    def decorate(function: Function) -> Function:
        for setting in reversed(SETTINGS.values()):
            if setting.name in names and setting.kind != "flag":
                function = _setting_option(setting)(function)
        return function

    return decorate


def _setting_option(setting: Setting) -> Callable[[Function], Function]:
    text = f"{setting.help}{_default(setting)}"
    if setting.kind == "choice":
        return click.option(f"--{setting.name}", type=click.Choice(setting.choices), help=text)
    metavar = "|".join((*setting.choices, "N")) if setting.choices else setting.kind.upper()

    def read(ctx: click.Context, param: click.Parameter, given: str | None) -> object:
        return None if given is None else _read_setting(setting, given)

    return click.option(f"--{setting.name}", metavar=metavar, callback=read, help=text)


def _default(setting: Setting) -> str:
    if setting.default is None:
        return ""
    shown = format(setting.default, "g") if isinstance(setting.default, float) else setting.default
    return f"  [default: {shown}]"


def _read_setting(setting: Setting, text: str) -> object:
    if text in setting.choices:
        return text
    value = read_number(text)
    words = f"one of {', '.join(setting.choices)} or " if setting.choices else ""
    wanted, types = ("a number", int | float) if setting.kind == "number" else (f"{words}an integer", int)
    mistake = ""
    if not isinstance(value, types):
        mistake = f"must be {wanted}"
    elif not math.isfinite(value):
        mistake = "must be a finite number"
    elif setting.minimum is not None and value < setting.minimum:
        mistake = f"must be {words}at least {setting.minimum}"
    elif setting.above is not None and value <= setting.above:
        mistake = f"must be greater than {setting.above:g}"
    if mistake:
        raise click.BadParameter(f"{mistake}, got {text}")
    return value
