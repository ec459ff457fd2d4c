"""Kraken's own answers, field by field: what the venue says is what the wallet says. https://docs.kraken.com/api."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.market.market import Market, PriceLevel, Snapshot
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.domain.wallets.results import OrderResult
from moniqo_core.venues.ccxt.parsing import VenueFill
from tests.conftest import Run
from tests.support.venue_answers import Answers, answers_of, at, candle, changed, held
from tests.support.venues.kraken import FakeKraken

D = Decimal
BITCOIN = {
    "altname": "XBTUSD", "wsname": "XBT/USD", "aclass_base": "currency", "base": "XXBT", "aclass_quote": "currency",
    "quote": "ZUSD", "lot": "unit", "cost_decimals": 5, "pair_decimals": 1, "lot_decimals": 8, "lot_multiplier": 1,
    "leverage_buy": [2, 3, 4, 5], "leverage_sell": [2, 3, 4, 5], "fees": [[0, 0.4]], "fees_maker": [[0, 0.25]],
    "fee_volume_currency": "ZUSD", "margin_call": 80, "margin_stop": 40, "ordermin": "0.0001", "costmin": "0.5",
    "tick_size": "0.1", "status": "online", "long_position_limit": 270, "short_position_limit": 180,
}  # fmt: skip
LITECOIN = changed(
    BITCOIN, altname="LTCUSDT", wsname="LTC/USDT", base="XLTC", quote="USDT", pair_decimals=5, ordermin="0.05",
    costmin="5.0", tick_size="0.00001", status="cancel_only",
)  # fmt: skip
BITCOIN_TETHER = changed(BITCOIN, altname="XBTUSDT", wsname="XBT/USDT", quote="USDT")
PAIRS = {"XXBTZUSD": BITCOIN, "LTCUSDT": LITECOIN, "XBTUSDT": BITCOIN_TETHER}


def answer(result: object) -> dict[str, object]:
    return {"error": [], "result": result}


@pytest.fixture
def kraken() -> Iterator[Answers]:
    with answers_of(FakeKraken()) as answers:
        answers.give("/AssetPairs", answer(PAIRS))
        yield answers


def test_asset_pairs(kraken: Answers, run: Run) -> None:
    bitcoin = Market("BTC/USD", "BTC", "USD", D("0.1"), D("0.00000001"), D("0.0001"), D("0.5"))
    tether = Market("BTC/USDT", "BTC", "USDT", D("0.1"), D("0.00000001"), D("0.0001"), D("0.5"))
    assert run(kraken.wallet.get_markets()) == [bitcoin, tether]
    listed = run(kraken.connection.markets())["LTC/USDT"]
    assert listed.market == Market("LTC/USDT", "LTC", "USDT", D("0.00001"), D("0.00000001"), D("0.05"), D("5.0"))
    assert (listed.venue_symbol, listed.venue_base, listed.venue_quote) == ("LTCUSDT", "XLTC", "USDT")


TICKER: dict[str, Any] = {
    "a": ["73380.70000", "1", "1.000"], "b": ["73380.60000", "1", "1.000"], "c": ["73380.60000", "0.00160710"],
    "v": ["165.16072288", "598.03698452"], "p": ["72647.97204", "71501.57520"], "t": [6405, 21103],
    "l": ["71321.80000", "68666.00000"], "h": ["73580.00000", "73580.00000"], "o": "71450.70000",
}  # fmt: skip


def test_order_book_and_ticker(kraken: Answers, run: Run) -> None:
    asks = [["30384.10000", "2.059", 1688671659], ["30387.90000", "1.500", 1688671380]]
    bids = [["30297.00000", "1.115", 1688671636], ["30296.70000", "2.002", 1688671674]]
    kraken.give("/Depth", answer({"XBTUSDT": {"asks": asks, "bids": bids}}))
    kraken.give("/Ticker", answer({"XBTUSDT": TICKER}))
    shown = run(kraken.wallet.get_snapshot("BTC/USDT"))
    assert shown == Snapshot(
        "BTC/USDT",
        shown.at,
        D("73380.60000"),
        [PriceLevel(D("30297.00000"), D("1.115")), PriceLevel(D("30296.70000"), D("2.002"))],
        [PriceLevel(D("30384.10000"), D("2.059")), PriceLevel(D("30387.90000"), D("1.500"))],
        shown.source,
    )
    assert run(kraken.wallet.mids())["BTC/USDT"] == D("73380.65")


def test_candles(kraken: Answers, run: Run) -> None:
    rows = [
        [1706626800, "43437.5", "43593.7", "43355.5", "43361.1", "43511.3", "18.75430110", 162],
        [1706630400, "43366.3", "43529.2", "43234.2", "43485.0", "43435.3", "12.51327406", 126],
    ]
    kraken.give("/OHLC", answer({"XBTUSDT": rows, "last": "1706626800"}))
    assert run(kraken.wallet.get_candles("BTC/USDT", "1h", 2)) == [
        candle(1706626800_000, "43437.5", "43593.7", "43355.5", "43361.1", "18.75430110"),
        candle(1706630400_000, "43366.3", "43529.2", "43234.2", "43485.0", "12.51327406"),
    ]


def test_extended_balance(kraken: Answers, run: Run) -> None:
    shown = {
        "ZUSD": {"balance": 25435.21, "hold_trade": 8249.76},
        "XXBT": {"balance": "1.2435000000", "hold_trade": "0.8423000000"},
        "USDT": {"balance": "10.0", "credit": "500.0", "credit_used": "20.0", "hold_trade": "0"},
        "ZEUR": {"balance": "10.0", "credit": "500.0", "credit_used": "0", "hold_trade": "25"},
        "XLTC": {"balance": "0.0000000000", "hold_trade": "0.0000000000"},
        "ETH2.S": {"balance": "1.5", "hold_trade": "0"},
    }
    kraken.give("/BalanceEx", answer(shown))
    assert run(kraken.wallet.get_balance()) == [
        held("BTC", "0.4012", "0.8423"),
        held("ETH2.S", "1.5", "0"),
        held("EUR", "0", "10"),
        held("USD", "17185.45", "8249.76"),
        held("USDT", "10", "0"),
    ]


LIMIT: dict[str, Any] = {
    "refid": None, "userref": "0", "status": "open", "opentm": "1705259439.563000", "starttm": "0", "expiretm": "0",
    "descr": {
        "pair": "LTCUSDT", "type": "buy", "ordertype": "limit", "price": "50.00000", "price2": "0",
        "leverage": "none", "order": "buy 0.10000000 LTCUSDT @ limit 50.00000", "close": "",
    },
    "vol": "0.10000000", "vol_exec": "0.00000000", "cost": "0.000000", "fee": "0.000000", "price": "0.000000",
    "stopprice": "0.000000", "limitprice": "0.000000", "misc": "", "oflags": "post,fciq", "reason": None,
}  # fmt: skip
MARKET = changed(
    LIMIT,
    status="closed",
    opentm="1705260547.472000",
    closetm="1705260547.4728658",
    descr=changed(LIMIT["descr"], ordertype="market", price="0", order="buy 0.10000000 LTCUSDT @ market"),
    vol_exec="0.10000000",
    cost="7.105741",
    fee="0.018475",
    price="71.05741",
    oflags="fciq",
    trades=["TWA6QJ-ZO4EM-6QIHQJ"],
)
TAKE_PROFIT = changed(
    LIMIT,
    opentm="1705260203.583000",
    descr=changed(LIMIT["descr"], type="sell", ordertype="take-profit", price="120.00000"),
    oflags="fciq",
)
STOP_LIMIT = changed(
    LIMIT,
    opentm="1705260464.9731748",
    descr=changed(LIMIT["descr"], type="sell", ordertype="stop-loss-limit", price="55.00000", price2="54.00000"),
    oflags="fciq",
)
TRAILING = changed(
    LIMIT,
    opentm="1706895177.1070557",
    descr=changed(LIMIT["descr"], pair="XBTUSD", ordertype="trailing-stop", price="+50.0000%"),
    stopprice="0.75790000",
    limitprice="0.50527000",
    trigger="index",
)


def resting(name: str, side: OrderSide, kind: OrderType, price: str | None, milliseconds: int) -> OrderResult:
    limit = None if price is None else D(price)
    amount, none = D("0.10000000"), D(0)
    open_at = at(milliseconds)
    return OrderResult(name, "LTC/USDT", side, kind, OrderStatus.OPEN, limit, amount, none, None, none, "USDT", open_at)


def test_orders_by_id(kraken: Answers, run: Run) -> None:
    name, filled = "OR6EGN-KQSEG-AMI6CL", "OGMZCL-KC6MC-ZRBGM6"
    kraken.give("/QueryOrders", answer({name: LIMIT}))
    limit = resting(name, OrderSide.BUY, OrderType.LIMIT, "50", 1705259439563)
    assert run(kraken.wallet.get_order_status(name, "LTC/USDT")) == limit
    kraken.fake.mend()
    kraken.give("/QueryOrders", answer({filled: MARKET}))
    assert run(kraken.wallet.get_order_status(filled, "LTC/USDT")) == OrderResult(
        filled,
        "LTC/USDT",
        OrderSide.BUY,
        OrderType.MARKET,
        OrderStatus.FILLED,
        None,
        D("0.1"),
        D("0.1"),
        D("71.05741"),
        D("0.018475"),
        "USDT",
        at(1705260547472),
        filled_quote=D("7.105741"),
    )


def test_open_and_closed_orders(kraken: Answers, run: Run) -> None:
    shown = {"OXCZ7B-EMVZQ-MTJTQJ": TAKE_PROFIT, "OIIQBL-6PV3A-7M2AJJ": STOP_LIMIT, "OF7S76-H2IMS-N2ML4U": TRAILING}
    kraken.give("/OpenOrders", answer({"open": shown}))
    assert run(kraken.wallet.get_open_orders()) == [
        resting("OXCZ7B-EMVZQ-MTJTQJ", OrderSide.SELL, OrderType.TAKE_PROFIT, None, 1705260203583),
        resting("OIIQBL-6PV3A-7M2AJJ", OrderSide.SELL, OrderType.STOP_LIMIT, "54", 1705260464973),
    ]
    kraken.give("/ClosedOrders", answer({"closed": {"OGMZCL-KC6MC-ZRBGM6": MARKET}, "count": 1}))
    (closed,) = run(kraken.wallet.get_order_history())
    assert (closed.order_id, closed.status, closed.filled_quote) == (
        "OGMZCL-KC6MC-ZRBGM6",
        OrderStatus.FILLED,
        D("7.105741"),
    )


def test_partly_filled_order(kraken: Answers, run: Run) -> None:
    shown = changed(
        LIMIT, refid="None", opentm=1688666559.8974, starttm=0, expiretm=0, vol="1.25000000", vol_exec="0.37500000",
        cost="11253.7", fee="0.00000", price="30010.0", oflags="fciq", trades=["TCCCTY-WE2O6-P3NB37"],
        descr=changed(LIMIT["descr"], pair="XBTUSD", price="30010.0", order="buy 1.25000000 XBTUSD @ limit 30010.0"),
    )  # fmt: skip
    kraken.give("/OpenOrders", answer({"open": {"OQCLML-BW3P3-BUCMWZ": shown}}))
    (order,) = run(kraken.wallet.get_open_orders())
    assert order == OrderResult(
        "OQCLML-BW3P3-BUCMWZ",
        "BTC/USD",
        OrderSide.BUY,
        OrderType.LIMIT,
        OrderStatus.PARTIALLY_FILLED,
        D(30010),
        D("1.25"),
        D("0.375"),
        order.average_fill_price,
        D(0),
        "USD",
        at(1688666559897),
        filled_quote=D("11253.7"),
    )


@pytest.mark.parametrize(
    ("own", "userref"), [(None, 0), (None, "36493663"), ("6d1b345e-2821-40e2-ad83-4ecb18a06876", 0)]
)
def test_number_that_orders_may_share_is_no_client_order_id(
    kraken: Answers, run: Run, own: str | None, userref: object
) -> None:
    shown = {"OR6EGN-KQSEG-AMI6CL": changed(LIMIT, cl_ord_id=own, userref=userref)}
    kraken.give("/OpenOrders", answer({"open": shown}))
    (order,) = run(kraken.wallet.get_open_orders())
    assert order.client_order_id == own


def test_placed_order(kraken: Answers, run: Run) -> None:
    kraken.give("/AddOrder", answer({"txid": ["OGMZCL-KC6MC-ZRBGM6"], "descr": {"order": "buy 0.1 LTCUSDT @ market"}}))
    kraken.give("/QueryOrders", answer({"OGMZCL-KC6MC-ZRBGM6": MARKET}))
    order = OrderRequest("LTC/USDT", OrderSide.BUY, OrderType.MARKET, D("0.1"))
    placed = run(kraken.wallet.send_order(order, f"{1:032x}"))
    assert (placed.order_id, placed.status, placed.fee) == (
        "OGMZCL-KC6MC-ZRBGM6",
        OrderStatus.FILLED,
        D("0.018475"),
    )


def test_trades_history(kraken: Answers, run: Run) -> None:
    trade = {
        "ordertxid": "OQCLML-BW3P3-BUCMWZ", "postxid": "TKH2SE-M7IF5-CFI7LT", "pair": "XXBTZUSD",
        "time": 1688667796.8802, "type": "buy", "ordertype": "limit", "price": "30010.00000", "cost": "600.20000",
        "fee": "1.56052", "vol": "0.02000000", "margin": "0.00000", "misc": "", "trade_id": 40274859, "maker": True,
    }  # fmt: skip
    closing = changed(trade, type="sell", time=1688668000, maker=False, posstatus="closed", misc="closing")
    kraken.give(
        "/TradesHistory", answer({"trades": {"THVRQM-33VKH-UCI7BS": trade, "TAAAAA-BBBBB-CC": closing}, "count": 2})
    )
    first, second = run(kraken.wallet.get_fills("BTC/USD"))
    assert first == VenueFill(
        "THVRQM-33VKH-UCI7BS",
        "OQCLML-BW3P3-BUCMWZ",
        "BTC/USD",
        OrderSide.BUY,
        D("30010.00000"),
        D("0.02000000"),
        D("600.20000"),
        D("1.56052"),
        "USD",
        "maker",
        at(1688667796880),
    )
    assert (second.side, second.liquidity, second.on_margin) == (OrderSide.SELL, "taker", True)


@pytest.mark.parametrize(("addresses", "restricted"), [([], False), (["192.0.2.1/32"], True)])
@pytest.mark.parametrize("withdraws", [False, True])
def test_key_information(kraken: Answers, run: Run, addresses: list[str], *, restricted: bool, withdraws: bool) -> None:
    allowed = ["query-funds", "query-open-trades", "modify-trades", *(["withdraw-funds"] if withdraws else [])]
    shown = {
        "apiKeyName": "my-api-key", "apiKey": "XXXXXX", "nonce": "1772627060997", "nonceWindow": 0,
        "permissions": allowed, "iban": "AA88 N84G WOAK NMOI", "validUntil": "0", "queryFrom": "0", "queryTo": "0",
        "createdTime": "1772542900", "modifiedTime": "1772543095", "ipAllowlist": addresses, "lastUsed": "1772627061",
    }  # fmt: skip
    kraken.give("/GetApiKeyInfo", answer(shown))
    assert run(kraken.wallet.account.key_permissions()) == KeyPermissions(True, True, withdraws, restricted)
