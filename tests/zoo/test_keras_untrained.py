from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import keras
import numpy as np
import pytest

from erazoo.artefacts import open_sealed
from erazoo.errors import ConfigError, MissingExtraError
from zoo import catalogue
from zoo.keras.check import FEATURES, built, predictions, quintiles
from zoo.keras.picture import draw, svg
from zoo.keras.untrained import save_untrained
from zoo.plugin import PLUGIN

MINE = Path(__file__).parent / "mine.py"
SVG = "{http://www.w3.org/2000/svg}"


def test_an_untrained_network_is_saved_with_what_it_is(tmp_path: Path) -> None:
    spec = catalogue.get("tabm")
    card = save_untrained(spec, "small", {"members": 3}, FEATURES, tmp_path / "net", seed=4)
    assert open_sealed(tmp_path / "net") == {
        **card,
        "files": open_sealed(tmp_path / "net")["files"],
    }
    assert (card["model"], card["preset"], card["features"]) == ("tabm", "small", 12)
    assert card["fingerprint"] == FEATURES.fingerprint
    assert card["params"]["members"] == 3
    model = keras.saving.load_model(tmp_path / "net" / "model.keras", compile=False)
    assert model.count_params() == card["weights"]
    same, _ = built(spec, "small", seed=4, members=3)
    np.testing.assert_array_equal(predictions(model, quintiles()), predictions(same, quintiles()))


def test_a_users_own_network_takes_its_file_along(tmp_path: Path) -> None:
    own = Path(shutil.copy(MINE, tmp_path / "own.py"))
    save_untrained(catalogue.get(str(own)), "small", {}, FEATURES, tmp_path / "net")
    assert (tmp_path / "net" / PLUGIN).read_bytes() == own.read_bytes()
    assert PLUGIN in open_sealed(tmp_path / "net")["files"]


@pytest.mark.parametrize("name", ["ae_classifier", "ft_transformer", "dcn"])
def test_the_picture_shows_every_layer_and_every_tensor(name: str, tmp_path: Path) -> None:
    model, _ = built(catalogue.get(name))
    draw(model, tmp_path / "net.svg")
    root = ElementTree.parse(tmp_path / "net.svg").getroot()
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {layer.name for layer in model.layers} <= set(texts)
    boxes = [(float(r.get("x")), float(r.get("y"))) for r in root.iter(f"{SVG}rect")]
    assert len(set(boxes)) == len(boxes) == len(model.operations)
    lines = list(root.iter(f"{SVG}line"))
    around = list(root.iter(f"{SVG}path"))
    assert len(lines) + len(around) >= len(model.operations) - 1
    assert len(around) >= 1
    assert all(float(line.get("y1")) < float(line.get("y2")) for line in lines)
    ends = [group for group in root.iter(f"{SVG}g") if group.get("class") == "end"]
    assert len(ends) == len(model.outputs)
    width, height = float(root.get("width")), float(root.get("height"))
    assert all(0 <= x <= width - 230 and 0 <= y <= height - 46 for x, y in boxes)


def test_names_are_escaped() -> None:
    rows = keras.Input((2,), name="features")
    model = keras.Model(rows, keras.layers.Dense(1, name="a<b")(rows))
    assert "a&lt;b" in svg(model)


def test_another_kind_of_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a picture of another kind"):
        draw(built(catalogue.get("linear"))[0], tmp_path / "net.pdf")


def test_a_png_without_its_programs_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ImportError("You must install pydot\nand more")

    monkeypatch.setattr(keras.utils, "plot_model", absent)
    with pytest.raises(MissingExtraError, match="needs pydot and graphviz.*Write a .svg"):
        draw(built(catalogue.get("linear"))[0], tmp_path / "net.png")
    assert list(tmp_path.iterdir()) == []
