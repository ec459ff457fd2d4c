"""Wallets at venues over HTTP: connecting, reading, status changes, and the response to each failure."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from moniqo_core import bootstrap
from tests.conftest import Database
from tests.support.lambdas import ADMIN, STRANGER, TRADER, Answer, Invoke
from tests.support.venues.binance import FakeBinance
from tests.support.venues.coinbase import FakeCoinbase
from tests.support.venues.kraken import FakeKraken
from tests.support.venues.server import FakeVenue
from tests.support.wallets import aws, new_wallet

__all__ = ["aws"]

BINANCE = "binance-spot-v1"


@pytest.fixture
def venue(aws: None, seeded: Database, environment: pytest.MonkeyPatch, invoke: Invoke) -> Iterator[FakeVenue]:
    """A fake Binance at the address of the Binance definition."""
    environment.setenv("LOOPBACK_VENUES", "true")
    bootstrap.settings.cache_clear()
    with FakeBinance() as fake:
        point_at(invoke, BINANCE, fake)
        yield fake


def point_at(invoke: Invoke, slug: str, fake: FakeVenue) -> None:
    config = {"base_url": fake.url, "rate_limits": {"requests_per_second": 1000}}
    body = {"api_config": config}
    done = invoke("update_definition", "PATCH", f"/wallets/definitions/{slug}", user=ADMIN, body=body)
    assert done.status == 200, done.text


def connect(invoke: Invoke, credentials: dict[str, str], slug: str = BINANCE, **given: Any) -> Answer:
    body = new_wallet(wallet_id=slug, custom_name="Mine", credentials=credentials)
    return invoke("create_wallet", "POST", "/wallets", user=TRADER, body=body, **given)


def connected(invoke: Invoke, venue: FakeVenue, **account: Any) -> str:
    answer = connect(invoke, venue.credentials(**account))
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def test_venue_wallet_is_connected_and_read(venue: FakeVenue, invoke: Invoke) -> None:
    credentials = venue.credentials(balances={"USDT": "1000", "BTC": "0.5", "NOPRICE": "3"})
    answer = connect(invoke, credentials)
    assert answer.status == 201, answer.text
    wallet = answer.json
    assert (wallet["status"], wallet["wallet_slug"], wallet["has_credentials"]) == ("active", BINANCE, True)
    assert {held["asset"]: held["total"] for held in wallet["balance"]["assets"]} == {
        "BTC": "0.5",
        "NOPRICE": "3",
        "USDT": "1000",
    }
    path = f"/wallets/{wallet['id']}"
    assert invoke("get_wallet", "GET", path, user=TRADER).json["balance"] == wallet["balance"]
    balance = invoke("get_balance", "GET", f"{path}/balance", user=TRADER).json
    assert balance["mode"] == "live"
    assert {item["asset"]: (item["total"], item["value_usd"]) for item in balance["assets"]} == {
        "BTC": ("0.5", "25000"),
        "NOPRICE": ("3", None),
        "USDT": ("1000", "1000"),
    }
    assert (balance["total_value_usd"], balance["unpriced_assets"]) == ("26000", ["NOPRICE"])
    query = {"user_wallet_id": wallet["id"]}
    markets = invoke("list_markets", "GET", "/markets", user=TRADER, query=query).json["items"]
    assert [market["symbol"] for market in markets] == ["BTC/USDT", "ETH/USDT", "SOL/USDT", "USDC/USDT"]
    asked = query | {"symbol": "BTC/USDT"}
    price = invoke("get_price", "GET", "/markets/price", user=TRADER, query=asked).json
    assert (price["bid"], price["ask"], price["source"]) == ("49999.99", "50000.01", "binance")
    book = invoke("get_book", "GET", "/markets/book", user=TRADER, query=asked).json
    assert (len(book["bids"]), len(book["asks"])) == (20, 20)
    candles = invoke(
        "get_candles", "GET", "/markets/candles", user=TRADER, query=asked | {"interval": "1h", "limit": 3}
    )
    assert len(candles.json["items"]) == 3
    positions = invoke("list_positions", "GET", f"{path}/positions", user=TRADER).json
    assert [(item["symbol"], item["amount"], item["cost"]) for item in positions["items"]] == [
        ("BTC/USDT", "0.5", None)
    ]
    assert positions["mode"] == "live"
    tested = invoke("test_connection", "POST", f"{path}/test-connection", user=TRADER).json
    assert (tested["success"], tested["error_message"]) == (True, None)
    synced = invoke("sync_balance", "POST", f"{path}/sync-balance", user=TRADER).json
    assert synced["success"]
    shown = " ".join(item.text for item in (answer, invoke("get_wallet", "GET", path, user=TRADER)))
    assert not any(secret in shown for secret in credentials.values())
    stranger = invoke("get_balance", "GET", f"{path}/balance", user=STRANGER)
    assert stranger.status == 404


@pytest.mark.parametrize(
    ("account", "detail"),
    [
        ({"can_withdraw": True}, "This API key can withdraw funds. Anyone who obtained it could empty the account."),
        ({"revoked": True}, "The venue does not accept this API key."),
    ],
)
def test_unusable_key_is_refused(venue: FakeVenue, invoke: Invoke, account: dict[str, Any], detail: str) -> None:
    answer = connect(invoke, venue.credentials(**account))
    assert (answer.status, answer.json["code"]) == (422, "INVALID_CREDENTIALS")
    assert answer.json["detail"].startswith(detail)
    if "can_withdraw" in account:
        assert "leave 'Enable Withdrawals' off" in answer.json["hint"]
    assert invoke("list_wallets", "GET", "/wallets", user=TRADER).json["items"] == []


def test_wrong_secret_is_refused(venue: FakeVenue, invoke: Invoke) -> None:
    answer = connect(invoke, venue.credentials() | {"api_secret": "not-the-secret-canary"})
    assert (answer.status, answer.json["code"]) == (422, "INVALID_CREDENTIALS")
    assert "canary" not in answer.text


@pytest.mark.parametrize(("slug", "make"), [("coinbase-advanced-v1", FakeCoinbase), ("kraken-spot-v1", FakeKraken)])
def test_coinbase_and_kraken_wallets_are_connected_and_read(
    aws: None,
    seeded: Database,
    environment: pytest.MonkeyPatch,
    invoke: Invoke,
    slug: str,
    make: Callable[[], FakeVenue],
) -> None:
    environment.setenv("LOOPBACK_VENUES", "true")
    bootstrap.settings.cache_clear()
    with make() as fake:
        point_at(invoke, slug, fake)
        refused = connect(invoke, fake.credentials(can_withdraw=True), slug)
        assert (refused.status, refused.json["code"]) == (422, "INVALID_CREDENTIALS")
        wallet = connect(invoke, fake.credentials(balances={"USD": "10", "BTC": "0.1"}), slug).json
        balance = invoke("get_balance", "GET", f"/wallets/{wallet['id']}/balance", user=TRADER).json
        assert balance["total_value_usd"] == "5010"
        asked = {"user_wallet_id": wallet["id"], "symbol": "BTC/USD"}
        assert invoke("get_price", "GET", "/markets/price", user=TRADER, query=asked).json["last"] == "50000"
        synced = invoke("sync_balance", "POST", f"/wallets/{wallet['id']}/sync-balance", user=TRADER).json
        assert synced["success"]


def test_key_revoked_later_is_reported_as_invalid_credentials(
    venue: FakeVenue, invoke: Invoke, caplog: pytest.LogCaptureFixture
) -> None:
    credentials = venue.credentials()
    wallet = connect(invoke, credentials).json["id"]
    assert invoke("get_balance", "GET", f"/wallets/{wallet}/balance", user=TRADER).status == 200
    venue.exchange.accounts[credentials["api_key"]].revoked = True
    with caplog.at_level(logging.DEBUG):
        refused = invoke("get_balance", "GET", f"/wallets/{wallet}/balance", user=TRADER)
    assert (refused.status, refused.json["code"]) == (422, "INVALID_CREDENTIALS")
    assert not any(secret in caplog.text for secret in credentials.values())
    tested = invoke("test_connection", "POST", f"/wallets/{wallet}/test-connection", user=TRADER).json
    assert (tested["success"], tested["error_message"]) == (False, "Invalid credentials")


def test_new_credentials_are_stored_only_when_the_venue_accepts_them(venue: FakeVenue, invoke: Invoke) -> None:
    wallet = connected(invoke, venue)
    path = f"/wallets/{wallet}/credentials"
    bad = {"credentials": venue.credentials(can_withdraw=True)}
    assert invoke("replace_credentials", "PUT", path, user=TRADER, body=bad).status == 422
    good = {"credentials": venue.credentials(balances={"USDT": "77"})}
    assert invoke("replace_credentials", "PUT", path, user=TRADER, body=good).status == 200
    balance = invoke("get_balance", "GET", f"/wallets/{wallet}/balance", user=TRADER).json
    assert balance["total_value_usd"] == "77"


def test_live_wallet_is_paused_resumed_changed_and_deleted(
    venue: FakeVenue, invoke: Invoke, database: Database
) -> None:
    wallet = connected(invoke, venue)
    path = f"/wallets/{wallet}"
    paused = invoke("pause_wallet", "POST", f"{path}/pause", user=TRADER, body={"reason": "holiday"})
    assert (paused.status, paused.json["status"]) == (200, "paused")
    assert invoke("pause_wallet", "POST", f"{path}/pause", user=TRADER, body={}).status == 409
    key = next(iter(venue.exchange.accounts))
    venue.exchange.accounts[key].can_withdraw = True
    refused = invoke("resume_wallet", "POST", f"{path}/resume", user=TRADER, body={"confirm": True})
    assert (refused.status, refused.json["code"]) == (422, "INVALID_CREDENTIALS")
    venue.exchange.accounts[key].can_withdraw = False
    assert invoke("resume_wallet", "POST", f"{path}/resume", user=TRADER, body={"confirm": True}).status == 200
    assert invoke("suspend_wallet", "POST", f"{path}/suspend", user=ADMIN, body={"reason": "audit"}).status == 200
    assert invoke("pause_wallet", "POST", f"{path}/pause", user=TRADER, body={}).status == 409
    assert invoke("reinstate_wallet", "POST", f"{path}/reinstate", user=ADMIN, body={"reason": "done"}).status == 200
    changed = invoke("update_wallet", "PATCH", path, user=TRADER, body={"risk_limits": {"max_open_positions": 7}})
    assert changed.json["risk_limits"]["max_open_positions"] == 7
    assert invoke("get_wallet", "GET", path, user=TRADER).json["risk_limits"]["max_open_positions"] == 7
    assert invoke("delete_wallet", "DELETE", path, user=TRADER).status == 204
    assert invoke("get_balance", "GET", f"{path}/balance", user=TRADER).status == 404


def test_repeated_request_connects_one_wallet(venue: FakeVenue, invoke: Invoke) -> None:
    credentials = venue.credentials()
    headers = {"Idempotency-Key": "mine"}
    first, again = (connect(invoke, credentials, headers=headers) for _ in range(2))
    assert (first.status, again.status) == (201, 200)
    assert first.json["id"] == again.json["id"]


def test_venue_that_bans_the_address_is_not_called_again(venue: FakeVenue, invoke: Invoke) -> None:
    wallet = connected(invoke, venue)
    venue.break_with("status", status=418, headers={"Retry-After": "120"}, body='{"code":-1003,"msg":"banned"}')
    answer = invoke("get_balance", "GET", f"/wallets/{wallet}/balance", user=TRADER)
    assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (429, "RATE_LIMIT_EXCEEDED", "120")
    asked = len(venue.seen)
    again = invoke("get_balance", "GET", f"/wallets/{wallet}/balance", user=TRADER)
    assert (again.status, again.headers["retry-after"]) == (429, "120")
    assert len(venue.seen) == asked


def test_loopback_definition_is_refused_unless_allowed(
    venue: FakeVenue, invoke: Invoke, environment: pytest.MonkeyPatch
) -> None:
    environment.delenv("LOOPBACK_VENUES")
    bootstrap.settings.cache_clear()
    answer = connect(invoke, venue.credentials())
    assert (answer.status, answer.json["code"]) == (502, "WALLET_CONNECTION_ERROR")
    assert venue.seen == []


def test_dollar_token_is_priced_by_another_venue_of_the_deployment(
    venue: FakeVenue, invoke: Invoke, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("PRICE_VENUES", f"{BINANCE},kraken-spot-v1")
    bootstrap.settings.cache_clear()
    with FakeKraken() as kraken:
        point_at(invoke, "kraken-spot-v1", kraken)
        wallet = connected(invoke, venue, balances={"USDT": "1000", "BTC": "0.01"})
        assert values(invoke, wallet) == {"USDT": "999.8", "BTC": "499.9"}


def values(invoke: Invoke, wallet: str) -> dict[str, str]:
    """The dollar value of each asset."""
    balance = invoke("get_balance", "GET", f"/wallets/{wallet}/balance", user=TRADER).json
    return {item["asset"]: item["value_usd"] for item in balance["assets"]}
