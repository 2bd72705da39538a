"""The convention of classes: `forward(x)` and `backward(dout)`, parameters and their gradients as attributes.

Layers, losses and networks of layers; also objects of such classes that the file itself makes. Constructor
arguments are given like those of forward, with `--set` and `--input`; sizes that nobody gives follow from
their names and from the shape of the input.
"""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from types import FunctionType
from typing import Any, TypeGuard

import numpy as np

from gradcli.arrays import Array
from gradcli.errors import TargetError, UsageError
from gradcli.problem import Problem
from gradcli.spec import ObjectSpelling
from gradcli.targets.called import through_call
from gradcli.targets.class_methods import wants_target
from gradcli.targets.class_problem import accepts, make_class_problem
from gradcli.targets.constructor import construct, guess, is_training, unguessable
from gradcli.targets.convention import Advise, ByName, Checkable
from gradcli.targets.cost_methods import cost_halves_of, with_target
from gradcli.targets.forward_call import (
    argument_names,
    is_open_ended,
    parameters_of,
    required_arguments,
)
from gradcli.targets.halves import Behind, Halves, halves_of, is_slope, only_promised, static_halves_of
from gradcli.targets.implied_loss import with_usual_loss
from gradcli.targets.inference.trial import FITS, attempt
from gradcli.targets.label import Label
from gradcli.targets.loss_after import with_loss_after
from gradcli.targets.maker import Maker
from gradcli.targets.naming import Pair
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.network_methods import network_halves_of, network_of_methods
from gradcli.targets.own_steps import with_long_steps
from gradcli.targets.pairs import CheckablePair
from gradcli.targets.places import entries, holders
from gradcli.targets.pullbacks import pullback_halves_of
from gradcli.targets.python_file import Loaded
from gradcli.targets.spelled_object import made_by, require_arguments
from gradcli.targets.tape import is_tape
from gradcli.targets.tensor_objects import at_rest, with_tensors
from gradcli.targets.unfinished import is_unfinished

__all__ = ["CheckableClass", "as_spelled", "asked", "find", "only_promised"]

_NOTHING = ObjectSpelling()
_MANY = 32  # an integer beyond it is no length that a check need look at
_STRUCTURAL = ("layers", "modules", "layer", "network", "net", "model", "blocks", "args", "steps")


@dataclass(frozen=True, eq=False)
class CheckableClass(ByName):
    """A class with both halves, or an object of one."""

    name: str
    cls: type
    halves: Halves
    made: Any = None  # the object, where the file or a config makes it
    spelled: ObjectSpelling = _NOTHING

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.name.partition(".")[0],)  # one of several pairs of methods has the name of its function

    @property
    def shown(self) -> str:
        return f"{self.name}({', '.join(self._constructor)}).forward({', '.join(self._forward)})"

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        return (self.halves.forward, self.halves.backward, *([] if self.made is not None else [self.cls]))

    @property
    def lengths(self) -> Sequence[int]:
        """Of the arrays of the object, as it is made where nothing is said."""
        try:
            made = self.made if self.made is not None else at_rest(construct(self.name, self.cls, {}, None))
        except UsageError:
            return ()
        arrays = [
            value
            for _, holder in holders(made)
            for _, value in entries(holder)
            if isinstance(value, np.ndarray) and value.dtype.kind == "f"
        ]
        lengths = [length for array in arrays for length in array.shape if length > 1]
        own = getattr(made, "__dict__", {})
        units = [n for n in own.values() if type(n) is int and 1 < n <= _MANY]  # where arrays are made late
        return list(dict.fromkeys([*lengths, *units]))

    @property
    def arguments(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self._forward, *self._constructor]))

    @property
    def _forward(self) -> tuple[str, ...]:
        return argument_names(partial(self.halves.forward, None))

    @property
    def _unsaid(self) -> list[str]:
        """Forward's arguments without a default, and those that turn off by default what backward is for."""
        off = [p.name for p in parameters_of(self.halves.forward) or () if p.default is False]
        return [*required_arguments(partial(self.halves.forward, None)), *filter(is_training, off)]

    @property
    def _constructor(self) -> tuple[str, ...]:
        return () if self.made is not None else argument_names(self.cls)

    @property
    def _arguments(self) -> dict[str, Any]:
        """Those of the constructor that a config gives."""
        given = self.spelled.constructor
        return dict(given) if isinstance(given, Mapping) else {}

    @property
    def _backward(self) -> tuple[str, ...]:
        return argument_names(partial(self.halves.backward, None))[1:]

    def takes(self, name: str) -> bool:
        return (
            name in self.arguments
            or name in self._backward
            or not name.isidentifier()  # layers[0].W, from a dump
            or name in self._attributes
            or name.rstrip("0123456789") in self._attributes  # W1, W2, …, named in a loop
            or is_open_ended(partial(self.halves.forward, None))
            or name in self.spelled.parameters
        )

    @property
    def made_of(self) -> str | None:
        """The argument of the constructor that takes other layers, if there is one that must be given."""
        parameters = [] if self.made is not None else parameters_of(self.cls) or []
        needed = [p for p in parameters if p.kind is p.VAR_POSITIONAL or p.default is p.empty]
        return next((p.name for p in needed if p.name in _STRUCTURAL), None)

    @property
    def _attributes(self) -> set[str]:
        """The attributes that the class's own code speaks of: parameters may be among them."""
        functions = [value for kind in self.cls.__mro__ for value in vars(kind).values()]
        codes = [function.__code__ for function in functions if isinstance(function, FunctionType)]
        named = {name for code in codes for name in code.co_names}
        return named | {text for code in codes for text in code.co_consts if isinstance(text, str)}

    def missing(self, given: Collection[str]) -> list[str]:
        first = [] if self.made is not None else [n for n in unguessable(self.cls) if n not in given]
        first = [n for n in first if n not in self._arguments]
        forward = required_arguments(partial(self.halves.forward, None))
        lacking = [n for n in forward if n not in given and not isinstance(guess(n, None), bool)]
        return list(dict.fromkeys([*lacking, *first]))

    def bind(self, where: str, inputs: Sequence[str], constants: Collection[str], advise: Advise) -> None:
        for name in (*inputs, *constants):
            if not self.takes(name):
                near = did_you_mean(name, self.arguments)
                raise UsageError(
                    f"{where}: neither forward nor the constructor has an argument {name!r}{near or '.'} "
                    f"There is {self.shown}"
                )
            if name in inputs and name in constants:
                raise UsageError(f"{where}: {name} is given twice, as an input and as a constant")
        missing = self.missing([*inputs, *constants])
        self._refuse_unfit(where)
        if missing:
            raise UsageError(f"{where}: {advise(missing)}")

    def unfit(self, file: str) -> str | None:
        """Why no check can be made of the class, whatever is given; None if one can."""
        if self.made_of is not None:
            return (
                f"{self.name} is made of {self.made_of}, which no flag can give; make one in the "
                f"file (net = {self.name}(…)) and name it: {file}:net"
            )
        target = wants_target(self._forward, partial(self.halves.backward, None))
        if target is not None:
            return (
                f"backward takes {target}, which forward does not: the loss is within backward, and nothing "
                "computes it alone; check the loss and its gradient as two functions"
            )
        return None

    def _refuse_unfit(self, where: str) -> None:
        reason = self.unfit(where.rpartition(":")[0])
        if reason is not None:
            raise UsageError(f"{where}: {reason}")

    def problem(
        self,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Any],
        label: Label,
    ) -> Problem:
        self._refuse_unfit(label.where)
        forward = self._forward
        own = {n: a for n, a in inputs.items() if n in forward}
        owned = {n: a for n, a in inputs.items() if n not in forward}
        flags = {n: guess(n, None) for n in self._unsaid}
        known = {n: v for n, v in flags.items() if isinstance(v, bool) and n not in own}
        known |= {n: v for n, v in constants.items() if n in forward or n in self._backward}
        made, told = self._made(label.where, own, {**constants, **inputs}, known)

        rested = with_long_steps(self.cls, at_rest(made))

        def around(halves: Halves) -> Problem:
            return make_class_problem(self.cls, halves, rested, own, known, owned, label, self.spelled)

        usual = [(name, partial(around, halves)) for name, halves in self.halves.usual]
        problem = with_usual_loss(label.where, usual) if usual else around(self.halves)
        return replace(problem, remarks=(*problem.remarks, told)) if told else problem

    def _made(
        self, where: str, own: Mapping[str, Array], given: Mapping[str, Any], known: Mapping[str, Any]
    ) -> tuple[Any, str]:
        """The object: the one of the file, or one that forward accepts these inputs with; and what of the
        file was passed to its constructor, for the report."""
        if self.made is not None:
            return self.made, ""
        arguments = {n: v for n, v in given.items() if n in self._constructor} | self._arguments
        seen = next((a.shape for a in own.values() if a.ndim), None)
        maker = Maker(where, self.cls, arguments, seen)
        values = {**known, **own}
        accepting = (made for made in maker.plain() if accepts(self.halves.forward, made, values))
        made = next(accepting, None)
        if made is not None and seen is not None and seen[0] == 1:  # forward accepts several readings of it
            several = chain((made,), accepting)
            made = next((one for one in several if self._keeps_shapes(one, own, known)), made)
        if made is not None:
            return made, ""
        if maker.refused is not None and not maker.possible:
            raise maker.refused
        for made, told in maker.with_more():
            if accepts(self.halves.forward, made, values):
                return made, told
        # A target of another shape is refused by the loss alone: what it is told says which.
        ahead = self.halves.behind.forward if self.halves.behind is not None else self.halves.forward
        alone = {n: v for n, v in values.items() if n in argument_names(partial(ahead, None))}
        for made in maker.plain() if len(alone) < len(values) else ():
            if accepts(ahead, made, alone):
                return made, ""
        return maker.first, ""

    def _keeps_shapes(self, made: Any, own: Mapping[str, Array], known: Mapping[str, Any]) -> bool:
        label, rested = Label(self.name, self.name, self.name), at_rest(made)
        with suppress(UsageError):
            problem = make_class_problem(self.cls, self.halves, rested, own, known, {}, label, self.spelled)
            return attempt(problem).level == FITS
        return False


def as_spelled(loaded: Loaded, one: Checkable, spelled: ObjectSpelling) -> CheckableClass:
    """A class as a config spells it out. Raises TargetError or UsageError if it cannot be one."""
    where = f"{loaded.shown}:{one.name}"
    if not isinstance(one, CheckableClass):
        raise TargetError(
            f"{where}: is {one.shown}; 'constructor', 'parameters' and 'gradients' are for objects"
        )
    made = one.made
    if isinstance(spelled.constructor, str):
        made = made_by(where, spelled.constructor, loaded.namespace, one.cls)
    elif spelled.constructor:
        if made is not None:
            raise UsageError(f"{where}: constructor: the file makes this object; name its class")
        if not is_open_ended(one.cls):
            require_arguments(where, spelled.constructor, argument_names(one.cls), one.cls)
    return replace(one, made=made, spelled=spelled)


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The classes with both halves among these names, and the objects of such classes.

    Left out is what is made of other layers: its objects are checked where the file makes them; and a base
    class of others that leaves a part to them.
    """
    found: list[Checkable] = []
    for name in names:
        value = loaded.namespace.get(name)
        if isinstance(value, type):
            found += _of_class(name, value)
        elif _is_users(type(value)):
            halves = _halves_of(type(value))
            found += [CheckableClass(name, type(value), halves, value)] if halves else []
    bases = {base for one in found if isinstance(one, CheckableClass) for base in one.cls.__mro__[1:]}
    found = [one for one in found if not (_is_base(one, bases) and is_unfinished(one.cls))]
    found = [one for one in found if not _is_on_a_tape(one, loaded)]
    able = [one for one in found if not isinstance(one, CheckableClass) or one.unfit("") is None]
    return able or found


def _is_on_a_tape(one: Checkable, loaded: Loaded) -> bool:
    """Whether static halves take values of a tape engine of the file, which is checked with all it does."""
    if not isinstance(one, CheckablePair):
        return False
    used = getattr(inspect.unwrap(one.forward), "__code__", None)
    named = [loaded.namespace.get(name) for name in getattr(used, "co_names", ())]
    return any(isinstance(value, type) and is_tape(value) for value in named)


def _is_base(one: Checkable, bases: Collection[type]) -> TypeGuard[CheckableClass]:
    return isinstance(one, CheckableClass) and one.made is None and one.cls in bases


def asked(loaded: Loaded, symbol: str) -> Checkable | None:
    """A class that is made of other layers, if it is asked for by name."""
    value = loaded.namespace.get(symbol)
    found = _of_class(symbol, value) if isinstance(value, type) else []
    return found[0] if found else None


def _of_class(name: str, cls: type) -> list[Checkable]:
    if not _is_users(cls):
        return []
    static = static_halves_of(cls)
    if static is not None:
        return [CheckablePair(Pair(name, name, name), *static)]
    halves = _halves_of(cls)
    if halves is None or (is_slope(halves) and halves.behind is None):
        return []
    return [CheckableClass(name, cls, halves)]


def _halves_of(cls: type) -> Halves | None:
    """A forward and a backward, unless the loss is within the backward; then a cost and its gradients."""
    halves = halves_of(cls)
    if halves is not None:
        if not argument_names(halves.backward)[1:]:  # it goes by what forward keeps of a target
            own = Behind(halves.forward, halves.backward, _with_targets, None)
            halves = _with_targets(halves.forward, halves.backward)._replace(
                accumulate=halves.accumulate, behind=halves.behind or own
            )
        takes = argument_names(partial(halves.forward, None))
        if wants_target(takes, partial(halves.backward, None)) is None:
            return with_tensors(cls, with_loss_after(cls, through_call(cls, halves)))
        halves = network_halves_of(cls, halves) or halves
        if halves.behind is not None:
            return with_tensors(cls, halves)
    halves = cost_halves_of(cls) or halves or pullback_halves_of(cls) or network_of_methods(cls)
    return None if halves is None else with_tensors(cls, halves)


def _with_targets(forward: Callable[..., Any], backward: Callable[..., Any]) -> Halves:
    """A forward whose target must be given, where without one it returns what the loss is taken of."""
    return Halves(with_target(forward), backward)


def _is_users(cls: type) -> bool:
    """Whether a class is the user's: none of a framework's, nor made of one of theirs."""
    frameworks = ("builtins", "numpy", "torch", "jax", "jaxlib", "autograd", "typing", "abc")
    own = cls.__module__.partition(".")[0] not in frameworks
    return own and not any(kind.__module__.partition(".")[0] in ("torch", "jax") for kind in cls.__mro__)
