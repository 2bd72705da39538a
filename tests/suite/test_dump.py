"""Archives of several checks: a file name for every id, on every file system."""

from gradcli.suite.dump import _file_names


def test_every_id_has_a_name_that_every_file_system_takes():
    ids = ["a[b=1]", "A_b=1", "con", "NUL.x", "com1", "console", "層" * 300, "層" * 301, "../..", "\n", "x."]
    names = _file_names(ids)
    assert [names[id] for id in ids[:6]] == [
        "a_b=1.npz",
        "A_b=1-2.npz",
        "check-con.npz",
        "check-NUL.x.npz",
        "check-com1.npz",
        "console.npz",
    ]
    assert all(len(name.encode()) <= 255 and "/" not in name for name in names.values())
    assert len({name.casefold() for name in names.values()}) == len(ids)
