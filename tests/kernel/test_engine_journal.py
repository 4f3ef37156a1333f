"""Jobs, and the journal of their outcomes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.config.schema import EngineSection
from erazoo.engine.job import Job, Needs, Outcome
from erazoo.engine.journal import JOURNAL, Journal, log_path
from erazoo.errors import ConfigError
from erazoo.publish import append_line, read_lines

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["a", "b", "c"])
entries = st.tuples(names, st.integers(0, 2), st.sampled_from(["ok", "failed", "timeout"]), values)


def made(name: str, argument: int, limit: float = 5.0) -> Job:
    return Job(name, "m:f", {"x": argument}, timeout_s=limit)


def outcome(folder: Path, name: str, state: Any, value: Any) -> Outcome:
    return Outcome(
        id=name, attempts=1, log=log_path(folder, name), state=state, value=value, seconds=0.5
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(entries, max_size=8), st.integers(0, 400))
def test_any_cut_of_a_journal_keeps_the_whole_lines_and_takes_new_ones(written, cut) -> None:
    """The journal is a dictionary by job that survives losing any number of its last bytes."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        journal, ends, states = Journal(folder), [0], [{}]
        for job_id, argument, state, value in written:
            added = outcome(folder, job_id, state, value)
            journal.add(made(job_id, argument), added)
            ends.append((folder / JOURNAL).stat().st_size)
            states.append({**states[-1], job_id: (argument, replace(added, recorded=True))})
        path = folder / JOURNAL
        path.touch()
        size = max(0, ends[-1] - cut)
        with path.open("r+b") as stream:
            stream.truncate(size)
        whole = max(k for k, end in enumerate(ends) if k == 0 or end - 1 <= size)
        expected = states[whole]
        again = Journal(folder)
        assert again.outcomes() == {k: one for k, (_, one) in expected.items()}
        for job_id, (argument, one) in expected.items():
            assert again.standing(made(job_id, argument)) == one
            assert again.standing(made(job_id, argument + 1)) is None
            assert again.standing(made(job_id, argument), (one.state,)) is None
            longer = again.standing(made(job_id, argument, 6.0))
            assert longer == (one if one.ok else None)
        fresh = outcome(folder, "fresh", "ok", 1)
        again.add(made("fresh", 0), fresh)
        kept = {k: one for k, (_, one) in expected.items()}
        assert Journal(folder).outcomes() == {**kept, "fresh": replace(fresh, recorded=True)}


@pytest.mark.parametrize(
    "line", ["[]", "3", '{"id": "a"}', '{"key": 1, "limits": 2, "id": "a", "z": 1}']
)
def test_lines_of_other_kinds_are_passed_over(tmp_path, line) -> None:
    (tmp_path / JOURNAL).write_text(line + "\n")
    assert Journal(tmp_path).outcomes() == {}


def test_a_torn_line_and_a_full_disk(tmp_path, monkeypatch) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b'{"a": 1}\n{"b": ')
    append_line(path, {"c": 3})
    assert list(read_lines(path)) == [{"a": 1}, {"c": 3}]
    with pytest.raises(ValueError, match="Out of range float"):
        append_line(path, {"d": float("nan")})
    monkeypatch.setattr("os.write", lambda handle, data: len(data) - 1)
    with pytest.raises(OSError, match="No space left"):
        append_line(path, {"e": 4})


def test_a_record_is_plain_json(tmp_path) -> None:
    Journal(tmp_path).add(made("a", 1), outcome(tmp_path, "a", "ok", {"corr": 0.03}))
    (line,) = (tmp_path / JOURNAL).read_text().splitlines()
    facts = json.loads(line)
    assert facts["value"] == {"corr": 0.03}
    assert "log" not in facts


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"id": "a/b"}, "id names a file"),
        ({"id": ""}, "id names a file"),
        ({"call": "module.function"}, "package.module:function"),
        ({"arguments": {"x": {1}}}, "not plain JSON"),
        ({"arguments": {"x": float("inf")}}, "not plain JSON"),
        ({"timeout_s": 0}, "make no sense"),
        ({"retries": -1}, "make no sense"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(options, said) -> None:
    with pytest.raises(ConfigError, match=said):
        Job(**{"id": "a", "call": "m:f", **options})


@pytest.mark.parametrize(
    "needs", [{"cpus": 0}, {"threads": -1}, {"memory_mb": -1}, {"gpus": -0.5}, {"gpus": 1.5}]
)
def test_needs_that_make_no_sense_are_refused(needs) -> None:
    with pytest.raises(ConfigError, match="cannot be met by any machine"):
        Needs(**needs)


def test_equal_arguments_have_one_key_in_any_order() -> None:
    one = Job("a", "m:f", {"x": 1, "y": (1, 2)})
    assert one.key == Job("b", "m:f", {"y": [1, 2], "x": 1}).key
    assert one.key != Job("a", "m:g", {"x": 1, "y": [1, 2]}).key


def test_an_address_belongs_to_ray() -> None:
    with pytest.raises(ValueError, match="belongs to engine.backend 'ray' or 'auto'"):
        EngineSection(backend="serial", ray_address="auto")
