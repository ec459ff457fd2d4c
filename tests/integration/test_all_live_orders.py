"""``GET /orders`` over live and paper wallets, and while a venue does not answer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.services.orders.all_wallets import live
from moniqo_core.services.orders.all_wallets.service import AllOrders, OrdersOfAllWallets
from moniqo_core.wallets.connector import WalletConnector
from tests.conftest import Database
from tests.support.lambdas import TRADER, Invoke
from tests.support.live_harness import LiveHarness, connect_live_wallet, live_deployment
from tests.support.round_trips import round_trips
from tests.support.wallets import aws, create
from tests.support.watched_keys import WatchedKeys

__all__ = ["aws"]

D = Decimal


class Wallets:
    """Two live wallets at one venue, which number their orders alike, and a demo wallet."""

    def __init__(self, invoke: Invoke, first: LiveHarness, second: LiveHarness) -> None:
        self.invoke = invoke
        self.first = first
        self.second = second
        self.venue = first.venue
        self.demo = str(create(invoke)["id"])

    def get(self, **query: object) -> dict[str, Any]:
        answer = self.invoke("list_all_orders", "GET", "/orders", user=TRADER, query=query)
        assert answer.status == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def place_on_paper(self, **fields: object) -> str:
        body = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001"} | fields
        answer = self.invoke("place_order", "POST", f"/wallets/{self.demo}/orders", user=TRADER, body=body)
        assert answer.status == 201, answer.text
        return str(answer.json["order_id"])

    def key_of(self, number: int) -> str:
        """Return the API key with which a wallet reaches its account, in the order of connecting."""
        return str(list(self.venue.exchange.accounts)[number])


@pytest.fixture
def wallets(aws: None, seeded: Database, environment: pytest.MonkeyPatch, invoke: Invoke) -> Iterator[Wallets]:
    with live_deployment(environment, keeps_prices=False) as venue:
        first, second = (connect_live_wallet(venue, invoke, seeded) for _ in range(2))
        yield Wallets(invoke, first, second)


def shown(page: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(order["user_wallet_id"], order["order_id"], order["status"]) for order in page["items"]]


def test_live_and_paper_orders_are_one_list(wallets: Wallets) -> None:
    first, second = wallets.first, wallets.second
    first.place(type="market", price=None, amount="0.001")
    second.place(type="market", price=None, amount="0.002")
    paper = wallets.place_on_paper()
    second.place(price="30000", client_order_id="low")
    first.place(price="20000", client_order_id="low")
    wanted = [
        (first.wallet, "o-2-1", "open"),
        (second.wallet, "o-2-1", "open"),
        (wallets.demo, paper, "filled"),
        (second.wallet, "o-1-1", "filled"),
        (first.wallet, "o-1-1", "filled"),
    ]
    page = wallets.get()
    assert shown(page) == wanted
    assert page["failed"] == []
    assert [order["mode"] for order in page["items"]] == ["live", "live", "paper", "live", "live"]
    for order in page["items"]:
        path = f"/wallets/{order['user_wallet_id']}/orders/{order['order_id']}"
        own = wallets.invoke("get_order", "GET", path, user=TRADER).json
        assert order["fills"] == own["fills"]
        assert order | {"evaluated_until": ""} == own | {"evaluated_until": ""}

    seen: list[tuple[str, str, str]] = []
    cursor = None
    while len(seen) < len(wanted):
        page = wallets.get(limit=1, **({"cursor": cursor} if cursor else {}))
        seen += shown(page)
        cursor = page["next_cursor"]
    assert (seen, cursor) == (wanted, None)
    assert shown(wallets.get(status="open")) == wanted[:2]
    assert shown(wallets.get(client_order_id="low", status="open")) == wanted[:2]
    assert shown(wallets.get(status="closed", side="buy", limit=2)) == wanted[2:4]


def test_open_orders_of_every_wallet_are_queried_first(wallets: Wallets) -> None:
    wallets.first.place(price="40000")
    wallets.second.place(price="40000")
    wallets.venue.exchange.move("BTC/USDT", D(39000))
    page = wallets.get()
    assert [order["status"] for order in page["items"]] == ["filled", "filled"]
    assert [order["fees"] for order in page["items"]] == [[{"asset": "BTC", "amount": "0.000001"}]] * 2


def test_account_that_its_venue_refuses_is_named_and_hides_no_other(wallets: Wallets) -> None:
    wallets.first.place(price="40000")
    wallets.second.place(price="40000")
    wallets.place_on_paper()
    wallets.venue.exchange.accounts[wallets.key_of(1)].revoked = True
    wallets.venue.exchange.move("BTC/USDT", D(39000))
    page = wallets.get()
    assert [order["status"] for order in page["items"]] == ["filled", "open", "filled"]
    assert page["failed"] == [{"user_wallet_id": wallets.second.wallet, "code": "INVALID_CREDENTIALS"}]


def test_list_answers_while_the_venue_is_gone(wallets: Wallets) -> None:
    """The first wallet has nothing to query, so nothing of it is missing."""
    wallets.first.place(type="market", price=None, amount="0.001")
    wallets.second.place(price="40000")
    wallets.venue.stop()
    page = wallets.get()
    assert [order["status"] for order in page["items"]] == ["open", "filled"]
    assert [(one["user_wallet_id"], one["code"]) for one in page["failed"]] == [
        (wallets.second.wallet, "WALLET_CONNECTION_ERROR")
    ]
    assert wallets.get(status="closed", symbol="BTC/USDT")["items"][0]["user_wallet_id"] == wallets.first.wallet


def test_slow_venue_takes_a_bounded_time(wallets: Wallets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SECONDS_TO_UPDATE", 0.5)
    wallets.second.place(price="40000")
    wallets.venue.break_with("hang", key=wallets.key_of(1), times=None)
    page = wallets.get()
    assert [order["status"] for order in page["items"]] == ["open"]
    assert page["failed"] == [{"user_wallet_id": wallets.second.wallet, "code": "WALLET_CONNECTION_ERROR"}]


def test_wallet_whose_definition_is_gone_is_named(wallets: Wallets, seeded: Database, run: Any) -> None:
    from tests.support.recorded_venues import restart

    wallets.second.place(price="40000")
    run(seeded.user_wallets.update_one({"_id": wallets.second.wallet}, {"$set": {"wallet_id": "gone"}}))
    restart()
    page = wallets.get()
    assert shown(page) == [(wallets.second.wallet, "o-1-1", "open")]
    assert page["failed"] == [{"user_wallet_id": wallets.second.wallet, "code": "WALLET_CONNECTION_ERROR"}]


def test_round_trips_do_not_grow_with_live_wallets(wallets: Wallets) -> None:
    def trips() -> list[str]:
        with round_trips() as seen:
            assert wallets.get(limit=100)["failed"] == []
        return sorted(seen)

    wallets.first.place(type="market", price=None, amount="0.001")
    wallets.place_on_paper()
    few = trips()
    wallets.second.place(type="market", price=None, amount="0.001")
    assert trips() == few == ["aggregate"] + ["find"] * 7


def test_symbol_is_known_if_a_venue_lists_it(wallets: Wallets) -> None:
    refused = wallets.invoke("list_all_orders", "GET", "/orders", user=TRADER, query={"symbol": "ETHUSDT"})
    assert (refused.status, refused.json["nearest"]) == (422, "ETH/USDT")
    assert wallets.get(symbol="ETH/USDT")["items"] == []


def test_venue_that_takes_no_more_requests_makes_no_symbol_unknown(wallets: Wallets, run: Any) -> None:
    from tests.support.recorded_venues import restart

    run(wallets.first.database.venue_markets.delete_many({}))
    restart()
    wallets.venue.break_with("status", path="/exchangeInfo", times=None, status=429)
    assert wallets.get(symbol="NO/SUCH")["items"] == []
    own = wallets.invoke("list_orders", "GET", f"{wallets.first.path}/orders", user=TRADER, query={"symbol": "NO/SUCH"})
    assert (own.status, own.json["items"]) == (200, [])


async def no_answer() -> None:
    """Wait for ever."""
    await asyncio.Event().wait()


@pytest.mark.parametrize("query", [OrderQuery(10), OrderQuery(10, symbol="ETH/USDT")])
def test_key_store_that_does_not_answer_hides_no_order(
    wallets: Wallets, run: Any, monkeypatch: pytest.MonkeyPatch, query: OrderQuery
) -> None:
    monkeypatch.setattr(live, "SECONDS_TO_UPDATE", 0.5)
    wallets.first.place(price="40000")
    wallets.second.place(price="40000")
    wallets.place_on_paper()
    keys, database = WatchedKeys(secrets.token_bytes(32), no_answer), wallets.first.database
    connector = WalletConnector(database, utc_now, lambda: CredentialCipher(keys), allow_loopback=True)

    async def listed() -> OrdersOfAllWallets | None:
        found = await database.user_wallets.find_one({"_id": wallets.demo})
        assert found is not None
        task = asyncio.ensure_future(AllOrders(database, connector).page(found["user_id"], query, None))
        done, _ = await asyncio.wait({task}, timeout=5)
        task.cancel()
        await connector.close()
        return task.result() if done else None

    page = run(listed())
    assert page is not None
    assert [order.status for order in page.records] == ([] if query.symbol else ["filled", "open", "open"])
    assert {(one.user_wallet_id, one.code) for one in page.failed} == {
        (one.wallet, "WALLET_CONNECTION_ERROR") for one in (wallets.first, wallets.second)
    }
