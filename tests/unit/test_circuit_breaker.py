"""The circuit breaker of a venue: when it opens, and which failures keep it closed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moniqo_core.venues.transport.circuit_breaker import (
    FAILURES,
    OUTCOMES,
    SECONDS_KNOWN,
    SECONDS_OPEN,
    SECONDS_PER_PROBE,
    CircuitBreaker,
)


def circuit_breaker(now: list[float]) -> CircuitBreaker:
    return CircuitBreaker(lambda: now[0], lambda: 0.5)


def test_circuit_opens_after_enough_failing_accounts_until_an_answer() -> None:
    now = [0.0]
    tested = circuit_breaker(now)
    for account in range(FAILURES):
        assert tested.wait() == 0
        tested.failed(account)

    assert 0 < tested.wait() <= SECONDS_OPEN + 1
    now[0] = SECONDS_OPEN + 1
    assert tested.wait() == 0  # one asks
    assert tested.wait() > 0  # the others wait for what it hears
    tested.answered()
    assert [tested.wait() for _ in range(3)] == [0, 0, 0]


@given(st.lists(st.integers(1, FAILURES - 1), max_size=200))
def test_repeated_failures_of_too_few_accounts_never_open_the_circuit(tries: list[int]) -> None:
    tested = circuit_breaker([0.0])
    for account in tries:
        tested.failed(account)
        assert tested.wait() == 0


def test_every_failure_without_an_account_counts() -> None:
    tested = circuit_breaker([0.0])
    for _ in range(FAILURES):
        tested.failed()

    assert tested.wait() > 0


def test_late_failures_of_a_healthy_batch_leave_the_circuit_closed() -> None:
    """Healthy accounts of a batch answer at once. Failing ones all end late, when they time out."""
    tested = circuit_breaker([0.0])
    for account in range(OUTCOMES):
        tested.answered(account)
    for account in range(OUTCOMES // 2 - 1):
        tested.failed(1000 + account)
        assert tested.wait() == 0


def test_circuit_opens_when_a_healthy_venue_stops_answering() -> None:
    tested = circuit_breaker([0.0])
    for account in range(10 * OUTCOMES):
        tested.answered(account)
    for account in range(OUTCOMES // 2):
        assert tested.wait() == 0
        tested.failed(account)

    assert tested.wait() > 0


def test_expired_answers_do_not_keep_the_circuit_closed() -> None:
    now = [0.0]
    tested = circuit_breaker(now)
    for account in range(OUTCOMES):
        tested.answered(account)
    now[0] = SECONDS_KNOWN
    for account in range(FAILURES):
        tested.failed(1000 + account)

    assert tested.wait() > 0


def test_hanging_probe_does_not_block_the_next_probe() -> None:
    now = [0.0]
    tested = circuit_breaker(now)
    for account in range(FAILURES):
        tested.failed(account)
    now[0] = SECONDS_OPEN + 1
    assert tested.wait() == 0  # hangs
    now[0] += SECONDS_PER_PROBE
    assert tested.wait() == 0
    tested.answered(1000)

    assert tested.wait() == 0
