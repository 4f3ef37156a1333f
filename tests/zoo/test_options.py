from __future__ import annotations

import pytest

from erazoo.errors import ConfigError
from zoo import catalogue
from zoo.keras.mlp.params import MlpParams
from zoo.options import introduction, options

NAMES = [name for name in catalogue.names() if catalogue.get(name).family == "keras"]


def test_options_say_their_name_default_limits_and_meaning() -> None:
    found = {option.name: option for option in options(MlpParams)}
    smoothing = found["head.label_smoothing"]
    assert (smoothing.default, smoothing.limits, smoothing.bad) == (0.0, ">= 0, < 1", -1)
    assert found["activation"].limits == "relu | silu | gelu | mish | selu"
    assert found["units"].limits == "a list, each >= 1, <= 16384"
    assert found["batch_eras"].default is None
    assert found["batch_eras"].limits == ">= 1, <= 256"
    assert found["units"].about == "the width of each block, first to last."
    assert "decoupled weight decay" in found["optimizer"].about


@pytest.mark.parametrize("name", NAMES)
def test_every_option_of_every_network_is_explained(name: str) -> None:
    params = catalogue.get(name).params
    assert [option.name for option in options(params) if not option.about] == []
    text = introduction(params)
    assert "Args:" not in text
    for preset in catalogue.get(name).presets:
        assert f"\n    {preset}: " in text, preset


def test_a_preset_and_a_value_of_one_group_meet() -> None:
    spec = catalogue.get("ae_classifier")
    params = catalogue.resolve(spec, "jane_street", {"head": {"classes": 7}})
    assert (params.head.kind, params.head.classes) == ("multilabel", 7)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"head": {"clases": 3}}, "no parameter 'head.clases'. Expected: classes"),
        ({"units": "wide"}, "'units': input should be a list in square brackets"),
        ({"head": {"classes": 1}}, "parameter 'head.classes'.*Received: 1"),
        ({"inputs": 3}, "parameter 'inputs'"),
        ({"unit": [3]}, "no parameter 'unit'. Expected: units"),
    ],
)
def test_a_refused_option_is_named_as_it_is_written(values: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        catalogue.resolve(catalogue.get("mlp"), "small", values)
