"""Names of the files in a data folder."""

FEATURES = "features.json"
HISTORY = ("train.parquet", "validation.parquet")
LIVE = "live.parquet"
REFERENCE_FILES = (
    "meta_model.parquet",
    "train_benchmark_models.parquet",
    "validation_benchmark_models.parquet",
)
LIVE_REFERENCES = ("live_benchmark_models.parquet",)
SOURCE_RECORD = "source.json"
DOWNLOAD_RECORD = "download.json"
PRICE_RECORD = "prices.json"
