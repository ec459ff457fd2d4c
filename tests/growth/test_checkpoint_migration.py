"""``moniqo-admin migrate`` writes the checkpoints that journals of earlier releases miss."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from moniqo_core.migrations.journal_checkpoints import complete_checkpoints
from moniqo_core.storage.paper.snapshots import CHECKPOINTS, ENTRIES
from tests.conftest import Database, Run
from tests.support.engine import Clock, Engine, clock, engine
from tests.support.long_journal import checkpoints, lengthen

__all__ = ["clock", "engine"]

pytestmark = pytest.mark.usefixtures("seeded")


def migrate(database: Database, run: Run) -> str:
    return run(complete_checkpoints(database, lambda _: None))


def long_wallet(engine: Engine, run: Run, database: Database, clock: Clock, entries: int) -> str:
    wallet = engine.create()
    run(lengthen(database, wallet, entries, clock))
    return wallet


class StoppedError(Exception):
    """What a test stops a migration with."""


def test_migration_goes_on_where_it_stopped_and_fills_holes(
    engine: Engine, clock: Clock, database: Database, run: Run
) -> None:
    wallet = long_wallet(engine, run, database, clock, 1_010)
    short = engine.create()
    told: list[str] = []

    def stop_at_the_second(text: str) -> None:
        told.append(text)
        if len(told) == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        run(complete_checkpoints(database, stop_at_the_second))
    assert told[1] == "journal 1 of 1: 1 of 2 missing checkpoints are written"
    assert list(checkpoints(database, run, wallet)) == [500]
    assert migrate(database, run).startswith("Long journals: 1. Checkpoints written: 1. ")
    written = checkpoints(database, run, wallet)
    assert migrate(database, run).startswith("Long journals: 1. Checkpoints written: 0. ")
    run(database[CHECKPOINTS].delete_one({"seq": 500}))
    migrate(database, run)
    assert checkpoints(database, run, wallet) == written
    assert checkpoints(database, run, short) == {}


def test_migrations_and_a_writer_at_once_agree(engine: Engine, clock: Clock, database: Database, run: Run) -> None:
    wallet = long_wallet(engine, run, database, clock, 990)

    async def at_once() -> list[Any]:
        migrations = [complete_checkpoints(database, lambda _: None) for _ in range(3)]
        return await asyncio.gather(lengthen(database, wallet, 1_010, clock), *migrations)

    run(at_once())
    migrate(database, run)
    assert list(checkpoints(database, run, wallet)) == [500, 1_000]
    engine.replay(wallet)


def test_journal_that_cannot_be_read_does_not_stop_the_migration(
    engine: Engine, clock: Clock, database: Database, run: Run
) -> None:
    broken, gap, sound = (long_wallet(engine, run, database, clock, 501) for _ in range(3))
    run(database[ENTRIES].update_one({"user_wallet_id": broken, "seq": 400}, {"$set": {"changes": [1]}}))
    run(database[ENTRIES].delete_one({"user_wallet_id": gap, "seq": 400}))

    result = migrate(database, run)

    assert result == "Long journals: 3. Checkpoints written: 1. Journals that cannot be read: 2."
    assert list(checkpoints(database, run, sound)) == [500]
    assert engine.ask("get_balance", "GET", broken, "/balance").status == 200
