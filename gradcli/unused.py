"""Names that are not in use yet."""

from collections.abc import Container


def unused(name: str, used: Container[str]) -> str:
    """The name, or with the first number behind it that makes it another one: `x`, `x_2`, `x_3`."""
    found, count = name, 2
    while found in used:
        found, count = f"{name}_{count}", count + 1
    return found
