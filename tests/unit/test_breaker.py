"""The breaker of a venue: when it stops asking, and what it does not stop for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moniqo.wallets.breaker import FAILURES, SECONDS_OPEN, Breaker


def breaker(now: list[float]) -> Breaker:
    return Breaker(lambda: now[0], lambda: 0.5)


def test_accounts_without_an_answer_open_it_and_one_answer_closes_it() -> None:
    now = [0.0]
    tested = breaker(now)
    for account in range(FAILURES):
        assert tested.wait() == 0
        tested.failed(account)

    assert 0 < tested.wait() <= SECONDS_OPEN + 1
    now[0] = SECONDS_OPEN + 1
    assert tested.wait() == 0  # one asks
    assert tested.wait() == 1  # the others wait for what it hears
    tested.answered()
    assert [tested.wait() for _ in range(3)] == [0, 0, 0]


@given(st.lists(st.integers(1, FAILURES - 1), max_size=200))
def test_fewer_accounts_never_do_however_often_they_try(tries: list[int]) -> None:
    tested = breaker([0.0])
    for account in tries:
        tested.failed(account)
        assert tested.wait() == 0


def test_calls_for_nobody_count_each() -> None:
    tested = breaker([0.0])
    for _ in range(FAILURES):
        tested.failed()

    assert tested.wait() > 0
