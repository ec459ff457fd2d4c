"""Opening a wallet for its orders: what it costs, and whose wallets it opens."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from decimal import Decimal

import pytest

from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import ConflictError, NotFoundError
from moniqo_core.services.orders.opener import OrderOpener
from moniqo_core.wallets.connector import WalletConnector
from tests.conftest import Database, Run
from tests.support.live_traders import OWNER, LiveSite, make_wallet
from tests.support.round_trips import round_trips
from tests.support.traders import open_wallet
from tests.support.venues.binance import FakeBinance

LIVE, PAPER = "live-wallet", "paper-wallet"
STRANGER = str(uuid.uuid4())


class Deployment:
    """A database with a live wallet and a paper one, and what opens them as a new execution environment does."""

    def __init__(self, site: LiveSite, database: Database) -> None:
        self.site = site
        self.database = database
        self.opened: list[tuple[Database, WalletConnector]] = []

    def new_environment(self) -> tuple[WalletConnector, OrderOpener]:
        database, connector = self.site.open()
        self.opened.append((database, connector))
        return connector, OrderOpener(connector, lambda: self.site.placing(database, connector))

    async def close(self) -> None:
        for database, connector in self.opened:
            await connector.close()
            await database.client.close()


@pytest.fixture
def deployment(seeded: Database, mongo_url: str, run: Run) -> Iterator[Deployment]:
    with FakeBinance() as venue:
        address = {"$set": {"api_config.base_url": venue.url}}
        run(seeded.wallets.update_one({"slug": "binance-spot-v1"}, address))
        made = Deployment(LiveSite(mongo_url, seeded.name, secrets.token_bytes(32)), seeded)
        run(make_wallet(made.site, LIVE, venue.credentials()))
        connector, _ = made.new_environment()
        run(open_wallet(connector, PAPER, Decimal(1000)))
        yield made
        run(made.close())


def test_opening_a_paper_wallet_makes_one_round_trip(deployment: Deployment, run: Run) -> None:
    connector, opener = deployment.new_environment()
    run(connector.feed())
    for _ in range(2):
        with round_trips() as commands:
            run(opener.open_to_trade(OWNER, PAPER, "mine"))
            run(opener.open(OWNER, PAPER))
        assert commands == ["aggregate", "aggregate"]


def test_reopening_a_live_wallet_makes_one_round_trip_to_trade_and_two_to_read(
    deployment: Deployment, run: Run
) -> None:
    _, opener = deployment.new_environment()
    with round_trips() as first:
        run(opener.open_to_trade(OWNER, LIVE, "mine"))
    assert first == ["aggregate", "aggregate", "find"]  # a journal it has not, the wallet, its definition

    with round_trips() as later:
        run(opener.open_to_trade(OWNER, LIVE, "mine"))
        run(opener.open(OWNER, LIVE))
    assert later == ["aggregate", "find", "find"]  # the wallet to trade; the wallet, an entry it does not know


def test_remembered_wallet_opens_only_for_its_owner(deployment: Deployment, run: Run) -> None:
    _, opener = deployment.new_environment()
    for _ in range(2):
        for wallet in (LIVE, PAPER, "no such wallet"):
            with pytest.raises(NotFoundError):
                run(opener.open(STRANGER, wallet))
            with pytest.raises(NotFoundError):
                run(opener.open_to_trade(STRANGER, wallet, None))
        run(opener.open(OWNER, LIVE))
        run(opener.open(OWNER, PAPER))


def test_known_live_wallet_costs_a_stranger_what_an_unknown_id_costs(deployment: Deployment, run: Run) -> None:
    _, opener = deployment.new_environment()
    run(opener.open(OWNER, LIVE))
    costs = []
    for wallet in (LIVE, "no such wallet"):
        with round_trips() as commands, pytest.raises(NotFoundError):
            run(opener.open(STRANGER, wallet))
        costs.append(list(commands))

    assert costs[0] == costs[1] == ["aggregate", "find"]


def test_deleted_live_wallet_is_not_found_although_remembered(deployment: Deployment, run: Run) -> None:
    _, opener = deployment.new_environment()
    run(opener.open(OWNER, LIVE))
    run(deployment.database.user_wallets.update_one({"_id": LIVE}, {"$set": {"deleted_at": utc_now()}}))
    with pytest.raises(NotFoundError):
        run(opener.open(OWNER, LIVE))
    with pytest.raises(NotFoundError):
        run(opener.open_to_trade(OWNER, LIVE, None))


def test_paper_only_operations_conflict_for_a_live_wallet(deployment: Deployment, run: Run) -> None:
    connector, opener = deployment.new_environment()
    for _ in range(2):
        with pytest.raises(ConflictError, match="Only paper wallets support this"):
            run(connector.connect_demo(OWNER, LIVE))
        with pytest.raises(NotFoundError):
            run(connector.connect_demo(STRANGER, LIVE))
    run(opener.open(OWNER, LIVE))
