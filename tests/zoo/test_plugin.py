from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from erazoo.errors import ConfigError
from zoo import catalogue
from zoo.plugin import PLUGIN, keep_plugin, load_plugin

MINE = Path(__file__).parent / "mine.py"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return Path(shutil.copy(MINE, tmp_path / "own.py"))


def test_a_file_is_a_model_by_its_path(mine: Path) -> None:
    spec = catalogue.get(str(mine))
    assert (spec.name, spec.family, spec.source) == ("mine", "keras", mine)
    assert catalogue.resolve(spec, "small", {"width": 8}).width == 8
    with pytest.raises(ConfigError, match="mine has no parameter 'widht'. Expected: width"):
        catalogue.resolve(spec, "small", {"widht": 8})


def test_the_same_content_is_executed_once_wherever_it_lies(mine: Path, tmp_path: Path) -> None:
    other = Path(shutil.copy(mine, tmp_path / "copy.py"))
    assert load_plugin(mine).params is load_plugin(other).params
    mine.write_text(mine.read_text().replace("Two layers", "Two more"))
    assert load_plugin(mine).summary == "Two more"


def test_native_libraries_that_a_file_imports_are_not_heard(
    mine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mine.write_text(mine.read_text() + "\nimport os\nos.write(2, b'I0000 no GPU')\n")
    assert load_plugin(mine).name == "mine"
    assert capfd.readouterr().err == ""


def test_a_copy_goes_with_the_network(mine: Path, tmp_path: Path) -> None:
    spec = load_plugin(mine)
    keep_plugin(spec, tmp_path / "kept")
    mine.unlink()
    assert load_plugin(tmp_path / "kept" / PLUGIN).params is spec.params
    keep_plugin(catalogue.get("linear"), tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no such model file"),
        ("x = (", "a model file fails.*SyntaxError"),
        ("raise ValueError('no')", "a model file fails.*ValueError: no"),
        ("x = 1", "holds no model. Received: SPEC is NoneType"),
        ("from zoo.keras.linear import SPEC", "takes a name of the catalogue. Received: linear"),
        ("from zoo.linear.ridge import SPEC", "holds no model"),
    ],
)
def test_what_is_no_model_is_refused(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        catalogue.get(str(path))
