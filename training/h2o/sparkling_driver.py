"""H2O AutoML on Spark, by Sparkling Water.

Run as a program, by the Python of `.venv-sparkling`, on an order that `training.h2o.sparkling`
writes: `python sparkling_driver.py ORDER.json`. It imports nothing of erazoo. What it leaves in the
order's folder: `model.zip` (a MOJO), `board.json`, and `predictions.parquet`, the predictions of
the first training rows, by which the MOJO is checked where it is used.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

JAVA_17 = " ".join(
    [
        "--add-exports=java.base/sun.net.www.protocol.http=ALL-UNNAMED",
        "--add-exports=java.base/sun.net.www.protocol.https=ALL-UNNAMED",
        "--add-opens=java.base/java.lang=ALL-UNNAMED",
    ]
)
"""What Sparkling Water asks of a Java that keeps its own classes to itself."""
LOOPBACK = "127.0.0.1"


def main() -> None:
    """Run the order; the reason of a failure goes to `failure.json`."""
    order = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(order["folder"])
    try:
        run(order, folder)
    except Exception as error:
        words = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        (folder / "failure.json").write_text(json.dumps({"reason": words}), encoding="utf-8")
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def run(order: dict[str, Any], folder: Path) -> None:
    """Rows to Spark, from there to H2O, and the leader of the board back."""
    from h2o.automl import H2OAutoML, get_leaderboard
    from pysparkling import H2OConf, H2OContext

    spark = session(order, folder)
    user, password = Path(order["realm"]).read_text(encoding="ascii").strip().split(": ")
    conf = H2OConf().setCloudName(order["name"]).setUserName(user)
    conf.setPassword(password).setHashLoginEnabled().setLoginConf(order["realm"])
    conf.setFlowDir(str(folder / "flow")).setLogDir(str(folder / "logs"))
    if on_this_machine(order["master"]):
        conf.setExtraProperties(f"-ip {LOOPBACK} -web_ip {LOOPBACK}")
    context = H2OContext.getOrCreate(conf)
    rows = spark.read.parquet(order["training"])
    frame = context.asH2OFrame(rows)
    search = H2OAutoML(**order["automl"])
    search.train(
        x=order["features"],
        y=order["target"],
        training_frame=frame,
        fold_column=order["folds"],
        weights_column=order["weights"],
    )
    if search.leader is None:
        raise RuntimeError("AutoML finished no model; raise max_runtime_seconds or memory_mb")
    search.leader.download_mojo(str(folder / "model.zip"))
    board = get_leaderboard(search, extra_columns="ALL").as_data_frame()
    board.to_json(folder / "board.json", orient="records")
    first = frame[: order["checked"], :]
    checked = first[order["features"]].cbind(search.leader.predict(first))
    context.asSparkFrame(checked).coalesce(1).write.parquet(str(folder / "predictions.parquet"))


def session(order: dict[str, Any], folder: Path) -> Any:
    """A Spark session, on loopback where it runs on this machine alone."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    if on_this_machine(order["master"]):
        os.environ["SPARK_LOCAL_IP"] = LOOPBACK
    settings = {
        "spark.driver.memory": f"{order['memory_mb']}m",
        "spark.executor.memory": f"{order['memory_mb']}m",
        # libraries that XGBoost and Snappy unpack would stay in /tmp when Java is killed
        "spark.driver.extraJavaOptions": f'{JAVA_17} "-Djava.io.tmpdir={temporary}"',
        "spark.executor.extraJavaOptions": JAVA_17,
        "spark.log.level": "WARN",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(folder / "spark"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        # H2O stays on the executors that it began on
        "spark.dynamicAllocation.enabled": "false",
        "spark.scheduler.minRegisteredResourcesRatio": "1",
    }
    if on_this_machine(order["master"]):
        settings |= {"spark.driver.bindAddress": LOOPBACK, "spark.driver.host": LOOPBACK}
    if order["executors"]:
        settings["spark.executor.instances"] = str(order["executors"])
    builder = SparkSession.builder.appName("erazoo").master(order["master"])
    for name, value in {**settings, **order["spark"]}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def on_this_machine(master: str) -> bool:
    """Whether a Spark master is one process on this machine."""
    return master == "local" or master.startswith("local[")


if __name__ == "__main__":
    main()
