"""What a job's process sees of the machine: its environment, fixed before any library loads."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence

from erazoo.engine.job import Needs

SPIN = "1000"
"""How long OpenMP threads spin while they wait: the default makes a fit beside two other busy
processes ten times slower and more, this costs nothing on an idle machine."""
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
    "PYTHON_CPU_COUNT",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
GPUS = "CUDA_VISIBLE_DEVICES"


def environment(needs: Needs, gpus: Sequence[str], paths: Iterable[str]) -> dict[str, str]:
    """The environment of a job's process: this process's own, with the job's limits.

    Args:
        needs: of the job.
        gpus: the devices that it was given.
        paths: where its modules are looked for before anywhere else.
    """
    threads = str(needs.threads or needs.cpus)
    return {
        **os.environ,
        **dict.fromkeys(THREADS, threads),
        "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", SPIN),
        GPUS: ",".join(gpus) if gpus else "-1",
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path for path in paths if path)),
    }


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them."""
    named = os.environ.get(GPUS)
    if named is not None:
        return [name for name in named.split(",") if name.strip() and name.strip() != "-1"]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [program, "--query-gpu=index", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    return answer.stdout.split() if answer.returncode == 0 else []
