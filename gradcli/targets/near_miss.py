"""What the user may have meant."""

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """`; did you mean 'batchnorm'?` if one of the known words is close, else nothing.

    cutoff: how alike they must be, from 0 to 1.
    """
    by_plain = {_plain(candidate): candidate for candidate in known}
    import difflib  # only where something is misspelt

    near = difflib.get_close_matches(_plain(word), by_plain, n=1, cutoff=cutoff)
    return f"; did you mean {by_plain[near[0]]!r}?" if near else ""


def _plain(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")
