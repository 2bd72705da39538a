"""The power of a check, as lines of plain text."""

from collections.abc import Iterator

from gradcli.mutate.power import CAUGHT, EQUIVALENT, SURVIVED, Fate, Power
from gradcli.report.plain import printable

_LABELS = {CAUGHT: "caught", SURVIVED: "survivor", EQUIVALENT: "equivalent"}


def power_lines(power: Power, *, verbose: bool) -> Iterator[str]:
    """The headline, then the survivors and the equivalent versions, or (verbose) every version."""
    id = printable(power.original.id)
    if not power.original.passed:
        yield f"{id}: nothing was damaged: the original does not pass ({power.original.verdict})"
        return
    equivalent = sum(fate.outcome == EQUIVALENT for fate in power.fates)
    apart = f"; {equivalent} equivalent, not counted" if equivalent else ""
    cut = " (interrupted)" if power.interrupted else ""
    yield f"{id}: {power.caught} of {power.judged} damaged versions caught{apart}{cut}"
    for fate in power.fates:
        if verbose or fate.outcome != CAUGHT:
            yield f"  {_LABELS[fate.outcome]}: {_told(fate)} ({fate.reason})"


def _told(fate: Fate) -> str:
    damage = fate.damage
    link = "of" if damage.what.startswith("the ") else "in"
    of = f" {link} `{damage.variable}`" if damage.variable else ""
    after = damage.after or "nothing"
    return printable(f"line {damage.line}, {damage.what}{of}: `{damage.before}` became `{after}`")
