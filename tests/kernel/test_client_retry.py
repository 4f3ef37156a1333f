"""The client's one retry policy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erazoo.client.retry import RetryPolicy, TransientError
from erazoo.errors import RemoteError


class Failing:
    """Fails `times` times, then gives 42."""

    def __init__(self, times: int, error: Exception) -> None:
        self.times, self.error, self.calls = times, error, 0

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return 42


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seen: list[float] = []
    monkeypatch.setattr("erazoo.client.retry.sleep", seen.append)
    return seen


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_a_transient_failure_is_tried_again(waits: list[float], failures: int) -> None:
    operation = Failing(failures, TransientError("the line broke"))
    assert RetryPolicy(retries=3).call(operation) == 42
    assert (operation.calls, len(waits)) == (failures + 1, failures)


@pytest.mark.parametrize("retries", [0, 2])
def test_tries_are_bounded_and_the_last_error_is_final(waits: list[float], retries: int) -> None:
    operation = Failing(99, TransientError("the line broke", received="silence"))
    with pytest.raises(RemoteError, match=r"line broke\. Received: silence\. Gave up") as caught:
        RetryPolicy(retries).call(operation)
    assert not isinstance(caught.value, TransientError)
    assert (operation.calls, len(waits)) == (retries + 1, retries)


def test_nested_calls_do_not_multiply_tries(waits: list[float]) -> None:
    operation, policy = Failing(99, TransientError("the line broke")), RetryPolicy(2)
    with pytest.raises(RemoteError):
        policy.call(lambda: policy.call(operation))
    assert operation.calls == 3


def test_any_other_error_is_not_tried_again(waits: list[float]) -> None:
    operation = Failing(1, RemoteError("refused"))
    with pytest.raises(RemoteError, match="refused"):
        RetryPolicy().call(operation)
    assert (operation.calls, waits) == (1, [])


def test_waits_grow_with_jitter_up_to_the_longest(waits: list[float]) -> None:
    policy = RetryPolicy(retries=8, first_wait=1.0, longest_wait=20.0)
    for _ in range(3):
        with pytest.raises(RemoteError):
            policy.call(Failing(99, TransientError("the line broke")))
    for place, wait in enumerate(waits):
        full = 2.0 ** (place % 8)
        assert min(full / 2, 20) <= wait <= min(full, 20)
    assert len(set(waits[:8] + waits[8:16])) > 9, "two rounds of waits are the same: no jitter"


@given(asked=st.floats(0, 1e6), retry=st.integers(0, 20))
def test_a_wait_asked_for_by_the_service_is_kept_within_bounds(asked: float, retry: int) -> None:
    policy = RetryPolicy(longest_wait=15.0)
    wait = policy._wait(retry, asked)
    assert min(asked, 15.0) <= wait <= 15.0
