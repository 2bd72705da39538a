"""What crosses from one process to another can be read by one that knows nothing of the user's code."""

import io
import pickle
from types import MappingProxyType

import numpy as np
import pytest

from gradcli.errors import TargetError
from gradcli.result import CheckResult
from gradcli.spec import CheckSpec
from gradcli.suite import portable
from gradcli.suite.outcome import Bug, Outcome
from gradcli.suite.perform import Performer, Wants, check_of
from gradcli.suite.portable import dumped


class Mine:
    """A class that the other process cannot import."""

    def __repr__(self):
        return "Mine()"


class Silent:
    def __repr__(self):
        raise RuntimeError


class Elsewhere(pickle.Unpickler):
    def find_class(self, module, name):
        assert module.partition(".")[0] in portable._COMMON, (module, name)
        return super().find_class(module, name)


def crossed(outcome, *, nodes=False):
    return Elsewhere(io.BytesIO(dumped(outcome, nodes=nodes))).load()


def test_objects_of_the_users_arrive_as_their_repr():
    constants = {"mode": Mine(), "silent": Silent(), "many": [Mine, Mine()], "eps": 1e-5, "n": np.arange(3)}
    result = CheckResult("id", "target", "fail", {}, constants=constants, nodes=dict)
    found = crossed(Outcome("id", result)).result
    assert repr(found.constants["mode"]) == "Mine()"
    assert repr(found.constants["silent"]) == "<Silent>"
    assert found.constants["many"][1] == found.constants["mode"]
    assert found.constants["eps"] == 1e-5
    assert found.constants["n"].tolist() == [0, 1, 2]


def test_an_array_of_one_repeated_value_is_as_small_there_as_here():
    result = CheckResult("id", "t", "fail", {}, constants={"n": np.broadcast_to(np.float32(3.5), (500, 400))})
    outcome = Outcome("id", result)
    assert len(dumped(outcome, nodes=False)) < 2000
    found = crossed(outcome).result.constants["n"]
    assert (found.shape, found.dtype, found.max(), found.min()) == ((500, 400), np.float32, 3.5, 3.5)


@pytest.mark.parametrize(
    "value",
    [np, (i for i in ()), {}.keys(), MappingProxyType({}), lambda: 0, memoryview(b"")],
    ids=["module", "generator", "keys", "proxy", "lambda", "memoryview"],
)
def test_what_no_pickle_can_hold_arrives_as_its_repr(value):
    result = CheckResult("id", "target", "fail", {}, constants={"held": value})
    assert repr(crossed(Outcome("id", result)).result.constants["held"]) == repr(value)


def test_nodes_that_cannot_be_read_are_said_and_take_nothing_else_along():
    def nodes():
        raise KeyError("lost")

    outcome = Outcome("id", CheckResult("id", "target", "pass", {}, nodes=nodes))
    assert str(crossed(outcome, nodes=True).error) == "KeyError: 'lost'"
    assert crossed(outcome).result.passed


def test_errors_keep_their_kind_and_text():
    error = TargetError("x.py: no such file")
    error.seen = Mine()
    found = crossed(Outcome("x", error=error)).error
    assert (type(found), str(found)) == (TargetError, "x.py: no such file")
    bug = crossed(Outcome("x", error=Bug.of(ZeroDivisionError("oops")))).error
    assert (bug.kind, "ZeroDivisionError: oops" in bug.details) == ("ZeroDivisionError: oops", True)


def test_a_real_outcome_arrives_whole_with_its_nodes_if_they_are_wanted():
    outcome = Performer(Wants()).perform(check_of(CheckSpec("batchnorm")))
    found = crossed(outcome, nodes=True).result
    assert found.verdict == "pass"
    assert set(found.nodes()) >= {"mu", "var", "x_hat"}
    np.testing.assert_array_equal(found.gradients["x"].numeric, outcome.result.gradients["x"].numeric)
    assert crossed(outcome).result.nodes() == {}
