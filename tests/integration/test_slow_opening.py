"""Live orders whose wallet takes long to open, because the key of its credentials comes late."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import SecretStr

from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.live.order import OPEN_WITHIN, SEND_WITHIN
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.orders.rule_check import RuleOutcome
from moniqo_core.services.orders.opener import OrderOpener
from moniqo_core.storage.live.live_trading_switch import LiveTradingSwitch, set_live_trading_switch
from moniqo_core.wallets.connector import WalletConnector
from tests.conftest import Database, Run
from tests.support.live_traders import OWNER, LiveSite, make_wallet
from tests.support.round_trips import round_trips
from tests.support.venues.binance import FakeBinance
from tests.support.watched_keys import WatchedKeys

WALLET = "live-wallet"
BUY = OrderRequest("BTC/USDT", OrderSide.BUY, OrderType.LIMIT, Decimal("0.001"), price=Decimal(40000))


class Site:
    """A live wallet, and a key source that the tests slow down by moving the clock."""

    def __init__(self, site: LiveSite, database: Database, venue: FakeBinance) -> None:
        self.site = site
        self.database = database
        self.venue = venue
        self.ahead = timedelta()
        self.connectors: list[WalletConnector] = []

    def now(self) -> datetime:
        return utc_now() + self.ahead

    def opener(self, wait: Callable[[], Awaitable[None]]) -> OrderOpener:
        """Return the opener of a new execution environment, which gets a key after ``wait``."""
        cipher = CredentialCipher(WatchedKeys(self.site.material, wait))
        connector = WalletConnector(self.database, self.now, lambda: cipher, allow_loopback=True)
        self.connectors.append(connector)
        return OrderOpener(connector, lambda: self.site.placing(self.database, connector, self.now))

    def key_after(self, wait: timedelta) -> OrderOpener:
        async def late() -> None:
            self.ahead += wait

        return self.opener(late)

    async def close(self) -> None:
        for connector in self.connectors:
            await connector.close()


@pytest.fixture
def site(seeded: Database, mongo_url: str, run: Run) -> Iterator[Site]:
    with FakeBinance() as venue:
        address = {"$set": {"api_config.base_url": venue.url}}
        run(seeded.wallets.update_one({"slug": "binance-spot-v1"}, address))
        live_site = LiveSite(mongo_url, seeded.name, secrets.token_bytes(32))
        run(make_wallet(live_site, WALLET, venue.credentials()))
        made = Site(live_site, seeded, venue)
        yield made
        run(made.close())


def test_order_is_sent_although_its_key_came_after_the_time_to_send(site: Site, run: Run) -> None:
    execution = run(site.key_after(SEND_WITHIN + timedelta(seconds=1)).open_to_trade(OWNER, WALLET, None))
    record = run(execution.place(BUY))

    assert record.status is OrderStatus.OPEN


@pytest.mark.parametrize(("wait", "reads"), [(timedelta(0), 1), (OPEN_WITHIN + timedelta(seconds=1), 2)])
def test_state_is_read_again_only_after_a_slow_opening(site: Site, run: Run, wait: timedelta, reads: int) -> None:
    opener = site.key_after(wait)
    run(opener.open(OWNER, WALLET))
    with round_trips() as commands:
        run(opener.open_to_trade(OWNER, WALLET, None))

    assert commands == ["aggregate"] * reads


def test_live_trading_switch_set_during_a_slow_opening_stops_the_order(site: Site, run: Run) -> None:
    async def stop() -> None:
        site.ahead += timedelta(seconds=5)
        await set_live_trading_switch(site.database, LiveTradingSwitch(stopped=True))

    execution = run(site.opener(stop).open_to_trade(OWNER, WALLET, None))
    preflight = run(execution.preflight(BUY))

    assert [rule.rule for rule in preflight.rules if rule.outcome is RuleOutcome.FAILED] == ["live_trading"]


def test_credentials_replaced_during_a_slow_opening_are_used(site: Site, run: Run) -> None:
    other = {name: SecretStr(value) for name, value in site.venue.credentials().items()}

    async def replace_them() -> None:
        if not site.ahead:
            site.ahead += timedelta(seconds=5)
            text = await site.site.cipher.encrypt(other, OWNER, WALLET)
            changes = {"credentials": text, "credentials_version": 2}
            await site.database.user_wallets.update_one({"_id": WALLET}, {"$set": changes})

    execution = run(site.opener(replace_them).open_to_trade(OWNER, WALLET, None))
    run(execution.place(BUY))

    assert [len(account.orders) for account in site.venue.exchange.accounts.values()] == [0, 1]
