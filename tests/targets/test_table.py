"""The table of targets is of all conventions, and of wrong code as well as of right."""

from collections import Counter

import pytest

for framework in ("torch", "jax", "autograd"):
    pytest.importorskip(framework, reason="the table has targets of every framework")


def test_the_table_holds_all_conventions_and_half_of_it_is_wrong():
    from tests.targets.table import rows

    found = list(rows())
    conventions = Counter(row.convention for row in found)
    assert len(found) >= 40
    assert sum(bool(row.wrong) for row in found) >= len(found) / 2
    assert {
        "cost",
        "pair",
        "class",
        "elementwise",
        "torch",
        "jax",
        "autograd",
        "tape",
        "dictionaries",
        "program",
    } <= {*conventions}
