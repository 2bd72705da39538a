"""YAML configs: every mistake of a file at once, each with its line and column.

Loaded on first use, so that the table of settings can be read without importing yaml.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradcli.config.files import load as load
    from gradcli.config.files import load_folder as load_folder
    from gradcli.config.json_schema import schema as schema

_HOME = {
    "load": "gradcli.config.files",
    "load_folder": "gradcli.config.files",
    "schema": "gradcli.config.json_schema",
}

__all__ = ["load", "load_folder", "schema"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'gradcli.config' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
