"""Whose code a file holds: the user's own, or that of a package that was installed."""

from pathlib import Path


def is_installed(file: str | Path) -> bool:
    """Whether a file lies where packages are installed."""
    return not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)
