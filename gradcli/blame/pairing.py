"""Which node of forward a name in backward means: `dvar`, `d_var`, `grad_var`, `var_grad` belong to `var`."""

import re
from collections.abc import Collection

_BEFORE = re.compile(
    r"^(?:d_?l_?d_?|d_?[a-z]{1,4}_+d_?|d[jec]_?d_?|dloss_?d?|grad(?:ient)?_?|delta_?|del_|adj(?:oint)?_?|bar_?|cot_?|ct_|g_?|d_?)"
    r"(?P<rest>.+)$",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"^(?P<rest>.+?)_?(?:grads?|gradient|bar|adj(?:oint)?|ct|cot|_g|_d|delta)$", re.IGNORECASE
)


def node_of(name: str, nodes: Collection[str]) -> str | None:
    """The forward name that a backward name belongs to, if it is one of `nodes` beyond doubt.

    Upper and lower case count where both occur: `P` and `p` are two nodes.
    """
    for fold in (str, str.lower):
        own: dict[str, list[str]] = {}
        for node in nodes:
            own.setdefault(fold(_bare(node)), []).append(node)
        for candidate in candidates(name):
            found = own.get(fold(candidate), [])
            if len(found) == 1:
                return found[0]
            if found:
                return None
    return None


def candidates(name: str) -> list[str]:
    """What is left of a name without the marks of a gradient, in bare form."""
    name = name.rpartition(".")[2]
    found = []
    rest = name
    for pattern in (_BEFORE, _AFTER):
        match = pattern.match(name)
        if match:
            found.append(_bare(match["rest"]))
    while len(rest) > 1 and rest[0] == "d":  # dL_dx was tried: a lone d is the usual mark
        rest = rest[1:].lstrip("_")
        found.append(_bare(rest))
    return [f for f in dict.fromkeys(found) if f]


def _bare(name: str) -> str:
    return name.rpartition(".")[2].replace("_", "")
