"""`python -m tests.corpus --seeds 20`: the whole corpus, and exactly where the checker was wrong."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from tests.corpus import generated
from tests.corpus.bugs import LAYERS
from tests.corpus.case import CASES
from tests.corpus.run import (
    ALARM,
    CAUGHT,
    CRASHED,
    INVISIBLE,
    MISPLACED,
    MISSED,
    PASSED,
    UNDECIDED,
    Finding,
    run,
)

WORDS = {
    CRASHED: "the checker itself raised",
    MISSED: "wrong code passed",
    ALARM: "correct code failed",
    UNDECIDED: "not decided",
    MISPLACED: "failed, but not for the planted reason",
}


def summary(findings: list[Finding], seconds: float) -> str:
    wrong = [f for f in findings if f.bug and f.outcome != INVISIBLE]
    right = [f for f in findings if not f.bug]
    slow = sorted(findings, key=lambda f: -f.seconds)[:5]
    checks = sum(f.seconds for f in findings)
    lines = [
        f"correct: {len(right)} checked, {sum(f.outcome == PASSED for f in right)} passed, "
        f"{sum(f.outcome == ALARM for f in right)} false alarms, "
        f"{sum(f.outcome == UNDECIDED for f in right)} inconclusive",
        f"wrong:   {len(wrong)} checked, {sum(f.outcome == CAUGHT for f in wrong)} caught, "
        f"{sum(f.outcome == MISSED for f in wrong)} missed, "
        f"{sum(f.outcome == UNDECIDED for f in wrong)} inconclusive, "
        f"{sum(f.outcome == MISPLACED for f in wrong)} misplaced; "
        f"{sum(f.outcome == INVISIBLE for f in findings)} invisible and not asked for",
        f"time:    {seconds:.0f} s, of which {checks:.0f} s in checks, "
        f"{1e3 * checks / max(len(right) + len(wrong), 1):.1f} ms each",
        "slowest: " + ", ".join(f"{f.layer}/{f.bug or 'correct'}/{f.case} {f.seconds:.2f} s" for f in slow),
    ]
    return "\n".join(lines)


def grouped(findings: list[Finding]) -> str:
    """One block per kind of disagreement, most frequent (layer, bug, case) first, with one seed's numbers."""
    blocks = []
    for outcome, words in WORDS.items():
        here = [f for f in findings if f.outcome == outcome]
        if not here:
            continue
        if outcome == CRASHED:  # one line for each place in the checker
            for detail, count in Counter(f.detail for f in here).most_common():
                blocks.append(
                    f"\n{outcome.upper()} {count}x, first: {next(f for f in here if f.detail == detail)}"
                )
            continue
        counts = Counter((f.layer, f.bug, f.case) for f in here)
        blocks.append(
            f"\n{outcome.upper()}: {words}: {len(here)} checks, {len(counts)} of (layer, bug, hard case)"
        )
        for key, count in counts.most_common():
            first = next(f for f in here if (f.layer, f.bug, f.case) == key)
            blocks.append(f"  {count:3}x {first}")
    return "\n".join(blocks)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--layer", action="append", default=[], help="only these layers")
    parser.add_argument("--case", action="append", default=[], choices=CASES, help="only these hard cases")
    parser.add_argument("--share", type=float, default=1.0, help="check this share of the bugs")
    parser.add_argument("--only", choices=("correct", "wrong"), help="only one side")
    parser.add_argument("--generated", type=int, default=0, help="so many random pairs in place of the table")
    parser.add_argument("--peers", action="store_true", help="run the peers on the same corpus as well")
    parser.add_argument("--output", type=Path, help="write the report there too")
    options = parser.parse_args()

    table = [generated.layer(i) for i in range(options.generated)] or LAYERS
    layers = [layer for layer in table if not options.layer or layer.name in options.layer]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    if options.peers:
        from tests.corpus import peers

        text = peers.report(layers, seeds, tuple(options.case), options.share)
        print(text)
        if options.output:
            options.output.write_text(text + "\n", encoding="utf-8")
        return 0
    start = time.perf_counter()
    findings = []
    for finding in run(
        layers,
        seeds,
        correct=options.only != "wrong",
        bugs=options.only != "correct",
        share=options.share,
        cases=tuple(options.case),
    ):
        findings.append(finding)
        if sys.stderr.isatty():
            print(f"\r{len(findings)} {finding.layer:30}", end="", file=sys.stderr)
    text = summary(findings, time.perf_counter() - start) + "\n" + grouped(findings)
    print(text)
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")
    return int(any(f.outcome in (MISSED, ALARM, MISPLACED, CRASHED) for f in findings))


if __name__ == "__main__":
    sys.exit(main())
