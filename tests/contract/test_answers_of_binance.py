"""Binance's own answers, field by field. https://developers.binance.com/docs/binance-spot-api-docs."""

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
from tests.support.venues.binance import FakeBinance

D = Decimal
FILTERS: list[dict[str, Any]] = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00000000", "tickSize": "0.01000000"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
    {"filterType": "ICEBERG_PARTS", "limit": 10},
    {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "117.29842", "stepSize": "0.00000000"},
    {"filterType": "TRAILING_DELTA", "minTrailingAboveDelta": 10, "maxTrailingAboveDelta": 2000},
    {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "5", "askMultiplierUp": "5", "avgPriceMins": 5},
    {
        "filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True,
        "maxNotional": "9000000.00000000", "applyMaxToMarket": False, "avgPriceMins": 5,
    },
]  # fmt: skip
BITCOIN: dict[str, Any] = {
    "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "baseAssetPrecision": 8, "quoteAsset": "USDT",
    "quotePrecision": 8, "quoteAssetPrecision": 8, "isSpotTradingAllowed": True, "isMarginTradingAllowed": True,
    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
    "icebergAllowed": True, "quoteOrderQtyMarketAllowed": True, "cancelReplaceAllowed": True,
    "filters": FILTERS, "permissions": [], "permissionSets": [["SPOT", "MARGIN"]],
}  # fmt: skip
OLD_FILTERS: list[dict[str, Any]] = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.00000000", "maxPrice": "0.00000000", "tickSize": "0.00000100"},
    {"filterType": "LOT_SIZE", "minQty": "0.00100000", "maxQty": "100000.00000000", "stepSize": "0.00100000"},
    {"filterType": "MIN_NOTIONAL", "minNotional": "0.00100000", "applyToMarket": True, "avgPriceMins": 5},
]
LITECOIN = changed(BITCOIN, symbol="LTCUSDT", baseAsset="LTC")
ETHER = changed(BITCOIN, symbol="ETHBTC", baseAsset="ETH", quoteAsset="BTC", filters=OLD_FILTERS)


@pytest.fixture
def binance() -> Iterator[Answers]:
    with answers_of(FakeBinance()) as answers:
        answers.give("/exchangeInfo", {"timezone": "UTC", "symbols": [BITCOIN, LITECOIN, ETHER]})
        yield answers


def test_exchange_info(binance: Answers, run: Run) -> None:
    steps = (D("0.01000000"), D("0.00001000"), D("0.00001000"), D("5.00000000"))
    most: dict[str, Any] = {"max_price": D(1_000_000), "max_amount": D(9000), "max_notional": D(9_000_000)}
    old = (D("0.000001"), D("0.001"), D("0.001"), D("0.001"))
    assert run(binance.wallet.get_markets()) == [
        Market("BTC/USDT", "BTC", "USDT", *steps, **most),
        Market("ETH/BTC", "ETH", "BTC", *old, max_amount=D(100_000)),
        Market("LTC/USDT", "LTC", "USDT", *steps, **most),
    ]


def test_order_book_and_ticker(binance: Answers, run: Run) -> None:
    bids = [["42574.30000000", "0.01070000"], ["42574.20000000", "0.00646000"]]
    asks = [["42574.31000000", "0.00870000"], ["42574.80000000", "0.00893000"]]
    ticker = {
        "symbol": "BTCUSDT", "priceChange": "1188.75000000", "priceChangePercent": "1.647",
        "weightedAvgPrice": "71624.65401064", "prevClosePrice": "72180.93000000", "lastPrice": "73369.84000000",
        "lastQty": "0.23925000", "bidPrice": "73369.83000000", "bidQty": "6.27086000", "askPrice": "73369.84000000",
        "askQty": "0.03321000", "openPrice": "72181.09000000", "highPrice": "73650.25000000",
        "lowPrice": "68620.82000000", "volume": "72140.34862800", "quoteVolume": "5167027510.68728707",
        "openTime": 1710241845391, "closeTime": 1710328245391, "firstId": 3476288989, "count": 3187938,
    }  # fmt: skip
    binance.give("/depth", {"lastUpdateId": 25445101, "bids": bids, "asks": asks})
    binance.give("/ticker/24hr", ticker)
    shown = run(binance.wallet.get_snapshot("BTC/USDT"))
    assert shown == Snapshot(
        "BTC/USDT",
        at(1710328245391),
        D("73369.84000000"),
        [PriceLevel(D("42574.30000000"), D("0.01070000")), PriceLevel(D("42574.20000000"), D("0.00646000"))],
        [PriceLevel(D("42574.31000000"), D("0.00870000")), PriceLevel(D("42574.80000000"), D("0.00893000"))],
        shown.source,
    )
    best = {"symbol": "LTCUSDT", "bidPrice": "4.00000000", "bidQty": "431", "askPrice": "4.00000200", "askQty": "9"}
    binance.give("/ticker/bookTicker", [best])
    assert run(binance.wallet.mids()) == {"LTC/USDT": D("4.000001")}


def test_candles(binance: Answers, run: Run) -> None:
    row = [
        1706630400000, "43519.34000000", "43936.00000000", "43171.00000000", "43488.71000000", "20.55495000",
        1706633999999, "891428.42858070", 3743, "10.91428000", "473782.95739920", "0",
    ]  # fmt: skip
    binance.give("/klines", [row])
    assert run(binance.wallet.get_candles("BTC/USDT", "1h", 1)) == [
        candle(1706630400000, "43519.34", "43936", "43171", "43488.71", "20.55495")
    ]


def test_account(binance: Answers, run: Run) -> None:
    shown = [
        {"asset": "BTC", "free": "0.00000000", "locked": "0.00000000"},
        {"asset": "LTC", "free": "0.91974100", "locked": "0.10000000"},
        {"asset": "ETH", "free": "0.02229833", "locked": "0.00000000"},
        {"asset": "BNB", "free": "0.00000000", "locked": "4.00000000"},
    ]
    binance.give("/api/v3/account", {"makerCommission": 10, "accountType": "SPOT", "balances": shown, "uid": 354937868})
    assert run(binance.wallet.get_balance()) == [
        held("BNB", "0", "4"),
        held("ETH", "0.02229833", "0"),
        held("LTC", "0.919741", "0.1"),
    ]


LIMIT: dict[str, Any] = {
    "symbol": "LTCUSDT", "orderId": 3811057334, "orderListId": -1,
    "clientOrderId": "x-R4BD3S82102a551f8c1642bba06728", "price": "50.00000000", "origQty": "0.20000000",
    "executedQty": "0.00000000", "cummulativeQuoteQty": "0.00000000", "status": "NEW", "timeInForce": "GTC",
    "type": "LIMIT_MAKER", "side": "BUY", "stopPrice": "0.00000000", "icebergQty": "0.00000000",
    "time": 1699380855570, "updateTime": 1699380855570, "isWorking": True, "workingTime": 1699380855570,
    "origQuoteOrderQty": "0.00000000", "selfTradePreventionMode": "EXPIRE_MAKER",
}  # fmt: skip
MARKET = changed(
    LIMIT, orderId=3784695242, price="0.00000000", executedQty="0.20000000", cummulativeQuoteQty="13.92600000",
    status="FILLED", type="MARKET", side="SELL", time=1698138992358, updateTime=1698138992358,
)  # fmt: skip
TRADE: dict[str, Any] = {
    "symbol": "LTCUSDT", "id": 309520010, "orderId": 3784695242, "orderListId": -1, "price": "69.63000000",
    "qty": "0.20000000", "quoteQty": "13.92600000", "commission": "0.01392600", "commissionAsset": "USDT",
    "time": 1698138992358, "isBuyer": False, "isMaker": False, "isBestMatch": True,
}  # fmt: skip
OPEN = OrderResult(
    "3811057334",
    "LTC/USDT",
    OrderSide.BUY,
    OrderType.LIMIT,
    OrderStatus.OPEN,
    D(50),
    D("0.2"),
    D(0),
    None,
    D(0),
    "USDT",
    at(1699380855570),
    client_order_id="x-R4BD3S82102a551f8c1642bba06728",
)


def test_open_orders(binance: Answers, run: Run) -> None:
    binance.give("/openOrders", [LIMIT])
    assert run(binance.wallet.get_open_orders()) == [OPEN]


def test_order_by_id_with_the_fee_of_its_trades(binance: Answers, run: Run) -> None:
    binance.give("/api/v3/order", MARKET)
    binance.give("/myTrades", [TRADE])
    assert run(binance.wallet.get_order_status("3784695242", "LTC/USDT")) == OrderResult(
        "3784695242",
        "LTC/USDT",
        OrderSide.SELL,
        OrderType.MARKET,
        OrderStatus.FILLED,
        None,
        D("0.2"),
        D("0.2"),
        D("69.63"),
        D("0.013926"),
        "USDT",
        at(1698138992358),
        client_order_id="x-R4BD3S82102a551f8c1642bba06728",
        filled_quote=D("13.926"),
    )


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"status": "CANCELED", "updateTime": 1706883268013}, OrderStatus.CANCELLED),
        ({"status": "EXPIRED"}, OrderStatus.EXPIRED),
        ({"status": "EXPIRED", "timeInForce": "IOC"}, OrderStatus.CANCELLED),
        ({"status": "EXPIRED_IN_MATCH"}, OrderStatus.EXPIRED),
        ({"status": "REJECTED"}, OrderStatus.REJECTED),
    ],
)
def test_ended_orders(binance: Answers, run: Run, own: dict[str, Any], expected: OrderStatus) -> None:
    binance.give("/allOrders", [{**LIMIT, **own}])
    (order,) = run(binance.wallet.get_order_history("LTC/USDT"))
    assert (order.status, order.timestamp, order.amount) == (expected, at(1699380855570), D("0.2"))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("STOP_LOSS", OrderType.STOP_LOSS),
        ("TAKE_PROFIT", OrderType.TAKE_PROFIT),
        ("STOP_LOSS_LIMIT", OrderType.STOP_LIMIT),
        ("TAKE_PROFIT_LIMIT", OrderType.STOP_LIMIT),
    ],
)
def test_conditional_order(binance: Answers, run: Run, kind: str, expected: OrderType) -> None:
    limit = "50.00000000" if kind.endswith("LIMIT") else "0.00000000"
    binance.give("/openOrders", [changed(LIMIT, type=kind, stopPrice="45.00000000", price=limit, isWorking=False)])
    (order,) = run(binance.wallet.get_open_orders())
    assert (order.order_type, order.price) == (expected, D(50) if kind.endswith("LIMIT") else None)


def test_placed_order_with_its_fills(binance: Answers, run: Run) -> None:
    fills = [
        {"price": "4000.00000000", "qty": "1.00000000", "commission": "4.00000000", "commissionAsset": "USDT"},
        {"price": "3999.00000000", "qty": "5.00000000", "commission": "19.99500000", "commissionAsset": "USDT"},
        {"price": "3998.00000000", "qty": "2.00000000", "commission": "0.00100000", "commissionAsset": "BNB"},
    ]
    shown = {
        "symbol": "BTCUSDT", "orderId": 28, "orderListId": -1, "clientOrderId": "6gCrw2kRUAF9CvJDGP16IP",
        "transactTime": 1507725176595, "price": "0.00000000", "origQty": "10.00000000", "executedQty": "8.00000000",
        "origQuoteOrderQty": "0.000000", "cummulativeQuoteQty": "31991.00000000", "status": "EXPIRED",
        "timeInForce": "GTC", "type": "MARKET", "side": "SELL", "workingTime": 1507725176595,
        "selfTradePreventionMode": "NONE", "fills": [{**fill, "tradeId": 56 + n} for n, fill in enumerate(fills)],
    }  # fmt: skip
    binance.give("/api/v3/order", shown, "POST")
    order = OrderRequest("BTC/USDT", OrderSide.SELL, OrderType.MARKET, D(10))
    placed = run(binance.wallet.send_order(order, f"{1:032x}"))
    assert placed == OrderResult(
        "28",
        "BTC/USDT",
        OrderSide.SELL,
        OrderType.MARKET,
        OrderStatus.EXPIRED,
        None,
        D(10),
        D(8),
        D("3998.875"),
        D("23.995"),
        "USDT",
        at(1507725176595),
        {"fees": {"USDT": "23.995", "BNB": "0.00100000"}},
        "6gCrw2kRUAF9CvJDGP16IP",
        D(31991),
    )


def test_trades(binance: Answers, run: Run) -> None:
    bought = changed(TRADE, id=309520011, isBuyer=True, isMaker=True, commission="0.00020000", commissionAsset="LTC")
    binance.give("/myTrades", [TRADE, bought])
    first, second = run(binance.wallet.get_fills("LTC/USDT"))
    assert first == VenueFill(
        "309520010",
        "3784695242",
        "LTC/USDT",
        OrderSide.SELL,
        D("69.63"),
        D("0.2"),
        D("13.926"),
        D("0.013926"),
        "USDT",
        "taker",
        at(1698138992358),
    )
    assert (second.side, second.liquidity, second.fee, second.fee_currency) == (
        OrderSide.BUY,
        "maker",
        D("0.0002"),
        "LTC",
    )


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, KeyPermissions(True, False, False, False)),
        ({"enableSpotAndMarginTrading": True, "ipRestrict": True}, KeyPermissions(True, True, False, True)),
        ({"enableWithdrawals": True}, KeyPermissions(True, False, True, False)),
        ({"enableInternalTransfer": True}, KeyPermissions(True, False, True, False)),
    ],
)
def test_restrictions_of_the_key(binance: Answers, run: Run, own: dict[str, Any], expected: KeyPermissions) -> None:
    shown = {
        "ipRestrict": False, "createTime": 1698645219000, "enableReading": True, "enableWithdrawals": False,
        "enableInternalTransfer": False, "enableMargin": False, "enableFutures": False,
        "permitsUniversalTransfer": True, "enableVanillaOptions": False, "enableSpotAndMarginTrading": False,
    }  # fmt: skip
    binance.give("/apiRestrictions", {**shown, **own})
    assert run(binance.wallet.account.key_permissions()) == expected
