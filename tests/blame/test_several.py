"""Several slips at once: each is named with its own line, or nothing is."""

import pytest

from tests.blame.damage import check_damaged, damage

TWICE = [
    ("bn", ("dvar = 0.5 /", "dvar = 1.0 /"), ("* dmu / N", "* dmu")),
    (
        "bn",
        ("dxhat = dout * gamma", "dxhat = dout"),
        ("dmu = -np.sum(dxmu, axis=0)", "dmu = np.sum(dxmu, axis=0)"),
    ),
    ("ln", ("dx = r * (", "dx = ("), ("(dy * n).sum(0)", "(dy * n).mean(0)")),
    ("att", ("da = dy @ v.T", "da = 2 * dy @ v.T"), ("dq = ds @ k / np.sqrt(q.shape[1])", "dq = ds @ k")),
]


@pytest.mark.parametrize(("pair", "first", "second"), TWICE)
def test_two_slips_have_two_lines(pair, first, second):
    source, lines = damage(pair, *first)
    assert source.count(second[0]) == 1
    _, others = damage(pair, *second)
    result = check_damaged(pair, source.replace(*second), f"<{pair}: {first[1]}, {second[1]}>")
    assert {blame.line for blame in (result.blame, *result.also)} == lines | others
