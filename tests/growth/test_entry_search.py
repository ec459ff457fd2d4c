"""The search for the entry at which a time begins: exact on uneven journals, and as few reads for a long one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from moniqo_core.domain.ledger.account import Account, AccountTerms
from moniqo_core.storage.paper.account_values import entry_id
from moniqo_core.storage.paper.history import DemoHistory
from moniqo_core.storage.paper.orders.first_entries import first_at
from moniqo_core.storage.paper.snapshots import ENTRIES
from tests.conftest import Database, Run
from tests.support.documents_read import documents_read
from tests.support.engine import NOON
from tests.support.round_trips import round_trips

MOST_OVER = 100
"""How far behind the entry the search may end."""


def even(entries: int) -> list[datetime]:
    drawn = Random(1)
    return [NOON + timedelta(seconds=40 * seq + drawn.random() * 30) for seq in range(entries)]


def in_bursts(entries: int) -> list[datetime]:
    """Thirty orders in ten minutes, and then days without any."""
    drawn, now, found = Random(2), NOON, []
    for _ in range(entries):
        now += timedelta(seconds=20) if drawn.random() > 1 / 30 else timedelta(days=drawn.random() * 9)
        found.append(now)
    return found


def mostly_at_the_end(entries: int) -> list[datetime]:
    """An order a day, and then an agent that places one every second."""
    slow = entries // 50
    daily = [NOON + timedelta(days=day) for day in range(slow)]
    return daily + [daily[-1] + timedelta(seconds=second) for second in range(1, entries - slow + 1)]


def at_one_moment(entries: int) -> list[datetime]:
    return [NOON] * entries


def store(database: Database, run: Run, name: str, times: list[datetime]) -> Account:
    documents = [
        {"_id": entry_id(name, seq), "user_wallet_id": name, "seq": seq, "at": at, "walked_to": at if seq > 1 else None}
        for seq, at in enumerate(times, 1)
    ]
    run(database[ENTRIES].insert_many(documents, ordered=False))
    terms = AccountTerms("user", Decimal(1), "USDT", Decimal(0), Decimal(0), Decimal(0))
    return Account(name, terms, len(times), 1, times[-1], "active", None, 1, {})


@pytest.mark.parametrize("spread", [even, in_bursts, mostly_at_the_end, at_one_moment], ids=lambda made: made.__name__)
def test_first_entry_of_a_time_is_found_on_any_journal(
    spread: Callable[[int], list[datetime]], database: Database, run: Run
) -> None:
    times = spread(1500)
    account = store(database, run, "wallet", times)
    history = DemoHistory(database)
    drawn = Random(3)

    for wanted in (1, 2, 3, 101, len(times), *(drawn.randrange(1, len(times)) for _ in range(12))):
        moment = times[wanted - 1]
        first = times.index(moment) + 1
        for field in ("at", "walked_to"):
            with documents_read() as read, round_trips() as commands:
                found = run(first_at(history, [account], field, moment))["wallet"]
            assert first <= found <= first + MOST_OVER
            assert len(commands) <= 3
            assert read[ENTRIES] <= 60


def test_a_time_outside_of_the_journal_is_at_its_ends(database: Database, run: Run) -> None:
    times = even(400)
    account = store(database, run, "wallet", times)

    def found(moment: datetime) -> int:
        return run(first_at(DemoHistory(database), [account], "at", moment))["wallet"]

    assert found(times[0] - timedelta(days=1)) == 1
    assert found(times[-1] + timedelta(days=1)) == len(times) + 1


def test_journals_of_several_wallets_are_searched_together(database: Database, run: Run) -> None:
    spreads = {"even": even(1200), "bursts": in_bursts(600), "short": even(50)}
    accounts = [store(database, run, name, times) for name, times in spreads.items()]
    moment = spreads["even"][500]

    with round_trips() as commands:
        found = run(first_at(DemoHistory(database), accounts, "at", moment))

    assert commands == ["find"] * len(commands)
    assert len(commands) <= 3
    assert found["short"] == 51
    for name in ("even", "bursts"):
        times = spreads[name]
        first = next(seq for seq, at in enumerate(times, 1) if at >= moment)
        assert first <= found[name] <= first + MOST_OVER


def test_a_long_journal_takes_as_many_reads_as_a_short_one(database: Database, run: Run) -> None:
    taken = []
    for entries in (500, 5_000):
        times = even(entries)
        account = store(database, run, str(entries), times)
        with documents_read() as read, round_trips() as commands:
            run(first_at(DemoHistory(database), [account], "at", times[300]))
        taken.append((len(commands), read[ENTRIES]))

    (commands_short, read_short), (commands_long, read_long) = taken
    assert commands_long == commands_short == 2
    assert read_long <= read_short + 8
