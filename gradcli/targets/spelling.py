"""How a target says which functions belong together: `layers.py:forward=ahead,backward=back`."""

import re
from collections.abc import Mapping

ROLES = (("forward", "backward"), ("f", "grad"))
_WORD = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
_SPELLED = re.compile("|".join(f"{first}={_WORD},{second}={_WORD}" for first, second in ROLES))


def roles_of(symbol: str) -> dict[str, str]:
    """The functions by role; empty for a symbol that is a plain name."""
    if not _SPELLED.fullmatch(symbol):
        return {}
    return dict(part.split("=") for part in symbol.split(","))


def spelled(roles: Mapping[str, str]) -> str:
    """The symbol that `roles_of` reads."""
    return ",".join(f"{role}={name}" for role, name in roles.items())
