"""Every file in configs/ does what its first lines say, and passes."""

from pathlib import Path

import jsonschema
import pytest

from gradcli import checker, config, targets
from gradcli.config.mistakes import Mistakes
from gradcli.config.yaml import read
from tests.config.test_config_schema import VALIDATOR, plain

CONFIGS = Path(__file__).parents[2] / "configs"
FILES = sorted(CONFIGS.glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_shipped_config_opens_with_what_it_shows(path):
    assert path.read_text().startswith("# ")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_shipped_config_fits_the_schema(path):
    jsonschema.validate(plain(read(path, Mistakes(path))), VALIDATOR.schema)


def test_all_shipped_configs_pass_together():
    specs = config.load_folder(CONFIGS)
    results = [checker.run(problem, spec.settings) for spec in specs for problem in targets.resolve(spec)]
    assert [result.id for result in results] == [spec.id for spec in specs]
    assert [result.id for result in results if not result.passed] == []
    assert all(gradient.note == "" for result in results for gradient in result.gradients.values())
    assert {spec.dtype for spec in specs} == {"float64", "float32"}
    assert len({spec.target for spec in specs}) >= 6
