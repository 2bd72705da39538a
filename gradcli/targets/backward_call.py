"""How cotangents, cache and arguments reach a backward, and which of forward's results are its outputs.

The convention is `backward(dout, cache)`. What people write beside it is read off the parameters:

1. The first parameter is the cotangent, whatever its name, unless it is named like the cache or an input
   and a later one like a cotangent (`backward(residuals, g)`, `backward(x, w, dout)`). Required parameters
   straight after it that are named like cotangents (`dh, dc`; `grad_h, grad_c`) or after what forward
   returns (`dkl` beside `return z, kl, cache`) are cotangents too.
   Of a Hessian times a vector (`hessp(x, p)`), it is the vector.
2. Of the others, one named like a cache gets the cache; one named like an input, a constant or an argument
   that forward has a default for gets that value; one named like the output (`out`, `y`) gets the output;
   one with a default keeps it; `x_shape` gets the shape of x. One that is left gets the cache; if forward
   returned none, the only input that backward does not ask for by name, or None if there are several.
3. If forward returned a cache and backward takes exactly one argument after the cotangent, it is the cache.

Forward's result, with k cotangents in backward:

    out                         one output, no cache
    (out, cache)                also where out is itself a tuple: ((h, c), cache)
    (h, c)                      two outputs without a cache, only if k is 2 and backward wants no more
    (h, c, cache)               k = 2: as many outputs as cotangents, then the cache;
                                k = 1: all but the last are outputs, and dout is the tuple of cotangents
    (a_next, y, cache)          backward(da_next, cache): the outputs that its cotangents are named after, if
                                that leaves some over; the rest is not differentiated
    (out, a, b)                 k = 1 and backward(dout, a, b, x) or backward(dout, *saved): the output, then
                                what backward takes
"""

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from inspect import Parameter
from typing import Any, NamedTuple

from gradcli.dataclass import dataclass
from gradcli.errors import BrokenPromise, Unmatched
from gradcli.targets.forward_call import parameters_of
from gradcli.targets.results import input_named
from gradcli.targets.slots import (
    CACHE,
    FREE,
    LENGTH,
    SHAPE,
    VALUE,
    Slot,
    cotangent_places,
    is_cache,
    slots_of,
)
from gradcli.targets.unnamed_arguments import nothing_known, taken_apart


class Kept(NamedTuple):
    """What forward's adapter keeps where backward needs more than the cache."""

    cache: Any
    returned: bool  # whether forward returned a cache at all
    spread: bool  # whether the cache is a series of results, one for each parameter
    values: dict[str, Any]  # the inputs, constants and defaults of forward that backward asks for
    output: Any


class Split(NamedTuple):
    """Forward's result, taken apart."""

    outputs: tuple[Any, ...]
    cache: Any = None
    returned: bool = False
    spread: bool = False


class Results(NamedTuple):
    """Which of forward's results are what."""

    outputs: tuple[int, ...]
    cache: int
    total: int


@dataclass(frozen=True)
class BackwardCall:
    """How backward is called; worked out once, used on every call."""

    slots: tuple[Slot, ...]  # every named parameter in order
    cotangents: tuple[int, ...]  # which of them are cotangents
    open_ended: bool  # takes *args, or its signature is unknown
    results: Callable[[], tuple[str, ...]] = tuple  # the names of what forward returns
    taken_apart: str = ""  # the name of an `*args` that must not be empty

    @cached_property
    def others(self) -> list[Slot]:
        """The parameters that must be given something beside the cotangents."""
        return [
            slot for place, slot in enumerate(self.slots) if place not in self.cotangents and _is_filled(slot)
        ]

    @property
    def asks_for(self) -> list[str]:
        """The inputs, constants and defaults of forward that backward takes by name."""
        return [slot.source or slot.name for slot in self.slots if slot.role == VALUE]

    @cached_property
    def keeps_only_cache(self) -> bool:
        """Whether the cache alone is all that backward can need."""
        roles = [slot.role for slot in self.others]
        return not self.open_ended and len(self.cotangents) <= 1 and roles in ([], [CACHE], [FREE])

    def split(self, result: Any) -> Split:
        """Tell outputs from cache by the rule above.

        Raises BrokenPromise GC108 for an empty tuple.
        """
        if not isinstance(result, tuple):
            return Split((result,))
        if len(result) == 2 and self._takes_pairs and not isinstance(result[0], tuple):
            return Split((result[0],), result[1], returned=True)
        if not result:
            raise BrokenPromise("GC108", "forward returned an empty tuple; expected an array or (out, cache)")
        first, *rest = result
        has_cache_slot, free = self._slots_for_results
        if isinstance(first, tuple) or len(result) == 1:
            outputs = tuple(first) if isinstance(first, tuple) else (first,)
            return _with_rest(outputs, rest)
        named = self._named_results if len(result) > 2 else None
        if named is not None and len(result) == named.total:
            return Split(tuple(result[p] for p in named.outputs), result[named.cache], returned=True)
        takes = len(self.cotangents)
        wants_cache = has_cache_slot or free > 0
        if takes == len(result) and not wants_cache and not self.open_ended:
            return Split(result)
        if 2 <= takes < len(result):
            return _with_rest(result[:takes], list(result[takes:]))
        takes_rest = len(rest) in (len(self.others), free) or (
            self.open_ended and self.slots and not self.others
        )
        if len(result) > 2 and takes_rest and not has_cache_slot:
            return _with_rest((first,), rest)
        return Split(result[:-1], result[-1], returned=True)

    @cached_property
    def _takes_pairs(self) -> bool:
        """Whether two results are an output and the cache: mostly, and every call comes this way."""
        return len(self.cotangents) != 2 or self.open_ended or self._slots_for_results != (False, 0)

    @cached_property
    def is_plain(self) -> bool:
        """Whether it is called `backward(dout, cache)` whatever the two are."""
        others = list(self.slots[1:])
        return (
            self.keeps_only_cache
            and self.cotangents == (0,)
            and len(others) == 1
            and others == self.others
            and not any(slot.by_keyword for slot in self.slots)
        )

    @cached_property
    def _slots_for_results(self) -> tuple[bool, int]:
        """Whether a parameter is the cache's by its name, and how many may be anything."""
        roles = [slot.role for slot in self.others]
        return CACHE in roles, roles.count(FREE)

    @cached_property
    def _named_results(self) -> "Results | None":
        """Where forward returns more than backward differentiates, as their names say."""
        names = self.results()
        wanted = [input_named(self.slots[place].name, filter(None, names)) for place in self.cotangents]
        outputs = tuple(names.index(name) for name in wanted if name is not None)
        left = [place for place in range(len(names)) if place not in outputs]
        if len(set(outputs)) < len(wanted) or not wanted or len(left) < 2 or len(self.others) != 1:
            return None
        caches = [place for place in left if is_cache(names[place])]
        return Results(outputs, (caches or left)[-1], len(names))

    def __call__(self, backward: Callable[..., Any], cotangents: tuple[Any, ...], kept: Kept) -> Any:
        """Call backward.

        Raises BrokenPromise GC108 if its parameters cannot be matched with what there is: Unmatched for one
        that nothing is known of.
        """
        if self.open_ended and not self.slots:
            return backward(_one_or_all(cotangents), *_cache_arguments(kept))
        given = self._cotangent_values(cotangents)
        others = [slot for slot in self.slots if slot.name not in given and _is_filled(slot)]
        values = given | self._other_values(others, kept)
        args: list[Any] = []
        keywords: dict[str, Any] = {}
        skipped = False
        for slot in self.slots:
            if slot.name not in values:
                skipped = True  # it keeps its default, so those after it go by keyword
            elif slot.by_keyword or skipped:
                keywords[slot.name] = values[slot.name]
            else:
                args.append(values[slot.name])
        if self.open_ended and not others and not skipped:
            args += _cache_arguments(kept)
        if self.taken_apart and len(args) <= len(self.slots):
            what = nothing_known("backward", self.taken_apart)
            raise Unmatched("GC108", f"{what}; expected backward(dout, cache)")
        return backward(*args, **keywords)

    def _cotangent_values(self, cotangents: tuple[Any, ...]) -> dict[str, Any]:
        names = [self.slots[place].name for place in self.cotangents]
        if not names:
            raise BrokenPromise("GC108", "backward takes no arguments; expected backward(dout, cache)")
        if len(cotangents) == 1 or len(names) == 1:
            return {names[0]: _one_or_all(cotangents)}
        if len(names) < len(cotangents):
            raise BrokenPromise(
                "GC108",
                f"forward has {len(cotangents)} outputs, but backward takes {len(names)} cotangents "
                f"({', '.join(names)}); expected one for each output, or one tuple",
            )
        return dict(zip(names, cotangents, strict=False))

    def _other_values(self, others: list[Slot], kept: Kept) -> dict[str, Any]:
        names = [slot.name for slot in others]
        if kept.spread and len(kept.cache) == len(others):
            return dict(zip(names, kept.cache, strict=True))
        if kept.returned and len(others) == 1 and (others[0].required or others[0].role != VALUE):
            return {names[0]: kept.cache}
        values = {slot.name: _value(slot, kept) for slot in others if slot.role != FREE}
        free = [slot.name for slot in others if slot.role == FREE]
        has_cache_slot = any(slot.role == CACHE for slot in others)
        if len(free) == 1 and not has_cache_slot:
            return values | {free[0]: kept.cache}
        if free and kept.returned and not has_cache_slot and _is_series(kept.cache, len(free)):
            return values | dict(zip(free, kept.cache, strict=True))
        if free:
            raise Unmatched(
                "GC108",
                f"backward takes {' and '.join(free)}, which is neither an argument of forward nor what it "
                "returned; expected backward(dout, cache)",
            )
        return values


def bind_backward(
    backward: Callable[..., Any],
    values: Collection[str],
    results: Callable[[], tuple[str, ...]] = tuple,
) -> BackwardCall:
    """Read the rule above off backward's signature.

    values: the names of inputs, constants and forward's defaults, which backward may ask for; results: what
    forward calls what it returns, asked for only where that decides.
    """
    parameters = parameters_of(backward)
    if parameters is None:
        return BackwardCall((), (), True, results)
    slots = slots_of(parameters, values)
    # `*_` is not looked at.
    open_ended = any(p.kind is Parameter.VAR_POSITIONAL and p.name.strip("_") for p in parameters)
    places = cotangent_places(slots, results)
    if _is_product(backward):
        # A Hessian is symmetric: its product with a vector is the vjp, and the vector the cotangent.
        places = next(((i,) for i, slot in enumerate(slots) if slot.role == FREE and slot.required), places)
    return BackwardCall(slots, places, open_ended, results, taken_apart(backward) if open_ended else "")


def _is_product(backward: Callable[..., Any]) -> bool:
    name = getattr(backward, "__name__", "")
    if not any(part in name.lower() for part in ("hess", "hv", "hp")):
        return False
    from gradcli.targets.cost_names import is_product  # most checks start sooner without

    return is_product(name)


def _is_filled(slot: Slot) -> bool:
    """An optional parameter keeps its default unless its name says what it is for."""
    return slot.required or slot.role in (CACHE, VALUE)


def _value(slot: Slot, kept: Kept) -> Any:
    if slot.role == VALUE:
        value = kept.values[slot.source or slot.name]
        return value.shape if slot.part == SHAPE else len(value) if slot.part == LENGTH else value
    return kept.cache if slot.role == CACHE else kept.output


def _with_rest(outputs: tuple[Any, ...], rest: list[Any]) -> Split:
    if not rest:
        return Split(outputs)
    if len(rest) == 1:
        return Split(outputs, rest[0], returned=True)
    return Split(outputs, tuple(rest), returned=True, spread=True)


def _one_or_all(cotangents: tuple[Any, ...]) -> Any:
    return cotangents[0] if len(cotangents) == 1 else cotangents


def _cache_arguments(kept: Kept) -> tuple[Any, ...]:
    if not kept.returned:
        return ()
    return tuple(kept.cache) if kept.spread else (kept.cache,)


def _is_series(cache: Any, length: int) -> bool:
    return isinstance(cache, tuple | list) and len(cache) == length


def kept_values(
    inputs: Mapping[str, Any],
    constants: Mapping[str, Any],
    defaults: Mapping[str, Any],
    aliases: Mapping[str, str],
) -> dict[str, Any]:
    """All that backward may ask for by name; an argument's own name stands for the input it took."""
    values = {**defaults, **constants, **inputs}
    return values | {argument: values[source] for argument, source in aliases.items()}
