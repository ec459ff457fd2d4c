"""The pure rules about venues: error codes, the circuit breaker, addresses and dollar prices."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest

from moniqo_core.domain import errors
from moniqo_core.domain.errors import InvalidOrderError, WalletConnectionError, WalletError
from moniqo_core.domain.live.client_id import venue_client_id
from moniqo_core.domain.market.usd_prices import usd_price
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.venues.ccxt.parsing import VenueFill, position_of
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.venues.exchanges.kraken import Kraken
from moniqo_core.venues.exchanges.refusals import (
    DEFAULT_RETRY_AFTER,
    MAX_RETRY_AFTER,
    UNLISTED,
    UNREADABLE_ROW,
    VENUE_FAILURE,
    VenueAnswer,
    find_refusal,
    is_failure,
    retry_after,
)
from moniqo_core.venues.exchanges.venue import Venue
from moniqo_core.venues.transport.circuit_breaker import FAILURES, SECONDS_OPEN, SECONDS_PER_PROBE, CircuitBreaker
from moniqo_core.venues.transport.public_resolver import public_resolver
from moniqo_core.venues.transport.venue_address import checked_address
from tests.conftest import Run
from tests.support.venues.fakes import FAKES
from tests.support.venues.rules import venue_named

D = Decimal
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

REJECTED, INVALID = errors.OrderRejectedError, errors.InvalidOrderError


def _refused_order(error: str, preview: str) -> dict[str, Any]:
    return {"success": False, "error_response": {"error": error, "preview_failure_reason": preview}}


ANSWERS: list[tuple[str, int, Any, type[WalletError], bool]] = [
    ("binance", 400, {"code": -2015, "msg": "x"}, errors.InvalidCredentialsError, True),
    ("binance", 400, {"code": -1013, "msg": "Filter failure: NOTIONAL"}, errors.InvalidOrderError, True),
    ("binance", 400, {"code": -2010, "msg": "Market is closed."}, errors.OrderRejectedError, True),
    (
        "binance",
        400,
        {"code": -2010, "msg": "Account has insufficient balance for requested action."},
        errors.InsufficientBalanceError,
        True,
    ),
    ("binance", 400, {"code": -1021, "msg": "x"}, errors.VenueClockError, True),
    ("binance", 504, {"code": -1007, "msg": "x"}, errors.WalletConnectionError, False),
    ("binance", 503, {"code": -1008, "msg": "x"}, errors.TemporarilyUnavailableError, True),
    ("binance", 400, {"code": -99999, "msg": "x"}, errors.WalletConnectionError, True),
    ("binance", 451, None, errors.WalletConnectionError, True),
    ("binance", 302, None, errors.WalletConnectionError, True),
    ("binance", 200, None, errors.WalletConnectionError, False),
    ("coinbase", 401, None, errors.InvalidCredentialsError, True),
    ("coinbase", 403, {"error": "PERMISSION_DENIED"}, errors.InvalidCredentialsError, True),
    (
        "coinbase",
        200,
        {"success": False, "error_response": {"error": "INSUFFICIENT_FUND"}},
        errors.InsufficientBalanceError,
        True,
    ),
    ("coinbase", 200, {"success": False, "error_response": {"error": "NEW"}}, errors.OrderRejectedError, True),
    ("coinbase", 200, {"success": False, "error_response": {}}, errors.OrderRejectedError, True),
    ("coinbase", 200, {"error_response": {"error": "INSUFFICIENT_FUND"}}, errors.InsufficientBalanceError, True),
    ("coinbase", 500, {"error": "INTERNAL"}, errors.WalletConnectionError, False),
    ("kraken", 200, {"error": ["EAPI:Invalid key"]}, errors.InvalidCredentialsError, True),
    ("kraken", 200, {"error": ["EGeneral:Invalid arguments:volume"]}, errors.InvalidOrderError, True),
    ("kraken", 200, {"error": ["EOrder:Something new"]}, errors.OrderRejectedError, True),
    ("kraken", 200, {"error": ["EService:Unavailable"]}, errors.WalletConnectionError, False),
    ("kraken", 200, {"error": ["EAPI:Rate limit exceeded"]}, errors.RateLimitExceededError, True),
    ("kraken", 200, {"error": ["EService: Throttled: [1795392000]"]}, errors.RateLimitExceededError, True),
    ("binance", 401, {"code": -2008, "msg": "x"}, errors.InvalidCredentialsError, True),
    ("bybit", 200, {"retCode": 10003, "retMsg": "x"}, errors.InvalidCredentialsError, True),
    ("bybit", 401, None, errors.InvalidCredentialsError, True),
    ("bybit", 200, {"retCode": 10002, "retMsg": "x"}, errors.VenueClockError, True),
    ("bybit", 200, {"retCode": 10006, "retMsg": "x"}, errors.RateLimitExceededError, True),
    ("bybit", 429, {"retMsg": "x"}, errors.RateLimitExceededError, True),
    ("bybit", 200, {"retCode": 10016, "retMsg": "x"}, errors.WalletConnectionError, False),
    ("bybit", 200, {"retCode": 10028, "retMsg": "x"}, errors.InvalidCredentialsError, True),
    ("bybit", 200, {"retCode": 987654, "retMsg": "x"}, errors.WalletConnectionError, False),
    ("bybit", 200, {}, errors.WalletConnectionError, False),
    ("bybit", 403, None, errors.WalletConnectionError, True),
    ("binance", 400, {"code": -1013, "msg": "Market is closed."}, errors.OrderRejectedError, True),
    ("binance", 400, {"code": -1013, "msg": "Filter failure: MAX_NUM_ORDERS"}, errors.OrderRejectedError, True),
    ("binance", 400, {"code": -2010, "msg": "This action is disabled on this account."}, REJECTED, True),
    ("binance", 400, {"code": -2011, "msg": "This action is disabled on this account."}, errors.ConflictError, True),
    ("binance", 400, {"code": -1128, "msg": "x"}, errors.InvalidOrderError, True),
    ("binance", 200, {"code": -99999, "msg": "x"}, errors.WalletConnectionError, False),
    ("kraken", 200, {"error": ["EAccount:Invalid permissions:STBL trading restricted for NL."]}, REJECTED, True),
    ("kraken", 200, {"error": ["EQuery:Invalid asset pair"]}, errors.InvalidSymbolError, True),
    ("kraken", 200, {"error": ["EQuery:Unknown asset pair"]}, errors.InvalidSymbolError, True),
    ("kraken", 200, {"error": ["ETrade:User Locked"]}, REJECTED, True),
    ("kraken", 200, {"error": ["EBM:limit exceeded:CAL"]}, REJECTED, True),
    ("kraken", 200, {"error": ["EDatabase:Internal error"]}, errors.WalletConnectionError, False),
    ("kraken", 200, {"error": ["EGeneral:Internal error:42"]}, errors.WalletConnectionError, False),
    ("kraken", 200, {"error": ["EService:Busy"]}, errors.WalletConnectionError, False),
    ("kraken", 200, {"error": ["EService:Market in reduce_only mode"]}, REJECTED, True),
    ("kraken", 200, {"error": ["ENew:Something new"]}, errors.WalletConnectionError, False),
    ("kraken", 200, {"error": ["EAuth:Account temporary disabled"]}, errors.InvalidCredentialsError, True),
    ("kraken", 200, {"error": ["EAuth:Too many requests"]}, errors.RateLimitExceededError, True),
    ("coinbase", 404, {"error": "unknown", "error_details": "x"}, errors.OrderNotFoundError, True),
    ("coinbase", 404, {"error": "NOT_FOUND"}, errors.OrderNotFoundError, True),
    ("coinbase", 404, {}, errors.OrderNotFoundError, True),
    ("coinbase", 404, {"error": "PERMISSION_DENIED"}, errors.InvalidCredentialsError, True),
    ("coinbase", 404, {"errors": [{"id": "rate_limit_exceeded"}]}, errors.RateLimitExceededError, True),
    ("coinbase", 404, {"error": "UNAVAILABLE"}, errors.WalletConnectionError, False),
    ("coinbase", 500, {"error": "unknown"}, errors.WalletConnectionError, False),
    ("coinbase", 401, {"errors": [{"id": "authentication_error"}]}, errors.InvalidCredentialsError, True),
    ("coinbase", 200, _refused_order("UNKNOWN_FAILURE_REASON", "PREVIEW_GEOFENCING_RESTRICTION"), REJECTED, True),
    ("coinbase", 200, _refused_order("TRADING_DISABLED", "UNKNOWN_PREVIEW_FAILURE_REASON"), REJECTED, True),
    ("coinbase", 200, _refused_order("UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_SIZE_PRECISION"), INVALID, True),
    ("coinbase", 200, {"results": [{"success": False, "failure_reason": "NEW"}]}, errors.WalletConnectionError, False),
]
GOOD: list[tuple[str, Any]] = [
    ("binance", {"balances": []}),
    ("binance", {"code": 200, "msg": "fine"}),
    ("bybit", {"retCode": 0, "retMsg": "OK", "result": {}}),
    ("coinbase", {"success": True, "success_response": {}}),
    ("coinbase", {"success": True, "success_response": {"order_id": "x"}, "error_response": {}}),
    ("coinbase", {"results": [{"success": True}]}),
    ("kraken", {"error": [], "result": {}}),
    ("kraken", {"error": ["WGeneral:Danger"], "result": {}}),
]


@pytest.mark.parametrize(("name", "status", "body", "error", "outcome_known"), ANSWERS)
def test_venue_error_code_decides_the_error(
    name: str, status: int, body: Any, error: type[WalletError], outcome_known: bool
) -> None:
    venue = venue_named(name)
    answer = VenueAnswer(status, {}, tuple(venue.codes(status, body)), body is not None)
    refused = find_refusal(answer, venue.refusals, NOW)
    assert refused is not None
    assert (refused.refusal.error, refused.refusal.outcome_known) == (error, outcome_known)
    assert "x" not in refused.as_error().detail.split()


@pytest.mark.parametrize("exchange", sorted(FAKES))
def test_every_listed_code_is_final_retryable_or_unknown(exchange: str) -> None:
    for code, refusal in venue_named(exchange).refusals.items():
        final = refusal.error.status in {404, 409, 422}
        kinds = {"final": final or refusal.error is WalletConnectionError, "retryable": not final, "unknown": not final}
        assert kinds[refusal.kind], code


def test_code_that_is_not_listed_is_no_failure_of_the_venue() -> None:
    assert not is_failure(UNLISTED)
    assert not is_failure(UNREADABLE_ROW)
    assert is_failure(VENUE_FAILURE)


@pytest.mark.parametrize(("name", "body"), GOOD)
def test_successful_response_is_no_refusal(name: str, body: Any) -> None:
    venue = venue_named(name)
    assert find_refusal(VenueAnswer(200, {}, tuple(venue.codes(200, body)), readable=True), venue.refusals, NOW) is None


@pytest.mark.parametrize("kind", list(OrderType))
def test_venue_without_order_types_refuses_every_order(kind: OrderType) -> None:
    class OnlyRead(Kraken):
        order_types = frozenset()

    with pytest.raises(InvalidOrderError, match=r"cannot be placed at Kraken.* only read the account") as refused:
        OnlyRead().check(OrderRequest("BTC/USD", OrderSide.BUY, kind, D(1)))
    assert refused.value.members["offered"] == []


def test_venue_that_does_not_write_place_refuses_orders(run: Run) -> None:
    order = OrderRequest("BTC/USD", OrderSide.BUY, OrderType.MARKET, D(1))
    with pytest.raises(InvalidOrderError, match="only read the account"):
        run(Venue.place(venue_named("kraken"), None, order, "id"))


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("77", 77),
        ("0", 1),
        ("999999999999", MAX_RETRY_AFTER),
        ("-5", DEFAULT_RETRY_AFTER),
        ("soon", DEFAULT_RETRY_AFTER),
        ("", DEFAULT_RETRY_AFTER),
        ("٣", DEFAULT_RETRY_AFTER),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 1),
    ],
)
def test_retry_after_comes_from_the_venue(given: str, seconds: int) -> None:
    assert retry_after({"RETRY-AFTER": given}, NOW) == seconds


def test_open_circuit_lets_probes_through_until_an_answer_closes_it() -> None:
    at = [0.0]
    circuit_breaker = CircuitBreaker(lambda: at[0], lambda: 0.5)
    for _ in range(FAILURES):
        assert circuit_breaker.wait() == 0
        circuit_breaker.failed()
    assert circuit_breaker.wait() == SECONDS_OPEN
    at[0] = SECONDS_OPEN
    for _ in range(3):
        assert (circuit_breaker.wait(), circuit_breaker.wait()) == (0, SECONDS_PER_PROBE)
        circuit_breaker.failed()
        assert circuit_breaker.wait() == SECONDS_PER_PROBE
        at[0] += SECONDS_PER_PROBE
    assert circuit_breaker.wait() == 0
    circuit_breaker.answered()
    assert [circuit_breaker.wait() for _ in range(3)] == [0, 0, 0]


def test_circuit_rests_for_the_longest_time_the_venue_asked_for() -> None:
    at = [100.0]
    circuit_breaker = CircuitBreaker(lambda: at[0])
    circuit_breaker.rest(30)
    circuit_breaker.rest(5)
    assert (circuit_breaker.is_rate_limited, circuit_breaker.wait()) == (True, 30)
    at[0] = 130.5
    assert (circuit_breaker.is_rate_limited, circuit_breaker.wait()) == (False, 0)


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "http://api.venue.example",
        "ftp://api.venue.example",
        "https://",
        "https://user:pass@venue.example",
        "https://venue.example?x=1",
        "https://venue.example/#x",
        "https://venue.example:port",
        "https://127.0.0.1:9001",
        "https://127.0.0.2",
        "https://127.1",
        "https://0x7f000001",
        "https://10.1.2.3",
        "https://169.254.169.254",
        "https://[::ffff:127.0.0.1]",
        "https://[fd00::1]",
        "https://localhost.",
        "https://venue.localhost",
        "http://localhost:9001",
        "https://[::1]",
        "https://localhost\u3002",
        "https://\uff4cocalhost",
        "https://ip6-localhost",
        "https://[::127.0.0.1]",
        "https://[64:ff9b::7f00:1]",
        "https://[2002:7f00:1::]",
        "https://[64:ff9b:1::7f00:1]",
        "https://[64:ff9b:1:ffff::1]",
        "https://[::ffff:0:127.0.0.1]",
        "https://[::ffff:0:a00:1]",
        "https://[::ffff:8.8.8.8]",
        "https://[2001:0:7f00:1::1]",
        "https://[fec0::1]",
        "https://[ff0e::1]",
        "https://224.0.1.1",
        "https://239.255.255.250",
    ],
)
def test_address_must_be_public_and_https(url: str | None) -> None:
    with pytest.raises(WalletConnectionError):
        checked_address(url, allow_loopback=False)


def test_public_https_and_allowed_loopback_addresses_are_accepted() -> None:
    assert checked_address("https://api.venue.example/", allow_loopback=False) == "https://api.venue.example"
    assert checked_address("http://127.0.0.1:9001", allow_loopback=True) == "http://127.0.0.1:9001"
    with pytest.raises(WalletConnectionError):
        checked_address("http://10.0.0.1", allow_loopback=True)


@pytest.mark.parametrize("address", ["https://api.kraken.com", "https://venue.example", "https://a.api.venue.example"])
def test_address_is_one_of_the_venue(address: str) -> None:
    hosts = {"api.venue.example", "test.venue.example"}
    with pytest.raises(WalletConnectionError, match=r"api\.venue\.example, test\.venue\.example"):
        checked_address(address, allow_loopback=True, hosts=hosts)
    assert checked_address("https://API.venue.example:443", allow_loopback=False, hosts=hosts)
    assert checked_address("http://localhost:9001", allow_loopback=True, hosts=hosts)


@pytest.mark.parametrize(
    "found",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.1.1",
        ),
        *("::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "64:ff9b:1::a00:1", "64:ff9b::a00:1", "::ffff:0:a00:1"),
        *("224.0.1.1", "ff0e::1", "2002:a00:1::", "fec0::1"),
    ],
)
def test_name_that_leads_into_a_private_network_is_not_called(
    monkeypatch: pytest.MonkeyPatch, run: Run, found: str
) -> None:
    """As 127.0.0.1.nip.io does. Names are resolved by the operating system."""
    family = socket.AF_INET6 if ":" in found else socket.AF_INET
    where = (found, 443, 0, 0) if ":" in found else (found, 443)
    answers = [(family, socket.SOCK_STREAM, 6, "", where)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_given, **_options: answers)
    monkeypatch.setattr(socket, "getnameinfo", lambda _where, _flags: (found, "443"))

    async def resolve(*, allow_loopback: bool, host: str) -> list[str]:
        resolver = public_resolver(allow_loopback=allow_loopback)
        found = await resolver.resolve(host, 443, socket.AF_UNSPEC)
        await resolver.close()
        return [entry["host"] for entry in found]

    for allow_loopback in (False, True):
        with pytest.raises(OSError, match="no public address"):
            run(resolve(allow_loopback=allow_loopback, host="api.venue.example"))
    with pytest.raises(OSError, match="no public address"):
        run(resolve(allow_loopback=False, host="localhost"))
    assert run(resolve(allow_loopback=True, host="localhost")) == [found]

    where = ("1.1.1.1", 443)
    answers.append((socket.AF_INET, socket.SOCK_STREAM, 6, "", where))
    assert run(resolve(allow_loopback=False, host="api.venue.example")) == ["1.1.1.1"], "only public ones are left"


@pytest.mark.parametrize(
    ("asset", "mids", "price"),
    [
        ("USD", {}, "1"),
        ("USDT", {}, "1"),
        ("USDT", {"USDT/USD": "0.998"}, "0.998"),
        ("BTC", {"BTC/USDT": "50000", "USDT/USD": "0.998"}, "49900"),
        ("BTC", {"BTC/USD": "50100", "BTC/USDT": "50000"}, "50100"),
        ("JPY", {"USD/JPY": "160"}, "0.00625"),
        ("ADA", {"ADA/BTC": "0.00001", "BTC/USDT": "50000"}, "0.5"),
        ("ADA", {"ADA/BTC": "0.00001"}, None),
        ("NOPRICE", {"BTC/USDT": "50000"}, None),
        ("LDUSDT", {}, "1"),
        ("LDBTC", {"BTC/USDT": "50000"}, "50000"),
        ("LDO", {"LDO/USDT": "2"}, "2"),
        ("LDO", {"O/USDT": "7"}, None),
        ("LDNOPRICE", {"BTC/USDT": "50000"}, None),
        ("USD.M", {}, "1"),
        ("USD.HOLD", {}, "1"),
        *((f"BTC.{suffix}", {"BTC/USD": "50000"}, "50000") for suffix in "FMSBP"),
        ("DOT28.S", {"DOT/USD": "4"}, "4"),
        ("C98.S", {"C98/USD": "3", "C/USD": "5"}, "3"),
        ("ETH2", {"ETH/USD": "3000"}, "3000"),
        ("ETH2.S", {"ETH/USD": "3000"}, "3000"),
        ("BTC.X", {"BTC/USD": "50000"}, None),
    ],
)
def test_asset_is_priced_in_dollars_through_known_pairs(asset: str, mids: Mapping[str, str], price: str | None) -> None:
    found = usd_price(asset, {symbol: D(mid) for symbol, mid in mids.items()})
    assert found == (None if price is None else D(price))


def fill(side: OrderSide, amount: str, price: str, fee: str = "0", asset: str = "USDT") -> VenueFill:
    quote = D(amount) * D(price)
    return VenueFill("f", "o", "BTC/USDT", side, D(price), D(amount), quote, D(fee), asset, None, NOW)


def test_position_is_computed_from_its_fills() -> None:
    buy, sell = OrderSide.BUY, OrderSide.SELL
    held = position_of([fill(buy, "1", "100", "1"), fill(buy, "1", "200", "0.001", "BTC")], "BTC")
    assert (held.amount, held.cost, held.fees, held.realised) == (D("1.999"), D(300), D(1), D(-1))
    held = position_of([fill(buy, "2", "100"), fill(sell, "1", "150", "0.5")], "BTC")
    assert (held.amount, held.cost, held.realised) == (D(1), D(100), D("49.5"))
    more_than_bought = position_of([fill(buy, "1", "100"), fill(sell, "3", "150")], "BTC")
    assert more_than_bought.amount == more_than_bought.cost == 0
    assert position_of([fill(buy, "1", "100", "0.1", "BNB")], "BTC").fees == 0


def test_venue_client_id_is_stable_per_wallet_and_client_order_id() -> None:
    known = venue_client_id("wallet", "mine")
    assert known == venue_client_id("wallet", "mine")
    assert len({known, venue_client_id("wallet", "other"), venue_client_id("other", "mine")}) == 3
    assert venue_client_id("wallet", None) != venue_client_id("wallet", None)
    for name in (known, venue_client_id("wallet", None)):
        assert len(name) == 32
        assert int(name, 16)


def test_sale_that_closes_a_position_keeps_its_result() -> None:
    buy, sell = OrderSide.BUY, OrderSide.SELL
    fills = [fill(buy, "1", "2000", "1"), fill(sell, "0.5", "2100", "1"), fill(sell, "0.5", "2200", "1")]
    closed = position_of(fills, "BTC")
    assert (closed.amount, closed.cost, closed.realised, closed.fees) == (D(0), D(0), D(147), D(3))
    again = position_of([*fills, fill(buy, "1", "2300")], "BTC")
    assert (again.amount, again.cost, again.realised) == (D(1), D(2300), D(147))


def test_closing_sale_of_more_than_was_bought_counts_its_own_share() -> None:
    buy, sell = OrderSide.BUY, OrderSide.SELL
    closed = position_of([fill(buy, "1", "2000"), fill(sell, "4", "2100", "4")], "BTC")
    assert (closed.amount, closed.cost, closed.realised, closed.fees) == (D(0), D(0), D(99), D(1))
    never_bought = position_of([fill(sell, "4", "2100", "4")], "BTC")
    assert never_bought == position_of([], "BTC")
    fee_in_base = position_of([fill(buy, "1", "2000"), fill(sell, "0.9", "2100", "0.1", "BTC")], "BTC")
    assert (fee_in_base.amount, fee_in_base.realised) == (D(0), D(-110))


def test_trades_on_margin_are_not_part_of_a_position() -> None:
    buy, sell = OrderSide.BUY, OrderSide.SELL
    spot, *margin = fill(buy, "0.02", "30000"), fill(buy, "1", "50000"), fill(sell, "1", "40000")
    held = position_of([spot, *(replace(trade, on_margin=True) for trade in margin)], "BTC")
    assert (held.amount, held.cost, held.realised) == (D("0.02"), D(600), D(0))
    assert held.unrealised(D(40000)) == D(200)


@pytest.mark.parametrize(
    ("name", "row", "on_margin"),
    [
        ("kraken", {"margin": "0.00000", "misc": ""}, False),
        ("kraken", {"margin": "10000.00000", "misc": ""}, True),
        ("kraken", {"margin": "0.00000", "misc": "closing,stopped"}, True),
        ("kraken", {"margin": "0.00000", "misc": "", "leverage": "5"}, True),
        ("kraken", {"margin": "0.00000", "misc": "", "leverage": "0", "posstatus": "closed"}, True),
        ("kraken", {"margin": "0.00000", "misc": "", "leverage": "5:1"}, True),
        ("kraken", {"misc": None}, False),
        ("binance", {"isMaker": True}, False),
        ("binance", {"isMaker": True, "isIsolated": False}, True),
        ("binance", {"isMaker": True, "isIsolated": True}, True),
        ("coinbase", {"size_in_quote": False}, False),
        ("bybit", {"isLeverage": "0"}, False),
        ("bybit", {"isLeverage": "1"}, False),
    ],
)
def test_venue_tells_trades_on_margin(name: str, row: Mapping[str, Any], on_margin: bool) -> None:
    assert venue_named(name).is_on_margin(row) is on_margin


@pytest.mark.parametrize(
    ("name", "config", "on_test_network"),
    [
        ("binance", {"testnet_url": "https://api.binance.com"}, False),
        ("binance", {"testnet_url": "https://API.binance.com:443/"}, False),
        ("binance", {"testnet_url": "https://added.venue.example"}, False),
        ("binance", {"base_url": "https://api.binance.com", "testnet_url": "https://testnet.binance.vision"}, False),
        ("binance", {"testnet_url": "https://testnet.binance.vision"}, True),
        ("binance", {"base_url": "https://testnet.binance.vision"}, True),
        ("binance", {"testnet_url": "http://127.0.0.1:9001"}, True),
        ("binance", {"base_url": "http://127.0.0.1:9001"}, False),
        ("kraken", {"testnet_url": "https://api.kraken.com"}, False),
    ],
)
def test_only_a_host_of_the_test_network_is_one(name: str, config: dict[str, Any], on_test_network: bool) -> None:
    hosts = {"added.venue.example"}
    connection = VenueConnection(venue_named(name), ApiConfig(**config), allow_loopback=True, venue_hosts=hosts)
    assert connection.client_model().on_test_network is on_test_network
