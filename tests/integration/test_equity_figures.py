"""Performance is read from figures of equity as of a midnight, and from the points since."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from bson import ObjectId

from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.money import plain
from moniqo_core.domain.portfolio.equity_curve import DAY, HOUR, EquityPoint, EquitySample
from moniqo_core.domain.portfolio.equity_figures import EquityFigures, begun_figures
from moniqo_core.domain.portfolio.trade_totals import EpochStart
from moniqo_core.storage.document import Document
from moniqo_core.storage.equity_points import COLLECTION as EQUITY
from moniqo_core.storage.equity_points import point_inserts, sample_values
from moniqo_core.storage.indexes import ensure_indexes
from moniqo_core.storage.paper.totals.equity_figures import EQUITY_FIGURES, EquityFiguresStore
from tests.conftest import Database, Run
from tests.support.documents_read import documents_read

WALLET = "w"
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
START = EpochStart(MONDAY, Decimal(1000))


def points_of(hours: Iterable[int], seed: int = 37) -> list[EquityPoint]:
    """Points at these hours after Monday. An hour has the same equity every time."""
    return [
        EquityPoint(1, EquitySample(MONDAY + hour * HOUR, Decimal(1000 + hour * seed % 101), None, None))
        for hour in hours
    ]


async def insert(
    database: Database, points: Iterable[EquityPoint], epoch: int = 1, ago: timedelta = timedelta(hours=2)
) -> None:
    """Insert points as a server that did so some time ago, and that does not delete old ones during a test."""
    second = int((utc_now() - ago).timestamp()).to_bytes(4, "big")
    await database[EQUITY].insert_many(
        {
            "_id": ObjectId(second + os.urandom(8)),
            "user_wallet_id": WALLET,
            "epoch": epoch,
            "at": point.sample.at,
            **sample_values(point.sample),
            "expires_at": utc_now() + DAY,
        }
        for point in points
    )


async def figures_of(database: Database, hours: int, epoch: int = 1) -> EquityFigures:
    """Return what a reader finds that many hours after Monday."""
    found = await EquityFiguresStore(database).of_epoch(WALLET, epoch, START, MONDAY + hours * HOUR)
    return found.figures.with_points(found.later)


def all_at_once(points: Iterable[EquityPoint]) -> EquityFigures:
    return begun_figures(START.equity).with_points(points)


async def stored(database: Database) -> Document | None:
    return await database[EQUITY_FIGURES].find_one({"_id": WALLET})


@pytest.fixture
def points(database: Database, run: Run) -> Database:
    run(ensure_indexes(database, (EQUITY,)))
    return database


def test_reader_stores_figures_once_a_day_and_reads_on_from_them(points: Database, run: Run) -> None:
    async def work() -> None:
        await insert(points, points_of(range(1, 51)))
        assert await figures_of(points, 50) == all_at_once(points_of(range(1, 51)))
        kept = await stored(points)
        assert kept is not None
        assert kept["at"] == (MONDAY + 48 * HOUR).replace(tzinfo=kept["at"].tzinfo)
        with documents_read() as read:
            assert await figures_of(points, 50) == all_at_once(points_of(range(1, 51)))
        assert read == {EQUITY_FIGURES: 1, EQUITY: 3}
        assert await stored(points) == kept
        await insert(points, points_of(range(51, 72)))
        assert await figures_of(points, 71) == all_at_once(points_of(range(1, 72)))
        assert await stored(points) == kept
        await insert(points, points_of([72]))
        assert await figures_of(points, 72) == all_at_once(points_of(range(1, 73)))
        assert await stored(points) != kept

    run(work())


def test_figures_stay_when_their_points_expire(points: Database, run: Run) -> None:
    async def work() -> None:
        await insert(points, points_of(range(1, 51)))
        await figures_of(points, 50)
        await points[EQUITY].delete_many({"resolution": "1h", "at": {"$lt": MONDAY + 50 * HOUR}})
        assert await figures_of(points, 50) == all_at_once([*points_of(range(1, 49)), *points_of([50])])

    run(work())


def test_point_that_comes_late_is_in_the_figures(points: Database, run: Run) -> None:
    """A commit has inserted its entry and not its points when the next one inserts later points."""

    async def work() -> None:
        await insert(points, points_of(range(1, 30)))
        await insert(points, points_of(range(31, 51)), ago=timedelta(minutes=1))
        assert await figures_of(points, 50) == all_at_once([*points_of(range(1, 30)), *points_of(range(31, 51))])
        await insert(points, points_of([30]), ago=timedelta())  # the peak
        assert await figures_of(points, 50) == all_at_once(points_of(range(1, 51)))

    run(work())


def test_id_of_a_point_tells_when_the_server_inserted_it(points: Database, run: Run) -> None:
    async def work() -> None:
        samples = [point.sample for point in points_of([1, 2])]
        await points.client.bulk_write(point_inserts(points.name, WALLET, 1, samples), ordered=True)
        for point in await points[EQUITY].find().to_list():
            assert abs(point["_id"].generation_time - utc_now()) < timedelta(minutes=1)

    run(work())


@pytest.mark.parametrize("last", [10, 30, 60])
def test_figures_of_other_points_are_not_used(last: int, points: Database, run: Run) -> None:
    """A backup of the journal and its points was restored, and the figures were not."""

    async def work() -> None:
        await insert(points, points_of(range(1, 50)))
        await figures_of(points, 50)
        await points[EQUITY].delete_many({})
        restored = points_of(range(1, last), seed=41)
        await insert(points, restored)
        for _ in range(2):
            assert await figures_of(points, 60) == all_at_once(restored)

    run(work())


def test_epoch_begins_with_figures_of_its_own(points: Database, run: Run) -> None:
    async def work() -> None:
        await insert(points, points_of(range(1, 30)))
        await figures_of(points, 30)
        await insert(points, points_of(range(31, 60), seed=43), epoch=2)
        for _ in range(2):
            assert await figures_of(points, 60, epoch=2) == all_at_once(points_of(range(31, 60), seed=43))
        kept = await stored(points)
        assert kept is not None
        assert kept["epoch"] == 2
        # A reader that read its account before the reset.
        assert await figures_of(points, 30) == all_at_once(points_of(range(1, 30)))

    run(work())


def test_reader_of_an_earlier_account_gets_the_figures_of_its_time(points: Database, run: Run) -> None:
    async def work() -> None:
        await insert(points, points_of(range(1, 60)))
        await figures_of(points, 60)
        kept = await stored(points)
        for hours in (10, 30, 48, 59):
            assert await figures_of(points, hours) == all_at_once(points_of(range(1, hours + 1)))
            assert await stored(points) == kept

    run(work())


def test_readers_and_a_writer_at_once_agree(points: Database, run: Run) -> None:
    async def write() -> None:
        for hour in range(24, 120, 6):
            await insert(points, points_of(range(hour, hour + 6)))

    async def read() -> None:
        for _ in range(8):
            figures = await figures_of(points, 120)
            assert figures.at is not None
            assert figures == all_at_once(points_of(range(1, (figures.at - MONDAY) // HOUR + 1)))

    async def work() -> None:
        await insert(points, points_of(range(1, 24)))
        await asyncio.gather(write(), read(), read())
        assert await figures_of(points, 120) == all_at_once(points_of(range(1, 120)))
        kept = await stored(points)
        assert kept is not None
        assert kept["equity"] == plain(points_of([96])[0].sample.equity)

    run(work())


def test_days_without_points_cost_nothing(points: Database, run: Run) -> None:
    async def work() -> None:
        await insert(points, points_of([1, 24]))
        with documents_read() as read:
            figures = await figures_of(points, 24 * 900)
        assert read[EQUITY] == 2
        assert figures.daily_until(MONDAY + 900 * DAY).days == 900

    run(work())
