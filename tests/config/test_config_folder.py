"""A folder of configs, and files that cannot be read."""

import re
from pathlib import Path

import pytest

from gradcli import config
from gradcli.errors import ConfigError, NothingToCheck

ONE = "version: 1\nchecks: [{{target: relu, id: {}}}]\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("configs").mkdir()
    return tmp_path


def write(name, content):
    path = Path("configs", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def mistakes_of(load, path):
    with pytest.raises(ConfigError) as caught:
        load(Path(path))
    return caught.value.mistakes


def test_all_configs_below_a_folder_are_read_in_the_order_of_their_paths():
    for name in ("b.yaml", "a.yml", "sub/deep/c.YAML", "notes.md", ".hidden.yaml", ".git/d.yaml"):
        write(name, ONE.format(name))
    specs = config.load_folder(Path("configs"))
    assert [(spec.id, spec.base) for spec in specs] == [
        ("a.yml", Path("configs")),
        ("b.yaml", Path("configs")),
        ("sub/deep/c.YAML", Path("configs/sub/deep")),
    ]


def test_a_hidden_folder_is_read_when_it_is_asked_for():
    write(".ci/a.yaml", ONE.format("a"))
    assert len(config.load_folder(Path("configs/.ci"))) == 1


@pytest.mark.parametrize("content", [None, "notes.md"])
def test_a_folder_without_yaml_is_nothing_to_check(content):
    if content:
        write(content, "")
    with pytest.raises(NothingToCheck, match=r"^configs: no \.yaml or \.yml file in this folder$"):
        config.load_folder(Path("configs"))


def test_the_mistakes_of_all_files_come_at_once():
    write("a.yaml", "version: 1\nchecks: [{target: rely}]\n")
    write("b.yaml", ONE.format("b"))
    write("c.yaml", "services: {}\n")
    write("d.yaml", "a: [\n")
    assert mistakes_of(config.load_folder, "configs") == [
        "configs/a.yaml:2:19: checks[0].target: unknown layer 'rely'; did you mean 'relu'?",
        "configs/c.yaml:1:1: not a config of gradcli: it has neither 'version' nor 'checks'",
        "configs/d.yaml:2:1: not valid YAML: did not find expected node content",
    ]


def test_an_id_that_two_files_use_is_a_mistake_that_names_both_places():
    write("a.yaml", ONE.format("same"))
    write("b.yaml", "version: 1\nchecks:\n  - target: relu\n    id: same\n  - target: affine\n")
    write("c.yaml", "version: 1\nchecks:\n  - target: affine\n")
    assert mistakes_of(config.load_folder, "configs") == [
        "configs/b.yaml:4:9: checks[0].id: the id 'same' is taken at configs/a.yaml:2:29; ids are unique",
        "configs/c.yaml:3:5: checks[0]: the id 'affine[batch=2,in_features=3,out_features=2]' is taken at "
        "configs/b.yaml:5:5; give one of the two an 'id'",
    ]


def test_links_are_followed_but_not_in_circles():
    write("a.yaml", ONE.format("a"))
    write("../shared/b.yaml", ONE.format("b"))
    Path("configs/shared").symlink_to(Path("../shared"))
    Path("configs/circle").symlink_to(Path())
    Path("shared/back").symlink_to(Path("../configs"))
    assert [spec.id for spec in config.load_folder(Path("configs"))] == ["a", "b"]


def test_a_link_to_nowhere_is_a_mistake_not_a_check_less():
    write("a.yaml", ONE.format("a"))
    Path("configs/b.yaml").symlink_to("gone.yaml")
    assert mistakes_of(config.load_folder, "configs") == ["configs/b.yaml: does not exist"]


def test_a_link_to_itself_is_a_mistake():
    Path("configs/a.yaml").symlink_to("a.yaml")
    (mistake,) = mistakes_of(config.load_folder, "configs")
    assert re.fullmatch(r"configs/a\.yaml: cannot be read: .*symbolic links", mistake)


def test_a_folder_that_does_not_exist():
    assert mistakes_of(config.load_folder, "config") == ["config: does not exist"]


def test_a_folder_that_is_a_file():
    write("a.yaml", ONE.format("a"))
    assert mistakes_of(config.load_folder, "configs/a.yaml") == ["configs/a.yaml: is not a folder"]


def test_a_file_that_does_not_exist():
    assert mistakes_of(config.load, "configs/a.yaml") == ["configs/a.yaml: does not exist"]


def test_a_file_that_is_a_folder():
    assert mistakes_of(config.load, "configs") == ["configs: is a folder, expected a YAML file"]


def test_a_file_that_may_not_be_read(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert mistakes_of(config.load, "configs/a.yaml") == ["configs/a.yaml: cannot be read: Permission denied"]
