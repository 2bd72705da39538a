"""How often the code is run while its arguments are guessed."""

from pathlib import Path

import numpy as np

from gradcli import check_target
from gradcli.targets.inference import search

HABITS = Path(__file__).parent.parent / "habits"


def test_what_many_refusals_ask_for_is_tried_once(monkeypatch):
    asked = []

    def attempt(problem):
        values = {**problem.inputs, **problem.constants}  # what has no gradient is a constant
        asked.append({name: np.asarray(value).tolist() for name, value in values.items()})
        return run(problem)

    run = search.attempt
    monkeypatch.setattr(search, "attempt", attempt)
    result = check_target(f"{HABITS}/one_unit.py:propagation", blame=False)
    assert [name for name, found in result.gradients.items() if found.verdict == "fail"] == ["b"]
    assert len(asked) > 5
    assert all(asked.count(one) == 1 for one in asked)
