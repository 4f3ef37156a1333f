"""A data folder read as a panel, and every way in which it can be malformed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erazoo.errors import ConfigError, DataError, SchemaError
from etl.dataset import Dataset, LiveData
from etl.files import DataFiles
from etl.grids import MISSING

TARGETS = ["target_ender_20", "target_ender_60"]


def change(path: Path, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    edit(pd.read_parquet(path)).to_parquet(path, index=False)


def test_blocks_hold_what_the_files_hold(tiny: Path) -> None:
    data = Dataset(DataFiles.folder(tiny), "all", TARGETS)
    frame = pd.concat([pd.read_parquet(tiny / f"{n}.parquet") for n in ("train", "validation")])
    blocks = list(data.blocks())
    assert [b.era for b in blocks] == [f"{e:04d}" for e in range(1, 31)]
    assert np.concatenate([b.ids for b in blocks]).tolist() == frame["id"].tolist()
    features = np.concatenate([b.features for b in blocks])
    assert features.dtype == np.int8
    np.testing.assert_array_equal(features, frame[list(data.spec.names)].to_numpy())
    np.testing.assert_array_equal(
        np.concatenate([b.targets for b in blocks]), frame[TARGETS].to_numpy()
    )


def test_references_are_joined_by_id(tiny: Path) -> None:
    data = Dataset(DataFiles.folder(tiny), "all", TARGETS)
    assert data.references == ("numerai_meta_model", "v1_benchmark")
    benchmark = pd.concat(
        [pd.read_parquet(tiny / f"{n}_benchmark_models.parquet") for n in ("train", "validation")]
    ).set_index("id")["v1_benchmark"]
    for block in data.blocks():
        expected = benchmark.loc[block.ids].to_numpy(np.float32)
        np.testing.assert_array_equal(block.references[:, 1], expected)
        assert np.isnan(block.references[:, 0]).all() == (int(block.era) < 16)


def test_some_eras_in_order(tiny: Path) -> None:
    data = Dataset(DataFiles.folder(tiny), "small", TARGETS)
    assert [b.era for b in data.blocks(["0003", "0017", "0030"])] == ["0003", "0017", "0030"]
    assert data.spec.names == ("feature_0", "feature_1", "feature_2")
    assert data.spec.groups["charisma"] == ("feature_1", "feature_2")


@pytest.mark.parametrize("row_group", [7, 12, 1000])
def test_row_groups_do_not_matter(
    tmp_path: Path, make_tiny: Callable[..., Path], row_group: int
) -> None:
    a = Dataset(DataFiles.folder(make_tiny(tmp_path / "a", row_group=row_group)), "all", TARGETS)
    b = Dataset(DataFiles.folder(make_tiny(tmp_path / "b", row_group=100)), "all", TARGETS)
    for one, other in zip(a.blocks(), b.blocks(), strict=True):
        np.testing.assert_array_equal(one.features, other.features)
        np.testing.assert_array_equal(one.references, other.references)


def test_the_alias_is_found_by_value(tiny: Path) -> None:
    assert Dataset(DataFiles.folder(tiny), "all", TARGETS).alias_of() == "target_ender_60"


def test_resolved_eras(tiny: Path) -> None:
    assert Dataset(DataFiles.folder(tiny), "all", TARGETS).resolved("target_ender_20")[-1] == "0026"


def test_missing_features_become_the_missing_code(tiny: Path) -> None:
    table = pq.read_table(tiny / "train.parquet")
    place = table.schema.get_field_index("feature_1")
    column = pa.array([None, *table.column("feature_1").to_pylist()[1:]], pa.int8())
    pq.write_table(table.set_column(place, "feature_1", column), tiny / "train.parquet")
    block = next(Dataset(DataFiles.folder(tiny), "all", TARGETS).blocks())
    assert block.features[0, 1] == MISSING


def test_off_grid_value_is_named(tiny: Path) -> None:
    change(
        tiny / "train.parquet", lambda f: f.assign(feature_2=f["feature_2"].where(f.index != 3, 7))
    )
    frame = pd.read_parquet(tiny / "train.parquet").astype({"feature_2": "int8"})
    frame.to_parquet(tiny / "train.parquet", index=False)
    with pytest.raises(SchemaError, match=r"7 in column feature_2, row 3 of train.parquet"):
        list(Dataset(DataFiles.folder(tiny), "all", TARGETS).blocks())


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda f: f.drop(columns="feature_4"), "lacks a column.*no feature_4"),
        (lambda f: f.drop(columns="target_ender_20"), "lacks a column.*no target_ender_20"),
        (lambda f: f.drop(columns="era"), "lacks a column.*era"),
        (lambda f: f.assign(feature_0=f["feature_0"].astype("float32")), "quintile type"),
        (lambda f: f.assign(era=None), "wrong type.*null in.*text"),
        (lambda f: f.assign(era=f["era"].where(f.index != 5)), "an era label is missing"),
        (lambda f: f.assign(era=f["era"].astype(float)), "era column is of the wrong type.*double"),
        (lambda f: f.assign(id=np.linspace(0, 1, len(f))), "wrong type.*id: double"),
        (lambda f: f.assign(target_ender_20="x"), "wrong type.*target_ender_20"),
        (lambda f: f.assign(target_ender_20=np.float32("inf")), "target is infinite"),
        (lambda f: f.assign(era=f["era"].replace("0002", "two")), "cannot be parsed.*'two'"),
        (lambda f: f.sample(frac=1, random_state=0), "do not stand together"),
        (lambda f: f.iloc[::-1], "not in chronological order"),
        (lambda f: f.assign(id=f["id"].where(f.index != 1, f["id"].iloc[0])), "ids are missing or"),
        (lambda f: f.iloc[:0], "empty"),
    ],
)
def test_malformed_history(
    tiny: Path, edit: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    change(tiny / "train.parquet", edit)
    with pytest.raises(DataError, match=message) as caught:
        data = Dataset(DataFiles.folder(tiny), "all", TARGETS)
        assert data.axis.eras
        list(data.blocks())
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 3


def test_an_id_in_two_eras(tiny: Path) -> None:
    change(
        tiny / "train.parquet", lambda f: f.assign(id=f["id"].where(f.index != 20, f["id"].iloc[0]))
    )
    data = Dataset(DataFiles.folder(tiny), "all", TARGETS)
    assert len(list(data.blocks())) == 30
    with pytest.raises(SchemaError, match="1 repeated"):
        data.check_ids()


def test_an_era_in_two_files(tiny: Path) -> None:
    change(tiny / "validation.parquet", lambda f: f.assign(era=f["era"].replace("0016", "0015")))
    with pytest.raises(SchemaError, match="two files"):
        Dataset(DataFiles.folder(tiny), "all", TARGETS).eras()


def test_truncated_parquet(tiny: Path) -> None:
    content = (tiny / "train.parquet").read_bytes()
    (tiny / "train.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="damaged or no parquet"):
        Dataset(DataFiles.folder(tiny), "all", TARGETS)


def test_no_data_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no history"):
        Dataset(DataFiles.folder(tmp_path), "all", TARGETS)


def test_unknown_feature_set_names_the_nearest(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="smal.*small") as caught:
        Dataset(DataFiles.folder(tiny), "smal", TARGETS)
    assert caught.value.exit_code == 2


def test_damaged_features_json(tiny: Path) -> None:
    (tiny / "features.json").write_text(json.dumps({"feature_sets": ["all"]}))
    with pytest.raises(DataError, match="damaged"):
        Dataset(DataFiles.folder(tiny), "all", TARGETS)


def test_live_block(tiny: Path) -> None:
    spec = Dataset(DataFiles.folder(tiny), "all", TARGETS).spec
    block = LiveData(DataFiles.folder(tiny), spec).block()
    assert (block.era, len(block), block.targets.shape) == ("X", 12, (12, 0))


def test_live_file_lacking_a_feature(tiny: Path) -> None:
    change(tiny / "live.parquet", lambda f: f.drop(columns="feature_5"))
    with pytest.raises(SchemaError, match=r"live\.parquet lacks a column.*feature_5"):
        LiveData(DataFiles.folder(tiny), Dataset(DataFiles.folder(tiny), "all", TARGETS).spec)


def test_corrupt_pages_are_found(tiny: Path) -> None:
    path = tiny / "train.parquet"
    content = bytearray(path.read_bytes())
    column = pq.ParquetFile(path).metadata.row_group(0).column(3)
    start = column.dictionary_page_offset or column.data_page_offset
    content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"damaged.*train\.parquet, row group 0"):
        list(Dataset(DataFiles.folder(tiny), "all", TARGETS).blocks())


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda f: f.drop(columns="id"), r"meta_model\.parquet lacks a column.*id"),
        (lambda f: f.assign(id=f["id"].iloc[0]), "ids are missing or repeated"),
    ],
)
def test_malformed_references(
    tiny: Path, edit: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    change(tiny / "meta_model.parquet", edit)
    with pytest.raises(SchemaError, match=message):
        list(Dataset(DataFiles.folder(tiny), "all", TARGETS).blocks())


def test_texts_in_a_reference_file_are_no_references(tiny: Path) -> None:
    change(tiny / "meta_model.parquet", lambda f: f.assign(data_type="validation"))
    assert "data_type" not in Dataset(DataFiles.folder(tiny), "all", TARGETS).references


def test_a_reference_file_of_other_ids_is_refused(tiny: Path) -> None:
    change(
        tiny / "validation_benchmark_models.parquet",
        lambda f: f.assign(id=f["id"].str.upper() + "Z"),
    )
    with pytest.raises(SchemaError, match="knows no id of an era"):
        list(Dataset(DataFiles.folder(tiny), "all", TARGETS).blocks())


def test_a_reference_file_that_writes_eras_otherwise_is_refused(tiny: Path) -> None:
    """Its eras would be those of no row, and every score against it absent in silence."""
    change(tiny / "meta_model.parquet", lambda f: f.assign(era=f["era"].str.lstrip("0")))
    with pytest.raises(SchemaError, match=r"writes eras differently.*'16'.*'0016'"):
        next(Dataset(DataFiles.folder(tiny), "all", TARGETS).blocks())


def test_values_are_counted_no_further_than_they_are_asked_for(tiny: Path) -> None:
    data = Dataset(DataFiles.folder(tiny), "all", TARGETS)
    eras = data.eras()[:6]
    frame = pd.read_parquet(tiny / "train.parquet").set_index("era")["target_ender_20"]
    expected = {era: frame.loc[era].value_counts().to_dict() for era in eras}
    assert dict(data.values_of(TARGETS[0], eras, 16)) == expected
    few = dict(data.values_of(TARGETS[0], eras, 1))
    assert list(few) == [eras[0]]
