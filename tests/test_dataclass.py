"""The dataclasses of gradcli.dataclass behave as the standard ones do."""

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, field, replace

import pytest

from gradcli.dataclass import dataclass


@dataclass(frozen=True)
class Point:
    """Equal by its fields."""

    x: int
    y: int = 2
    tags: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Thing:
    """Equal to itself alone."""

    x: int


@dataclasses.dataclass(frozen=True)
class Standard:
    """What the others are held against."""

    x: int
    y: int = 2


@dataclass(frozen=True)
class Fast:
    """The same fields as Standard."""

    x: int
    y: int = 2


def test_shown_compared_and_hashed_as_the_standard_ones():
    fast, standard = Fast(1), Standard(1)
    assert repr(fast) == repr(standard).replace("Standard", "Fast")
    assert fast == Fast(1, 2)
    assert fast != Fast(1, 3)
    assert fast != standard
    assert hash(fast) == hash(standard)
    assert Thing(1) != Thing(1)
    assert len({Thing(1), Thing(1)}) == 2


@pytest.mark.parametrize("name", ["x", "y", "z"])
def test_nothing_is_set_after_it_was_made(name):
    for made in (Fast(1), Standard(1)):
        with pytest.raises(FrozenInstanceError, match=name):
            setattr(made, name, 5)
        with pytest.raises(FrozenInstanceError, match=name):
            delattr(made, name)
    assert Fast(1) == Fast(1, 2)


def test_replaced_copied_and_pickled():
    point = Point(1, tags={"a": 1})
    assert replace(point, x=3) == Point(3, 2, {"a": 1})
    for again in (copy.copy(point), copy.deepcopy(point), pickle.loads(pickle.dumps(point))):
        assert again == point
    assert dataclasses.asdict(point) == {"x": 1, "y": 2, "tags": {"a": 1}}
    assert Point(1).tags is not Point(1).tags
