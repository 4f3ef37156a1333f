"""A run's submission file on its way to a loopback tournament."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from ensemble.blend import ensemble
from erazoo.config import Config
from erazoo.config.schema import SubmitSection, UniqueSection
from erazoo.errors import ConfigError, RoundClosedError, StaleDataError
from erazoo.publish import write_json
from erazoo.rundir import RunDir
from predict.live import predict
from predict.rehearsal.service import Slot
from predict.send import submit_run
from training.loop import train_model

if TYPE_CHECKING:
    from predict.rehearsal import RehearsalServer

Maker = Callable[..., tuple[Config, RunDir]]


def with_data(config: Config, **changes: object) -> Config:
    return config.model_copy(update={"data": config.data.model_copy(update=changes)})


@pytest.fixture
def predicted(make_run: Maker, panel_folder: Path, tmp_path: Path) -> tuple[Config, RunDir, Path]:
    folder = Path(shutil.copytree(panel_folder, tmp_path / "data"))
    config, run = make_run(f"data.dir={folder}", "models.lightgbm.enabled=false")
    train_model(config, run, "ridge")
    ensemble(config, run)
    predict(config, run)
    return with_data(config, source="numerai"), run, folder


def test_checked_and_not_uploaded(
    predicted: tuple[Config, RunDir, Path], tournament_server: RehearsalServer
) -> None:
    config, run, _ = predicted
    result = submit_run(config, run)
    assert not result["uploaded"]
    assert any("numerai_tools" in check for check in result["checks"])
    assert not tournament_server.calls
    assert not run.path("submission", "receipt.json").exists()


def test_uploaded_and_confirmed(
    predicted: tuple[Config, RunDir, Path], tournament_server: RehearsalServer
) -> None:
    config, run, _ = predicted
    slot = next(s.name for s in tournament_server.service.slots if s.tournament == 8)
    named = config.model_copy(update={"submit": config.submit.model_copy(update={"slot": slot})})
    result = submit_run(named, run, upload=True)
    assert result["uploaded"]
    receipt = json.loads(run.path("submission", "receipt.json").read_text())
    assert receipt["sha256"] == result["sha256"]
    assert receipt["round"] == result["round"]
    assert receipt["model"] == slot


def test_a_closed_round(
    predicted: tuple[Config, RunDir, Path], tournament_server: RehearsalServer
) -> None:
    config, run, _ = predicted
    tournament_server.faults.arm("round_closed")
    with pytest.raises(RoundClosedError) as caught:
        submit_run(config, run, upload=True)
    assert caught.value.exit_code == 75
    assert not run.path("submission", "receipt.json").exists()


def test_predictions_of_an_older_round(
    predicted: tuple[Config, RunDir, Path], tournament_server: RehearsalServer
) -> None:
    config, run, folder = predicted
    write_json(folder / "download.json", {"round": 1})
    with pytest.raises(StaleDataError, match="made for another round"):
        submit_run(config, run, upload=True)


def test_a_newer_live_file(predicted: tuple[Config, RunDir, Path]) -> None:
    config, run, folder = predicted
    pd.read_parquet(folder / "live.parquet").iloc[::-1].to_parquet(folder / "live.parquet")
    with pytest.raises(StaleDataError, match="have changed since the prediction"):
        submit_run(config, run)


def test_a_file_edited_by_hand(predicted: tuple[Config, RunDir, Path]) -> None:
    config, run, _ = predicted
    (file,) = run.path("submission").glob("*.csv")
    file.write_text(file.read_text().replace("0.", "0.1", 1))
    with pytest.raises(StaleDataError, match="not the one that was predicted"):
        submit_run(config, run)


def test_what_belongs_to_no_tournament_is_not_uploaded(
    predicted: tuple[Config, RunDir, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run, folder = predicted
    monkeypatch.delenv("ERAZOO_API_URL", raising=False)
    with pytest.raises(ConfigError, match="belongs to no tournament"):
        submit_run(with_data(config, tournament="none"), run, upload=True)
    with pytest.raises(ConfigError, match="not uploaded to a real one"):
        submit_run(with_data(config, source="demo"), run, upload=True)
    write_json(folder / "prices.json", {"last_date": "2024-09-04"})
    with pytest.raises(StaleDataError, match="2024-09-04"):
        submit_run(with_data(config, source="prices"), run, upload=True)


def with_unique(predicted: tuple[Config, RunDir, Path]) -> tuple[Config, RunDir]:
    """The same run with a unique version beside its ensemble."""
    config, run, _ = predicted
    unique = UniqueSection(to=("features",), amount=1.0)
    section = config.ensemble.model_copy(update={"unique": unique})
    config = config.model_copy(update={"ensemble": section})
    ensemble(config, run)
    predict(config, run)
    return config, run


def test_the_unique_file_goes_to_a_slot_of_its_own(
    predicted: tuple[Config, RunDir, Path], tournament_server: RehearsalServer
) -> None:
    config, run = with_unique(predicted)
    service = tournament_server.service
    service.slots = (*service.slots, Slot("another", "00000000-another", 8))
    first, second = [slot.name for slot in service.slots if slot.tournament == 8]
    one = config.model_copy(update={"submit": SubmitSection(slot=first)})
    result = submit_run(one, run, upload=True)
    assert result["uploaded"]
    assert not result["unique"]["uploaded"]
    assert result["unique"]["checks"]
    both = config.model_copy(update={"submit": SubmitSection(slot=first, unique_slot=second)})
    result = submit_run(both, run, upload=True)
    assert (result["slot"], result["unique"]["slot"]) == (first, second)
    receipts = [
        json.loads(run.path("submission", name).read_text())
        for name in ("receipt.json", "receipt-unique.json")
    ]
    assert [receipt["model"] for receipt in receipts] == [first, second]
    assert receipts[0]["sha256"] != receipts[1]["sha256"]
    run.path("submission", Path(result["unique"]["file"]).name).write_text("id,prediction")
    with pytest.raises(StaleDataError, match="not the one that was predicted"):
        submit_run(both, run)


def test_both_slots_are_looked_up_before_anything_is_sent(
    predicted: tuple[Config, RunDir, Path], tournament_server: RehearsalServer
) -> None:
    config, run = with_unique(predicted)
    service = tournament_server.service
    service.slots = tuple(slot for slot in service.slots if slot.tournament == 8)
    (only,) = [slot.name for slot in service.slots]
    mistakes = {
        "unknown model slot": SubmitSection(slot=only, unique_slot=f"{only}_2"),
        "would take both": SubmitSection(unique_slot=only),
    }
    for said, slots in mistakes.items():
        with pytest.raises(ConfigError, match=said):
            submit_run(config.model_copy(update={"submit": slots}), run, upload=True)
    assert not service.submitted
    assert not run.path("submission", "receipt.json").exists()
