"""What is wrong further down because of a fault."""

from gradcli.blame.evidence import Evidence, is_unpacking
from gradcli.blame.program import Program
from gradcli.blame.search import Fault
from gradcli.blame.site import DEF


def downstream(evidence: Evidence, program: Program, fault: Fault) -> tuple[str, ...]:
    """Names in backward, with their lines, that come from the value at fault and are not known to be right.

    What comes from it by way of right values alone is not among them.
    """
    lines: dict[str, list[int]] = {}
    for site in evidence.bench.backward.taps.sites:
        statement = site.statement
        if (
            site.role == DEF
            and site.name is not None
            and statement is not None
            and statement is not fault.statement
            and not is_unpacking(statement)
            and not evidence.is_right(statement)
            and evidence.depends(site)
            and fault.statement in program.sources(statement, None, evidence.is_right)
        ):
            lines.setdefault(site.name, []).append(site.line)
    found = sorted((sorted(set(at)), name) for name, at in lines.items())
    return tuple(f"{name} ({', '.join(map(str, at))})" for at, name in found)
