"""Which functions of a file belong together, from their names alone.

A pair is `X_forward` with `X_backward`, in any of these spellings: `X_fwd`/`X_bwd`, `forward_X`/`backward_X`,
`XForward`/`XBackward`, `X_forward_fast`/`X_backward_fast`, or plain `forward`/`backward`. A backward with
more words than any forward is another version for the forward without them: `bn_backward_alt` checks
`bn_forward`. A backward without any forward belongs to the function of its own name: `relu_backward`, or
`relu_vjp`, to `relu`.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^A-Za-z]+")
_FORWARD = {"forward": ("backward", "bwd"), "fwd": ("bwd", "backward")}
_BACKWARD = {"backward": ("forward", "fwd"), "bwd": ("fwd", "forward")}
# What a backward may be called beside a function that has no more than its own name.
_PULLS_BACK = {*_BACKWARD, "vjp", "adjoint", "adj", "backprop", "bprop"}


class Pair(NamedTuple):
    """Names of two functions, and the name of what they compute."""

    name: str
    forward: str
    backward: str


class Lone(NamedTuple):
    """A forward whose backward is missing, or the other way round."""

    name: str
    found: str
    missing: str


def find_pairs(names: Collection[str]) -> tuple[list[Pair], list[Lone]]:
    """The pairs among names, in the order of their forwards, and the halves without a partner."""
    pairs, paired = [], set()
    for forward in names:
        for name, candidates in _readings(forward, _FORWARD):
            backward = next((candidate for candidate in candidates if candidate in names), None)
            if backward is not None and backward not in paired:
                pairs.append(Pair(name, forward, backward))
                paired |= {forward, backward}
                break
    for backward in names:
        if backward in paired:
            continue
        pair = _variant(backward, names) or _beside_plain(backward, names)
        if pair is not None and pair.forward not in {other.backward for other in pairs}:
            pairs.append(pair)
            paired |= {pair.forward, backward}
    lone = [
        Lone(name, found, candidates[0])
        for found in names
        if found not in paired
        for name, candidates in list(_readings(found, _FORWARD | _BACKWARD))[:1]
    ]
    order = {name: place for place, name in enumerate(names)}
    pairs.sort(key=lambda pair: (order[pair.forward], order[pair.backward]))
    return _distinct(pairs), lone


def _distinct(pairs: list[Pair]) -> list[Pair]:
    """A second pair of the same name (`x_forward` beside `forward_x`) is called by its forward."""
    first: dict[str, Pair] = {}
    return [
        pair if first.setdefault(pair.name, pair) is pair else pair._replace(name=pair.forward)
        for pair in pairs
    ]


def _readings(name: str, partners: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, list[str]]]:
    """Each way to read name as one half of a pair: the pair's name, and what the other half may be called.

    The last word that says the direction is tried first: `feed_forward_forward` is the layer feed_forward.
    """
    for match in reversed(list(_WORDS.finditer(name))):
        word = match.group()
        if word.lower() in partners:
            before, after = name[: match.start()], name[match.end() :]
            others = [other.capitalize() if word[0].isupper() else other for other in partners[word.lower()]]
            yield _stem(before, after) or name, [before + other + after for other in others]


def _variant(backward: str, names: Collection[str]) -> Pair | None:
    """`bn_backward_alt` as a pair with `bn_forward`, if there is one."""
    for match in reversed(list(_WORDS.finditer(backward))):
        before, after = backward[: match.start()], backward[match.end() :]
        for other in _BACKWARD.get(match.group(), ()):
            if after.startswith("_") and before + other in names:
                return Pair(_stem(before, after), before + other, backward)
    return None


def _beside_plain(backward: str, names: Collection[str]) -> Pair | None:
    """`relu_backward` as a pair with `relu`, if there is one."""
    for match in reversed(list(_WORDS.finditer(backward))):
        plain = _stem(backward[: match.start()], backward[match.end() :])
        if match.group().lower() in _PULLS_BACK and plain in names:
            return Pair(plain, plain, backward)
    return None


def _stem(before: str, after: str) -> str:
    """What remains of a name without the word that says the direction: `max_pool` of `max_forward_pool`."""
    before, after = before.rstrip("_"), after.lstrip("_")
    return f"{before}_{after}" if before and after else before + after
