"""Lengths that are tried where no lengths that all differ will do: code for one sample, for as many outputs
as inputs, for a square matrix."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from gradcli.targets.inference.candidates import Candidate

_FIRST = 6  # of the likeliest candidates


def relaxed(tried: Sequence[Candidate]) -> Iterator[Candidate]:
    """The likeliest candidates with a dimension of one, and with two dimensions of one length."""
    for candidate in tried[:_FIRST]:
        used = {s for guess in candidate.layout.values() for s in getattr(guess, "symbols", ())}
        symbols = [symbol for symbol in candidate.sizes if symbol in used]
        for symbol in symbols:
            yield replace(candidate, sizes={**candidate.sizes, symbol: 1})
        for first, second in itertools.combinations(symbols, 2):
            yield replace(candidate, sizes={**candidate.sizes, second: candidate.sizes[first]})
