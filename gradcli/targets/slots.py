"""What each parameter of a backward is for, as its name and its place say; see `backward_call`."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from inspect import Parameter

from gradcli.dataclass import dataclass
from gradcli.targets.results import input_named

# Texts, compiled where they are first used: most checks never look at them.
_CACHE_NAME = (
    r"cached?|caches|saved(_tensors|_values)?|stash|stored?|ctx|context|res|residuals?|tape|aux|mem|memory|state"
    r"|intermediates|\w+_cache"
)
_OUTPUT_NAME = r"outputs?|out|y|z|a|(softmax|sigmoid|tanh|layer|forward)_?(outputs?|out)"
# Many words start with a d: beside the first parameter only d_..., two letters and the usual stems count.
_COTANGENT_NAME = (
    r"g|d_\w+|d[a-zA-Z]\d?|d(out|next|prev|state|cell|hidden|loss|[hcsyz]_)\w*|grads?|gradout\w*|ct|cot|cotangents?|upstream|adjoint|(grad|g|ct|cot|cotangent|upstream|adjoint)_\w+"
    r"|\w+_(grad|bar|ct|cotangent|adjoint)"
)
# Words that start with a d and are no derivative.
_ORDINARY = (
    r"data|ddof|debug|decay|default|degrees?|delay|dense|depth|det|device|diag|dict|diff|dilations?|dims?"
    r"|direction|dist|distance|do|domain|dot|down|drop(_\w+)?|dropout(_\w+)?|dtype|dt"
)

CACHE, VALUE, OUTPUT, FREE = "cache", "value", "output", "free"
SHAPE, LENGTH = "shape", "length"
_TABLE = r"weights?|w|table|emb(ed\w*)?|e"
_ROWS = r"vocab(ulary)?_?size|num_(embeddings|words|tokens|rows)|n_(words|tokens|rows)"


@dataclass(frozen=True)
class Slot:
    """A parameter of backward."""

    name: str
    role: str  # what it gets if it is not a cotangent: CACHE, VALUE, OUTPUT or FREE
    required: bool
    by_keyword: bool
    source: str = ""  # the value that it gets, where that is called otherwise: `Xp` of X
    part: str = ""  # what of the value it gets: SHAPE or LENGTH


def slots_of(parameters: Sequence[Parameter], values: Collection[str]) -> tuple[Slot, ...]:
    """Every named parameter in order; values: what backward may ask for by name."""
    names = [parameter.name for parameter in parameters]
    slots = tuple(
        Slot(
            name=parameter.name,
            role=_role(parameter.name, values, names),
            required=parameter.default is Parameter.empty,
            by_keyword=parameter.kind is Parameter.KEYWORD_ONLY,
        )
        for parameter in parameters
        if parameter.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    )
    slots = tuple(_in_other_case(slot, values) for slot in slots)
    return tuple(_measured(slot, values) for slot in _with_aliases(slots, values))


def is_cache(name: str) -> bool:
    """Whether what people keep for backward is called so."""
    return re.fullmatch(_CACHE_NAME, name.lower()) is not None


def _in_other_case(slot: Slot, values: Collection[str]) -> Slot:
    """The Z of `backward(dA, Z)` is the z of `forward(z)`, and no output."""
    alike = [name for name in values if name.lower() == slot.name.lower()]
    is_other = slot.role in (OUTPUT, FREE) and slot.required and len(alike) == 1
    return replace(slot, role=VALUE, source=alike[0]) if is_other else slot


def _with_aliases(slots: tuple[Slot, ...], values: Collection[str]) -> tuple[Slot, ...]:
    """`Xp` in front of a cotangent is X: what is called after a single input that backward does not take."""
    place = next((i for i, slot in enumerate(slots) if i and _looks_like_cotangent(slot)), 0)
    first = slots[0] if slots else None
    if not place or first is None or first.role != FREE or _looks_like_cotangent(first):
        return slots
    left = [name for name in values if name not in [slot.name for slot in slots]]
    alike = [name for name in left if first.name.lower().startswith(name.lower())]
    return (replace(first, role=VALUE, source=alike[0]), *slots[1:]) if len(alike) == 1 else slots


def _measured(slot: Slot, values: Collection[str]) -> Slot:
    """`x_shape` is the shape of x, `input_shape` of the first input, `vocab_size` a table's length."""
    if slot.role != FREE or not slot.required:
        return slot
    lower = slot.name.lower()
    owner = lower.removesuffix("shape").rstrip("_") if lower.endswith("shape") else None
    if owner is not None:
        named = [name for name in values if name.lower() == owner]
        named = named or (list(values)[:1] if owner in ("", "x", "in", "input", "inputs") else [])
        return replace(slot, role=VALUE, source=named[0], part=SHAPE) if named else slot
    tables = [name for name in values if re.fullmatch(_TABLE, name.lower())]
    if len(tables) == 1 and re.fullmatch(_ROWS, lower):
        return replace(slot, role=VALUE, source=tables[0], part=LENGTH)
    return slot


def _role(name: str, values: Collection[str], names: Collection[str]) -> str:
    if name in values and name != "cache":
        return VALUE
    if is_cache(name):
        return CACHE
    # `backward(b, gb)`: a cotangent is called after its output.
    has_cotangent = any(f"{start}{name}" in names for start in ("g", "d", "d_", "grad_", "g_"))
    return OUTPUT if re.fullmatch(_OUTPUT_NAME, name.lower()) or has_cotangent else FREE


def cotangent_places(slots: tuple[Slot, ...], results: Callable[[], tuple[str, ...]]) -> tuple[int, ...]:
    """Which are cotangents; results: the names of what forward returns, asked for where they decide."""
    if not slots:
        return ()
    first = 0
    if slots[0].role != FREE:
        later = (place for place, slot in enumerate(slots) if place and _looks_like_cotangent(slot))
        # Where all others are inputs, what is left is the cotangent whatever its name.
        free = [place for place, slot in enumerate(slots) if slot.required and slot.role == FREE]
        first = next(later, free[0] if len(free) == 1 else 0)
    places = [first]
    for place in range(first + 1, len(slots)):
        slot = slots[place]
        if not (slot.required and (_looks_like_cotangent(slot) or _is_of_a_result(slot, results))):
            break
        places.append(place)
    return tuple(places)


def looks_like_cotangent(name: str) -> bool:
    """Whether a parameter is called what people call cotangents."""
    lower = name.lower()
    return not re.fullmatch(_ORDINARY, lower) and re.fullmatch(_COTANGENT_NAME, lower) is not None


def _looks_like_cotangent(slot: Slot) -> bool:
    return slot.role not in (CACHE, VALUE) and looks_like_cotangent(slot.name)


def _is_of_a_result(slot: Slot, results: Callable[[], tuple[str, ...]]) -> bool:
    """Whether it is called after something that forward returns: `dkl` beside `return z, kl, cache`."""
    named = re.match(r"d|g", slot.name.lower()) or slot.name.lower().endswith(("_grad", "_bar"))
    if slot.role != FREE or not named:
        return False
    names = [name for name in results() if name]
    return slot.name not in names and input_named(slot.name, names) is not None
