"""What a line costs, counted in calls of the code under test: the same on a busy machine."""

import pytest

from gradcli.blame.allowance import Allowance
from gradcli.clock import Clock
from gradcli.problem import Problem
from tests.blame.damage import check_damaged, damage

MOST = 20  # times the calls of the check itself
SLIPS = {
    "one statement per node": ("bn", "dvar = 0.5 /", "dvar = 1.0 /"),
    "several terms": ("bn", "dx = dxmu + np.ones((N, D)) * dmu / N", "dx = dxmu"),
    "one-liners": ("att", "(da * a).sum(1", "(da * a).sum(0"),
    "a loop over places": ("conv", "db[f] += dout[n, f, i]", "db[f] += dout[n, 0, i]"),
    "a class": ("Dense", "dx = dz @ self.w.T", "dx = dy @ self.w.T"),
}


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_a_line_costs_at_most_twenty_times_the_calls_of_the_check(slip, monkeypatch):
    source, lines = damage(*slip)
    spent = []

    def counted(allowance, problem, plain=Allowance.counted):
        spent.append(allowance)
        return plain(allowance, problem)

    monkeypatch.setattr(Allowance, "counted", counted)
    result = check_damaged(slip[0], source, f"<cost of {slip[2]}>")
    assert result.blame.line in lines
    assert 0 < spent[0].used() <= MOST * (result.evaluations + result.backward_evaluations)


def test_a_part_of_an_allowance_counts_with_the_whole():
    whole = Allowance(10, None)
    part = whole.part(0.5)
    counted = part.counted(Problem("nothing", "nothing", lambda _: None, lambda *_: {}, {}))
    for _ in range(5):
        counted.forward({})
    assert (whole.used(), part.affords(0.0), whole.affords(0.0)) == (5, False, True)


def test_an_allowance_ends_with_its_seconds(monkeypatch):
    monkeypatch.setattr(Clock, "spent", lambda _: 3.0)
    assert not Allowance(10, 2.0).affords(0.0)
