"""The convention of pairs: `X_forward(x, …)` with `X_backward(dout, cache)`, two functions of a file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcli.arrays import Array
from gradcli.errors import TargetError
from gradcli.problem import Problem
from gradcli.targets.convention import ByArguments, Checkable
from gradcli.targets.forward_call import required_arguments
from gradcli.targets.naming import LOOKED_FOR, Lone, Pair, find_pairs
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.networks import why_no_pair
from gradcli.targets.pair import make_problem
from gradcli.targets.python_file import Loaded

__all__ = ["LOOKED_FOR", "CheckablePair", "find", "lone_half"]


@dataclass(frozen=True, eq=False)
class CheckablePair(ByArguments):
    """A pair with its functions."""

    pair: Pair
    forward: Callable[..., Any]
    backward: Callable[..., Any]

    @property
    def name(self) -> str:
        return self.pair.name

    @property
    def symbols(self) -> tuple[str, ...]:
        return (self.pair.forward, self.pair.backward)

    @property
    def called(self) -> Callable[..., Any]:
        return self.forward

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        return (self.forward, self.backward)

    @property
    def is_loss(self) -> bool:
        """Whether backward takes what forward takes and no cotangent: it is the gradient of a loss.

        Or, as `relu_backward(Z)` beside `relu(Z)`, a derivative; a forward that is called one has a backward.
        """
        asks = required_arguments(self.backward)
        is_plain = self.pair.forward == self.pair.name
        return (len(asks) > 1 or is_plain) and set(asks) == set(required_arguments(self.forward)) != set()

    def problem(
        self,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Any],
        *,
        id: str,
        target: str,
        where: str,
        rerun: str | None,
    ) -> Problem:
        reason = why_no_pair(self.forward, self.backward)
        if reason is not None:
            raise TargetError(f"{where}: {reason}")
        return make_problem(
            self.forward,
            self.backward,
            inputs,
            constants,
            id=id,
            target=target,
            where=where,
            rerun=rerun,
        )


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The pairs among these names of the file."""
    pairs, _ = find_pairs(loaded.functions(names))
    space = loaded.namespace
    found = [CheckablePair(pair, space[pair.forward], space[pair.backward]) for pair in pairs]
    return [one for one in found if not one.is_loss]


def lone_half(
    loaded: Loaded, names: Sequence[str], *, symbol: str | None = None, misspelt: bool = False
) -> str | None:
    """What is wrong with the first forward that has no backward, or the other way round; None if all is well.

    symbol: only the half of that name. misspelt: only where the name of another function is nearly that of
    the missing half.
    """
    functions = loaded.functions(names)
    pairs, lone = find_pairs(functions)
    for half in lone:
        typo = _typo(half, functions, pairs)
        if symbol is not None and symbol not in (half.name, half.found):
            continue
        if typo or not misspelt:
            return f"{loaded.at(half.found)}: {half.found} has no {half.missing}{typo}"
    return None


def _typo(half: Lone, functions: list[str], pairs: list[Pair]) -> str:
    """A function outside the pairs whose name is nearly that of the missing half."""
    paired = {name for pair in pairs for name in (pair.forward, pair.backward)}
    spare = [name for name in functions if name not in paired and name != half.found]
    return did_you_mean(half.missing, spare, cutoff=0.9)
