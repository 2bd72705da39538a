"""What became of a dumped check, as one line."""

from rich.text import Text

from gradcli.replay import FIXED, STILL_RIGHT, UNDECIDED, Replay
from gradcli.report.plain import printable

_STYLES = {FIXED: "green", STILL_RIGHT: "green", UNDECIDED: "yellow"}


def replay_summary(replay: Replay) -> Text:
    """`STILL WRONG  layers.py:batchnorm: x is wrong in the same 12 elements`."""
    line = Text(replay.outcome, _STYLES.get(replay.outcome, "bold red"))
    changes = "; ".join(replay.changes)
    about = f"{replay.result.id}: {changes}" if changes else replay.result.id
    return line.append(f"  {printable(about)}", "default")
