"""The order of outcomes is that of the checks, whatever finishes first; and little is under way at once."""

import pytest

from gradcli.errors import UsageError
from gradcli.spec import CheckSpec
from gradcli.suite.outcome import Outcome
from gradcli.suite.perform import Check
from gradcli.suite.run import Suite
from gradcli.suite.select import selection


class LastFirst:
    """An executor with four places that finishes what came last."""

    capacity = 4

    def __init__(self, holds=None):
        self.holds = holds or {}  # target -> the ids that it stands for
        self.under_way = []
        self.submitted = []

    def submit(self, ticket, check, *, look):
        self.under_way.append((ticket, check, look))
        self.submitted.append(check.id)

    def next(self):
        ticket, check, look = self.under_way.pop()
        if check.part is None and (look or check.target in self.holds):
            ids = self.holds.get(check.target, [check.id])
            return ticket, tuple(Check(id, id, check.spec, place) for place, id in enumerate(ids))
        return ticket, Outcome(check.id)

    def close(self):
        pass


def specs(*targets):
    return [CheckSpec(target) for target in targets]


def test_outcomes_come_in_the_order_of_the_checks():
    targets = [f"t{i}" for i in range(200)]
    assert [outcome.id for outcome in Suite(specs(*targets), LastFirst()).run()] == targets


def test_a_file_makes_room_for_what_it_holds():
    suite = Suite(specs("a", "file", "b"), LastFirst({"file": ["file:f", "file:g"]}))
    assert suite.left == 3
    assert [outcome.id for outcome in suite.run()] == ["a", "file:f", "file:g", "b"]
    assert suite.left == 0


def test_of_ten_thousand_checks_only_a_few_are_begun_before_the_first_outcome():
    executor = LastFirst()
    suite = Suite(specs(*(f"t{i}" for i in range(10_000))), executor)
    next(suite.run())
    assert len(executor.submitted) < 100
    assert suite.left == 9_999


def test_only_what_is_wanted_is_run():
    executor = LastFirst({"file": ["file:f", "file:g"]})
    suite = Suite(specs("a", "file"), executor)
    assert suite.look(selection("file:g")) == ["file:g"]
    executor.submitted.clear()
    assert [outcome.id for outcome in suite.run()] == executor.submitted == ["file:g"]


def test_an_id_selects_its_check_and_not_those_that_contain_it():
    suite = Suite(specs("bn", "bn2"), LastFirst())
    assert suite.look(selection("bn")) == ["bn"]


def test_two_specs_with_one_id_are_refused_before_anything_runs():
    with pytest.raises(UsageError, match="two checks have the id 'a': the target 'a' and the target 'a'"):
        Suite(specs("a", "a"), LastFirst())


def test_an_id_that_a_file_brings_a_second_time_is_refused_in_its_turn():
    holds = {"file": ["file:f"], "same": ["file:f", "same:g"]}
    outcomes = list(Suite(specs("file", "same"), LastFirst(holds)).run())
    assert [outcome.id for outcome in outcomes] == ["file:f", "file:f", "same:g"]
    assert [str(outcome.error) for outcome in outcomes] == [
        "None",
        "two checks have the id 'file:f'; an id names one check",
        "None",
    ]
