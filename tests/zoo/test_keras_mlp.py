from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contracts.keras_contract import KerasContract

from erazoo.artefacts import seal
from erazoo.errors import ConfigError, LeakageError, SchemaError
from zoo.catalogue import get, resolve
from zoo.keras.check import FEATURES, OWN_CODES, built, five_values, predictions, quintiles
from zoo.keras.mlp import SPEC

ERAS = ("0001", "0002", "0003")


class TestMlp(KerasContract):
    spec = SPEC

    def test_blocks_have_the_widths_asked_for(self) -> None:
        model = self.network(units=[7, 5, 3], normalise=True, dropout=0.2)
        widths = [x.units for x in model.layers if x.__class__.__name__ == "Dense"]
        assert widths == [7, 5, 3, 1]
        assert model.get_layer("block_2_dropout").rate == 0.2
        assert model.get_layer("block_3_norm")

    @pytest.mark.parametrize(
        ("preset", "expected"),
        [
            ("funnel", [1024, 512, 256, 128, 64, 32, 32, 1]),
            ("residual", [1536, 1024, 768, 512, 256, 1]),
            ("deep", [512] * 6 + [1]),
        ],
    )
    def test_presets_have_their_widths(self, preset: str, expected: list[int]) -> None:
        model = self.network(preset)
        assert [x.units for x in model.layers if x.__class__.__name__ == "Dense"] == expected

    def test_the_preset_for_residual_targets_is_the_recipe(self) -> None:
        params = resolve(SPEC, "residual", {})
        found = (params.activation, params.learning_rate, params.weight_decay)
        assert found == ("gelu", 9e-4, 1e-4)

    @pytest.mark.parametrize("output", ["sigmoid", "linear"])
    def test_an_untrained_output_starts_near_the_mean_target(self, output: str) -> None:
        model = self.network(head={"output": output})
        assert abs(predictions(model, quintiles()).mean() - 0.5) < 0.2

    def test_weight_decay_shrinks_kernels_and_spares_everything_else(self) -> None:
        def norms(decay: float) -> list[float]:
            model, adapt = self.learning(
                weight_decay=decay, learning_rate=1e-2, dropout=0.0, inputs={"embedding": 2}
            )
            layer = model.get_layer("block_1_dense")
            layer.bias.assign(np.ones(layer.units, dtype=np.float32) * 5)
            x, y = quintiles(), five_values()
            model.fit(x, adapt(x, y), epochs=3, batch_size=32, verbose=0)
            weights = [*layer.get_weights(), *model.get_layer("bin_embedding").get_weights()]
            return [float(np.linalg.norm(weight)) for weight in weights]

        plain, decayed = norms(0.0), norms(0.9)
        assert decayed[0] < 0.95 * plain[0]
        assert decayed[1] > 0.97 * plain[1]
        assert decayed[2] > 0.97 * plain[2]

    def test_adam_refuses_weight_decay(self) -> None:
        with pytest.raises(
            ConfigError, match="weight_decay needs another optimizer, such as adamw; adam"
        ):
            resolve(SPEC, "small", {"optimizer": "adam", "weight_decay": 0.1})


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder with the fold `fold-0` of an autoencoder fitted on two eras."""
    folder = tmp_path_factory.mktemp("autoencoder")
    place = folder / "folds" / "fold-0"
    place.mkdir(parents=True)
    built(get("autoencoder"), inputs={"noise": 0.1})[0].save(place / "model.keras")
    seal(place, {"fit": ERAS[:1], "monitor": ERAS[1:2], "fingerprint": FEATURES.fingerprint})
    return folder


class TestEncoder:
    """A trained autoencoder's code beside the inputs of a perceptron."""

    def at(self, encoder: Path, fold: str = "fold-0", eras: tuple[str, ...] = ERAS) -> dict:
        params = resolve(SPEC, "small", {"encoder": str(encoder), "dropout": 0.0})
        return params.for_fit(fold, eras).model_dump()

    def test_its_code_is_read_and_stays_as_it_was(self, encoder: Path, tmp_path: Path) -> None:
        model, params = built(SPEC, **self.at(encoder))
        inner = model.get_layer("encoder")
        before = [np.array(weight) for weight in inner.get_weights()]
        width = model.get_layer("with_code").output.shape[-1]
        assert width == len(FEATURES.names) + inner.output.shape[-1]
        assert not inner.trainable_variables
        x = quintiles()
        from zoo.keras.check import fit_a_step

        fit_a_step(model, params, x)
        for old, new in zip(before, inner.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
        model.save(tmp_path / "model.keras")
        import keras

        again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
        np.testing.assert_allclose(predictions(again, x), predictions(model, x), atol=1e-6)

    def test_it_adds_neither_noise_nor_loss_and_stays_frozen(self, tmp_path: Path) -> None:
        """Also a variational one, whose code is drawn and whose loss has a divergence."""
        model, _ = built(get("autoencoder"), "variational", units=[8], code=4)
        model(quintiles())
        assert float(model.losses[0]) > 0
        model.save(tmp_path / "model.keras")
        seal(tmp_path, {"fingerprint": FEATURES.fingerprint})
        import keras

        reader, params = built(SPEC, encoder=str(tmp_path), dropout=0.0)
        reader.save(tmp_path / "reader.keras")
        again = keras.saving.load_model(tmp_path / "reader.keras", compile=False)
        for network in (reader, again):
            found = [np.asarray(network(quintiles(), training=t)["prediction"]) for t in (0, 1)]
            np.testing.assert_array_equal(*found)
            assert not network.losses
            assert len(network.trainable_variables) == 2 * (len(params.units) + 1)

    def test_eras_that_the_fold_does_not_train_on_are_a_leak(self, encoder: Path) -> None:
        with pytest.raises(LeakageError, match="era 0002"):
            self.at(encoder, eras=("0001", "0003"))

    def test_a_fold_without_an_encoder_is_said(self, encoder: Path) -> None:
        with pytest.raises(ConfigError, match="no encoder for a fold"):
            self.at(encoder, fold="fold-1")

    def test_other_features_are_refused(self, encoder: Path) -> None:
        params = resolve(SPEC, "small", {"encoder": str(encoder / "folds" / "fold-0")})
        with pytest.raises(SchemaError, match="encoder of other features"):
            SPEC.build(params, OWN_CODES, 1)

    def test_a_network_without_a_code_is_refused(self, tmp_path: Path) -> None:
        built(get("linear"))[0].save(tmp_path / "model.keras")
        seal(tmp_path, {"fingerprint": FEATURES.fingerprint})
        params = resolve(SPEC, "small", {"encoder": str(tmp_path)})
        with pytest.raises(ConfigError, match="this network has no code"):
            SPEC.build(params, FEATURES, 1)
