from __future__ import annotations

import keras
import numpy as np
import pytest

from erazoo.errors import ConfigError
from erazoo.panel import FeatureSpec
from zoo.keras.check import FEATURES, FLOATS, OWN_CODES, quintiles
from zoo.keras.inputs import read_inputs
from zoo.keras.params import InputOptions


def reader(spec: FeatureSpec = FEATURES, columns: bool = False, **options: object) -> keras.Model:
    inputs = read_inputs(spec, InputOptions.model_validate(options))
    return keras.Model(inputs.features, inputs.columns if columns else inputs.flat)


def test_quintiles_are_standardised_and_missing_ones_are_the_centre() -> None:
    x = quintiles()
    np.testing.assert_allclose(reader()(x), (x - 2.0) / np.sqrt(2), rtol=1e-6)
    holes = x.copy()
    holes[::2, 3] = 5
    found = np.asarray(reader(OWN_CODES)(holes))
    assert not found[::2, 3].any()


def test_the_indicator_stands_beside_each_value() -> None:
    x = quintiles()
    x[::3, :4] = 5
    found = np.asarray(reader(OWN_CODES, columns=True, indicator=True)(x))
    assert found.shape == (*x.shape, 2)
    np.testing.assert_array_equal(found[..., 1], x == 5)
    np.testing.assert_array_equal(found[..., 0] == 0, (x == 5) | (x == 2))


def test_each_code_of_each_feature_has_a_vector_of_its_own() -> None:
    model = reader(OWN_CODES, columns=True, embedding=3)
    table = model.get_layer("bin_embedding").get_weights()[0].reshape(12, 6, 3)
    x = quintiles()
    x[0] = 5
    expected = table[np.arange(12), x]
    np.testing.assert_allclose(np.asarray(model(x)), expected)
    assert 0.8 < table.std() < 1.2


@pytest.mark.parametrize("options", [{}, {"embedding": 4}])
def test_noise_and_dropout_act_in_training_only(options: dict[str, object]) -> None:
    model = reader(columns=True, noise=0.5, dropout=0.4, **options)
    x = quintiles(2000)
    calm, stirred = np.asarray(model(x, training=False)), np.asarray(model(x, training=True))
    plain = reader(columns=True, **options)
    if options:
        plain.set_weights(model.get_weights())
    np.testing.assert_allclose(calm, plain(x))
    dropped = (stirred == 0).all(axis=-1)
    assert 0.35 < dropped.mean() < 0.45
    rest = (stirred * 0.6 - calm)[~dropped]
    assert 0.45 < rest.std() < 0.55


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        (FLOATS, {"embedding": 2}, "inputs.embedding is for quintile features"),
        (FEATURES, {"indicator": True}, "inputs.indicator needs missing values"),
        (FLOATS, {"indicator": True}, "inputs.indicator needs missing values"),
    ],
)
def test_what_features_cannot_give_is_refused(
    spec: FeatureSpec, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        reader(spec, **options)
