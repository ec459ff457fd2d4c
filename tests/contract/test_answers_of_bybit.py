"""Bybit's own answers, field by field. https://bybit-exchange.github.io/docs/v5."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.market.market import Market, PriceLevel, Snapshot
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType
from moniqo_core.domain.portfolio.balance_equation import AssetFlows, balance_equation
from moniqo_core.domain.sync.account_statement import PreviousSync
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.domain.wallets.results import OrderResult
from moniqo_core.venues.ccxt.parsing import VenueFill
from tests.conftest import Run
from tests.support.venue_answers import Answers, answers_of, at, candle, changed, held
from tests.support.venues.bybit import FakeBybit

D = Decimal
BITCOIN: dict[str, Any] = {
    "symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "innovation": "0", "status": "Trading",
    "marginTrading": "utaOnly", "stTag": "0",
    "lotSizeFilter": {
        "basePrecision": "0.000001", "quotePrecision": "0.0000001", "minOrderQty": "0.000011", "maxOrderQty": "83",
        "minOrderAmt": "5", "maxOrderAmt": "8000000", "maxLimitOrderQty": "83", "maxMarketOrderQty": "41.5",
        "postOnlyMaxLimitOrderSize": "60000",
    },
    "priceFilter": {"tickSize": "0.1"},
    "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"},
}  # fmt: skip
RIPPLE = changed(BITCOIN, symbol="XRPUSDT", baseCoin="XRP", priceFilter={"tickSize": "0.0001"})


def answer(**result: object) -> dict[str, object]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1736866023302}


def rows(*found: object) -> dict[str, object]:
    return answer(category="spot", list=list(found), nextPageCursor="")


@pytest.fixture
def bybit() -> Iterator[Answers]:
    with answers_of(FakeBybit()) as answers:
        answers.give("/instruments-info", rows(BITCOIN, RIPPLE))
        yield answers


def test_instruments(bybit: Answers, run: Run) -> None:
    sizes = (D("0.000001"), D("0.000011"), D(5))
    most: dict[str, Any] = {"max_amount": D(83), "max_notional": D(8_000_000)}
    assert run(bybit.wallet.get_markets()) == [
        Market("BTC/USDT", "BTC", "USDT", D("0.1"), *sizes, **most),
        Market("XRP/USDT", "XRP", "USDT", D("0.0001"), *sizes, **most),
    ]


def test_order_book_and_ticker(bybit: Answers, run: Run) -> None:
    bids, asks = [["65485.47", "47.081829"], ["65485.4", "0.5"]], [["65557.7", "16.606555"]]
    book = {"s": "BTCUSDT", "b": bids, "a": asks, "ts": 1716863719031, "u": 230704, "seq": 1432604333}
    ticker = {
        "symbol": "BTCUSDT", "bid1Price": "65485.47", "bid1Size": "2", "ask1Price": "65557.7", "ask1Size": "1.862172",
        "lastPrice": "65517.79", "prevPrice24h": "64393.42", "price24hPcnt": "0.0068", "highPrice24h": "66128.27",
        "lowPrice24h": "64318.11", "turnover24h": "243765620.65899866", "volume24h": "11801.27771",
        "usdIndexPrice": "65784.12090279",
    }  # fmt: skip
    bybit.give("/market/orderbook", answer(**book))
    bybit.give("/market/tickers", rows(ticker))
    shown = run(bybit.wallet.get_snapshot("BTC/USDT"))
    assert shown == Snapshot(
        "BTC/USDT",
        at(1716863719031),
        D("65517.79"),
        [PriceLevel(D("65485.47"), D("47.081829")), PriceLevel(D("65485.4"), D("0.5"))],
        [PriceLevel(D("65557.7"), D("16.606555"))],
        shown.source,
    )
    assert run(bybit.wallet.mids()) == {"BTC/USDT": D("65521.585")}


def test_candles(bybit: Answers, run: Run) -> None:
    newest = ["1670608800000", "17071", "17073", "17027", "17055.5", "268611", "15.74462667"]
    bybit.give("/market/kline", answer(category="spot", symbol="BTCUSDT", list=[newest]))
    assert run(bybit.wallet.get_candles("BTC/USDT", "1h", 1, since=at(1670608800000))) == [
        candle(1670608800000, "17071", "17073", "17027", "17055.5", "268611")
    ]


COIN: dict[str, Any] = {
    "availableToBorrow": "", "bonus": "0", "accruedInterest": "0", "availableToWithdraw": "", "totalOrderIM": "0",
    "equity": "3304.29766609", "totalPositionMM": "7.00285644", "usdValue": "3304.05314806",
    "unrealisedPnl": "-17.9613", "collateralSwitch": True, "spotHedgingQty": "0",
    "borrowAmount": "0.000000000000000000", "totalPositionIM": "50.61831144", "walletBalance": "3322.25896609",
    "cumRealisedPnl": "-10225.43901403", "locked": "42", "marginCollateral": True, "coin": "USDT",
}  # fmt: skip
FREE = changed(COIN, totalPositionIM="0", locked="0")


def wallet_balance(*coins: object) -> dict[str, object]:
    account = {"accountType": "UNIFIED", "totalEquity": "92255.96", "accountLTV": "0", "coin": list(coins)}
    return answer(list=[account])


def test_wallet_balance(bybit: Answers, run: Run) -> None:
    shown = [
        COIN,
        changed(FREE, coin="BTC", walletBalance="0.85581394", equity="0.85581394"),
        changed(FREE, coin="XRP", walletBalance="40.05245888", equity="38.47905187", totalPositionIM="0.19805874"),
        changed(FREE, coin="ADA", walletBalance="0", equity="0"),
    ]
    bybit.give("/wallet-balance", wallet_balance(*shown))
    assert run(bybit.wallet.get_balance()) == [
        held("BTC", "0.85581394", "0"),
        held("USDT", "3229.64065465", "92.61831144"),
        held("XRP", "39.85440014", "0.19805874"),
    ]


@pytest.mark.parametrize(
    ("own", "free", "locked"),
    [
        # Borrowed by hand or for a margin trade: the balance has the loan, which is not the account's own.
        ({"walletBalance": "150", "spotBorrow": "100", "borrowAmount": "100.5", "accruedInterest": "0.5"}, "50", "0"),
        ({"walletBalance": "30", "spotBorrow": "100", "borrowAmount": "100"}, "-70", "0"),
        # A loss of derivatives: the balance is negative, and the borrowed amount counts the same debt.
        ({"walletBalance": "-12.5", "borrowAmount": "12.5"}, "-12.5", "0"),
        # Other coins serve as the margin of a position, so it holds no more of this coin than there is.
        ({"walletBalance": "10", "totalPositionIM": "50", "locked": "4"}, "0", "10"),
        ({"walletBalance": "-3", "totalPositionIM": "50"}, "-3", "0"),
        # Portfolio margin has no margin of a coin, and fields that are deprecated tell nothing.
        ({"walletBalance": "10", "totalOrderIM": "", "totalPositionIM": "", "locked": "4"}, "6", "4"),
        ({"walletBalance": "10", "availableToWithdraw": "2", "free": "1"}, "10", "0"),
        ({"walletBalance": "10", "unrealisedPnl": "90", "equity": "100", "bonus": "7"}, "10", "0"),
    ],
    ids=str,
)
def test_debt_and_margin_of_a_coin(bybit: Answers, run: Run, own: dict[str, str], free: str, locked: str) -> None:
    bybit.give("/wallet-balance", wallet_balance({**FREE, **own}))
    assert run(bybit.wallet.get_balance()) == [held("USDT", free, locked)]


MARKET: dict[str, Any] = {
    "symbol": "XRPUSDT", "orderType": "Market", "orderLinkId": "1609604284784580097", "slLimitPrice": "0",
    "orderId": "1609604284784580096", "cancelType": "UNKNOWN", "avgPrice": "0.5351", "stopOrderType": "",
    "lastPriceOnCreated": "", "orderStatus": "Filled", "takeProfit": "0", "cumExecValue": "65.817300",
    "smpType": "None", "triggerDirection": 0, "blockTradeId": "", "rejectReason": "EC_NoError", "isLeverage": "0",
    "price": "0", "orderIv": "", "createdTime": "1706615783247", "tpTriggerBy": "", "positionIdx": 0,
    "timeInForce": "IOC", "leavesValue": "0.000000", "updatedTime": "1706615783251", "side": "Sell", "smpGroup": 0,
    "triggerPrice": "0.0000", "tpLimitPrice": "0", "cumExecFee": "0.0658173", "slTriggerBy": "", "leavesQty": "0.00",
    "closeOnTrigger": False, "placeType": "", "cumExecQty": "123.00", "reduceOnly": False, "qty": "123.00",
    "stopLoss": "0", "marketUnit": "baseCoin", "smpOrderId": "", "triggerBy": "",
    "cumFeeDetail": {"USDT": "0.0658173"},
}  # fmt: skip
BY_QUOTE = changed(
    MARKET, symbol="BTCUSDT", orderLinkId="", orderId="1609602210852247040", avgPrice="30966.41", side="Buy",
    orderStatus="PartiallyFilledCanceled", cumExecValue="49.97980168", rejectReason="EC_CancelForNoFullFill",
    createdTime="1706615536016", leavesValue="0.02019832", leavesQty="0.000000", cumExecFee="0.000001614",
    cumExecQty="0.001614", qty="50.000000", marketUnit="quoteCoin", cumFeeDetail={"BTC": "0.000001614"},
)  # fmt: skip
LIMIT = changed(
    BY_QUOTE, orderType="Limit", price="30966.41", qty="0.004", marketUnit="", leavesQty="0.002386",
    rejectReason="EC_PerCancelRequest", timeInForce="GTC", orderId="1609602210852247041",
)  # fmt: skip
SOLD = OrderResult(
    "1609604284784580096",
    "XRP/USDT",
    OrderSide.SELL,
    OrderType.MARKET,
    OrderStatus.FILLED,
    None,
    D(123),
    D(123),
    D("0.5351"),
    D("0.0658173"),
    "USDT",
    at(1706615783247),
    client_order_id="1609604284784580097",
    filled_quote=D("65.8173"),
)
BOUGHT = OrderResult(
    "1609602210852247040",
    "BTC/USDT",
    OrderSide.BUY,
    OrderType.MARKET,
    OrderStatus.FILLED,
    None,
    D("0.001614"),
    D("0.001614"),
    D("49.97980168") / D("0.001614"),
    D("0.000001614"),
    "BTC",
    at(1706615536016),
    filled_quote=D("49.97980168"),
)


def test_order_by_id(bybit: Answers, run: Run) -> None:
    bybit.give("/order/realtime", rows(MARKET))
    assert run(bybit.wallet.get_order_status("1609604284784580096", "XRP/USDT")) == SOLD


def test_ended_orders(bybit: Answers, run: Run) -> None:
    bybit.give("/order/history", rows(MARKET, BY_QUOTE, LIMIT))
    sold, *others = run(bybit.wallet.get_order_history())
    cancelled, bought = sorted(others, key=lambda order: order.order_type)
    assert sold == SOLD
    assert bought.average_fill_price is not None
    assert round(bought.average_fill_price, 2) == D("30966.42")
    assert replace(bought, average_fill_price=BOUGHT.average_fill_price) == BOUGHT
    assert (cancelled.status, cancelled.amount, cancelled.filled_amount, cancelled.price) == (
        OrderStatus.CANCELLED,
        D("0.004"),
        D("0.001614"),
        D("30966.41"),
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("New", OrderStatus.OPEN),
        ("Untriggered", OrderStatus.OPEN),
        ("Triggered", OrderStatus.OPEN),
        ("Rejected", OrderStatus.REJECTED),
        ("Cancelled", OrderStatus.CANCELLED),
        ("Deactivated", OrderStatus.CANCELLED),
        ("ADDED_LATER", OrderStatus.UNKNOWN),
    ],
)
def test_status(bybit: Answers, run: Run, status: str, expected: OrderStatus) -> None:
    shown = changed(LIMIT, orderStatus=status, cumExecQty="0", cumExecValue="0", cumFeeDetail={}, avgPrice="")
    bybit.give("/order/realtime", rows(shown))
    order = run(bybit.wallet.get_order_status("1609602210852247041", "BTC/USDT"))
    assert (order.status, order.fee, order.amount, order.client_order_id) == (expected, D(0), D("0.004"), None)


def test_fees_of_an_order_in_two_coins(bybit: Answers, run: Run) -> None:
    bybit.give("/order/realtime", rows(changed(MARKET, cumFeeDetail={"USDT": "0.06", "MNT": "0.002"})))
    order = run(bybit.wallet.get_order_status("1609604284784580096", "XRP/USDT"))
    assert (order.fee, order.fee_currency) == (D("0.06"), "USDT")
    assert order.metadata == {"fees": {"USDT": "0.06", "MNT": "0.002"}}


EXECUTION: dict[str, Any] = {
    "symbol": "BTCUSDT", "orderType": "Market", "underlyingPrice": "", "orderLinkId": "1550857400247129600",
    "orderId": "1550857400238740992", "stopOrderType": "", "execTime": "1699612608878", "feeRate": "0.001",
    "tradeIv": "", "blockTradeId": "", "markPrice": "", "execPrice": "29708.7", "markIv": "", "orderQty": "0",
    "orderPrice": "999999", "execValue": "9.9821232", "closedSize": "", "execType": "Trade", "seq": 1251953666,
    "side": "Buy", "indexPrice": "", "leavesQty": "0", "isMaker": False, "execFee": "0.000000336",
    "execId": "2100000000047087120", "execQty": "0.000336", "isLeverage": "0", "extraFees": "",
}  # fmt: skip


def test_executions(bybit: Answers, run: Run) -> None:
    paid = changed(EXECUTION, execId="2", execTime="1699612608879", feeCurrency="MNT", isMaker=True, side="Sell")
    rebate = changed(EXECUTION, execId="3", execTime="1699612608880", execFee="-0.002")
    bybit.give("/execution/list", rows(rebate, paid, EXECUTION))
    first, second, third = run(bybit.wallet.get_fills("BTC/USDT", utc_now()))
    assert first == VenueFill(
        "2100000000047087120",
        "1550857400238740992",
        "BTC/USDT",
        OrderSide.BUY,
        D("29708.7"),
        D("0.000336"),
        D("9.9821232"),
        D("0.000000336"),
        "BTC",
        "taker",
        at(1699612608878),
    )
    assert (second.side, second.liquidity, second.fee_currency) == (OrderSide.SELL, "maker", "MNT")
    assert (third.fee, third.fee_currency) == (D("-0.002"), "USDT")


def test_tax_on_a_trade_is_part_of_its_fee(bybit: Answers, run: Run) -> None:
    tax = {"feeCoin": "BTC", "feeType": "GST", "subFeeType": "IND_GST", "feeRate": "0.00018", "fee": "0.000000060"}
    shown = changed(EXECUTION, extraFees=[tax, changed(tax, feeCoin="INR", fee="7")])
    bybit.give("/execution/list", rows(shown))
    (fill,) = run(bybit.wallet.get_fills("BTC/USDT", utc_now()))
    assert (fill.fee, fill.fee_currency) == (D("0.000000396"), "BTC")


def test_trade_with_a_loan_moves_the_balances_of_the_account(bybit: Answers, run: Run) -> None:
    """Bought 1 BTC for 30,000 USDT, of which 20,000 are borrowed: one account has the bitcoin and the debt."""
    before, after = changed(FREE, walletBalance="10000"), changed(FREE, walletBalance="0", spotBorrow="20000")
    bybit.give("/wallet-balance", wallet_balance(before))
    opened = run(bybit.wallet.statement(PreviousSync({}, None)))
    opening = PreviousSync({"USDT": D(10000)}, opened.asset_flows)
    now = bybit.fake.exchange.now() + 1
    trade = changed(
        EXECUTION, execTime=str(now), execPrice="30000", execQty="1", execValue="30000", execFee="0", isLeverage="1"
    )
    bybit.fake.mend()
    bybit.give("/instruments-info", rows(BITCOIN, RIPPLE))
    bybit.give("/wallet-balance", wallet_balance(after, changed(FREE, coin="BTC", walletBalance="1")))
    bybit.give("/execution/list", rows(trade))

    found = run(bybit.wallet.statement(opening))

    totals = {asset.asset: asset.total for asset in found.value.assets}
    assert totals == {"BTC": D(1), "USDT": D(-20000)}
    assert isinstance(found.asset_flows, AssetFlows)
    lines = balance_equation(opening.totals, opening.asset_flows, found.asset_flows, totals)
    assert not any(line.residue for line in lines)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, KeyPermissions(True, True, False, True)),
        ({"readOnly": 1}, KeyPermissions(True, False, False, True)),
        ({"ips": ["*"]}, KeyPermissions(True, True, False, False)),
        ({"permissions": {"Spot": [], "Wallet": ["Withdraw"]}}, KeyPermissions(False, False, True, True)),
    ],
    ids=str,
)
def test_key_information(bybit: Answers, run: Run, own: dict[str, Any], expected: KeyPermissions) -> None:
    allowed = {
        "ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"], "Wallet": ["AccountTransfer"],
        "Options": ["OptionsTrade"], "Derivatives": [], "CopyTrading": [], "BlockTrade": [], "Exchange": [],
        "NFT": [], "Affiliate": [], "Earn": [],
    }  # fmt: skip
    shown = {
        "id": "13770661", "note": "readwrite", "apiKey": "XXXXXX", "readOnly": 0, "secret": "", "permissions": allowed,
        "ips": ["43.1.2.3"], "type": 1, "deadlineDay": 83, "expiredAt": "2023-05-15T03:21:05Z", "uta": 1,
        "isMaster": True, "parentUid": "0",
    }  # fmt: skip
    bybit.give("/user/query-api", answer(**{**shown, **own}))
    assert run(bybit.wallet.account.key_permissions()) == expected
