"""Coinbase's own answers, field by field. https://docs.cdp.coinbase.com/api-reference/advanced-trade-api."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
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
from tests.support.venues.coinbase import FakeCoinbase

D = Decimal
BITCOIN: dict[str, Any] = {
    "product_id": "BTC-USDC", "price": "66363.03", "price_percentage_change_24h": "9.43", "volume_24h": "1908432",
    "base_increment": "0.00000001", "quote_increment": "0.01", "quote_min_size": "1", "quote_max_size": "150000000",
    "base_min_size": "0.00000001", "base_max_size": "3400", "base_name": "Bitcoin", "quote_name": "USDC",
    "watched": True, "is_disabled": False, "new": False, "status": "online", "cancel_only": False,
    "limit_only": False, "post_only": False, "trading_disabled": False, "auction_mode": False,
    "product_type": "SPOT", "quote_currency_id": "USDC", "base_currency_id": "BTC",
    "fcm_trading_session_details": None, "mid_market_price": "66367.585", "alias": "", "alias_to": [],
    "base_display_symbol": "BTC", "quote_display_symbol": "USDC", "view_only": False, "price_increment": "0.1",
    "display_name": "BTC-USDC", "product_venue": "CBE", "approximate_quote_24h_volume": "1908432",
}  # fmt: skip
CARDANO = changed(
    BITCOIN, product_id="ADA-USDT", price="0.392", base_currency_id="ADA", quote_currency_id="USDT",
    mid_market_price="", price_increment="0.0001", base_min_size="1", base_increment="0.01",
)  # fmt: skip
ORDER = "01b6e467-b659-432f-9490-c7cefe949564"


@pytest.fixture
def coinbase() -> Iterator[Answers]:
    with answers_of(FakeCoinbase()) as answers:
        answers.give("/market/products/BTC-USDC/ticker", TICKER)
        answers.give("/market/products/BTC-USDC/candles", CANDLES)
        answers.give("/market/products", {"products": [BITCOIN, CARDANO], "num_products": 2})
        yield answers


TICKER: dict[str, Any] = {
    "trades": [
        {
            "trade_id": "635541194", "product_id": "BTC-USDC", "price": "66363.03", "size": "0.03720194",
            "time": "2024-04-24T09:56:38.063595Z", "side": "BUY", "bid": "", "ask": "",
        }
    ],
    "best_bid": "66367.58",
    "best_ask": "66367.59",
}  # fmt: skip
CANDLES = {
    "candles": [
        {
            "start": "1713949200",
            "low": "66100.5",
            "high": "66500",
            "open": "66300.1",
            "close": "66363.03",
            "volume": "9.5",
        },
        {
            "start": "1713945600",
            "low": "66000",
            "high": "66400",
            "open": "66200",
            "close": "66300.1",
            "volume": "0.0375",
        },
    ]
}


def test_products(coinbase: Answers, run: Run) -> None:
    most: dict[str, Any] = {"max_amount": D(3400), "max_notional": D(150_000_000)}
    assert run(coinbase.wallet.get_markets()) == [
        Market("ADA/USDT", "ADA", "USDT", D("0.0001"), D("0.01"), D(1), D(1), **most),
        Market("BTC/USDC", "BTC", "USDC", D("0.1"), D("0.00000001"), D("0.00000001"), D(1), **most),
    ]
    assert run(coinbase.wallet.mids()) == {"BTC/USDC": D("66367.585"), "ADA/USDT": D("0.392")}


def test_order_book_and_ticker(coinbase: Answers, run: Run) -> None:
    book = {
        "product_id": "BTC-USDC",
        "bids": [{"price": "66367.58", "size": "0.125"}, {"price": "66367.5", "size": "1"}],
        "asks": [{"price": "66367.59", "size": "0.5"}],
        "time": "2024-04-24T09:56:40.123456Z",
    }
    coinbase.give("/product_book", {"pricebook": book, "last": "66363.03", "mid_market": "66367.585"})
    shown = run(coinbase.wallet.get_snapshot("BTC/USDC"))
    assert shown == Snapshot(
        "BTC/USDC",
        datetime(2024, 4, 24, 9, 56, 40, 123000, UTC),
        D("66363.03"),
        [PriceLevel(D("66367.58"), D("0.125")), PriceLevel(D("66367.5"), D(1))],
        [PriceLevel(D("66367.59"), D("0.5"))],
        shown.source,
    )


def test_candles(coinbase: Answers, run: Run) -> None:
    assert run(coinbase.wallet.get_candles("BTC/USDC", "1h", 2, since=at(1713945600_000))) == [
        candle(1713945600_000, "66200", "66400", "66000", "66300.1", "0.0375"),
        candle(1713949200_000, "66300.1", "66500", "66100.5", "66363.03", "9.5"),
    ]


def account(currency: str, available: str, hold: str, kind: str = "ACCOUNT_TYPE_CRYPTO") -> dict[str, Any]:
    return {
        "uuid": "8bfc20d7-f7c6-4422-bf07-8243ca4169fe",
        "name": f"{currency} Wallet",
        "currency": currency,
        "available_balance": {"value": available, "currency": currency},
        "default": False,
        "active": True,
        "type": kind,
        "ready": True,
        "hold": {"value": hold, "currency": currency},
    }


def test_accounts(coinbase: Answers, run: Run) -> None:
    shown = [
        account("MASK", "0", "0"),
        account("ADA", "22.314018", "5.04716"),
        account("BTC", "1.23", "0.27"),
        account("EUR", "12.5", "0", "ACCOUNT_TYPE_FIAT"),
        account("USD", "1.23", "1.23", "FIAT"),
        account("BTC", "9", "0", "ACCOUNT_TYPE_VAULT"),
    ]
    coinbase.give("/brokerage/accounts", {"accounts": shown, "has_next": False, "cursor": "", "size": 5})
    assert run(coinbase.wallet.get_balance()) == [
        held("ADA", "22.314018", "5.04716"),
        held("BTC", "1.23", "0.27"),
        held("EUR", "12.5", "0"),
        held("USD", "1.23", "1.23"),
    ]


MARKET: dict[str, Any] = {
    "order_id": ORDER, "product_id": "ADA-USDT", "user_id": "dbcb91e7-2bc9-5152-bb6f-72d6677e6727",
    "order_configuration": {"market_market_ioc": {"base_size": "10"}}, "side": "SELL",
    "client_order_id": "a0f970a2-05fa-4e1f-9517-f6702c33cfd1", "status": "FILLED",
    "time_in_force": "IMMEDIATE_OR_CANCEL", "created_time": "2023-11-26T10:19:47.423220Z",
    "completion_percentage": "100.00", "filled_size": "10", "average_filled_price": "0.392", "fee": "",
    "number_of_fills": "1", "filled_value": "3.92", "pending_cancel": False, "size_in_quote": False,
    "total_fees": "0.03136", "size_inclusive_of_fees": False, "total_value_after_fees": "3.88864",
    "trigger_status": "INVALID_ORDER_TYPE", "order_type": "MARKET", "reject_reason": "REJECT_REASON_UNSPECIFIED",
    "settled": True, "product_type": "SPOT", "outstanding_hold_amount": "0", "edit_history": [], "leverage": "",
    "margin_type": "UNKNOWN_MARGIN_TYPE", "last_fill_time": "2023-11-26T10:19:47.504Z",
}  # fmt: skip
UNFILLED: dict[str, Any] = {
    "filled_size": "0", "filled_value": "0", "average_filled_price": "0", "total_fees": "0", "number_of_fills": "0",
}  # fmt: skip
PLACED_AT = datetime(2023, 11, 26, 10, 19, 47, 423000, UTC)
SOLD = OrderResult(
    ORDER,
    "ADA/USDT",
    OrderSide.SELL,
    OrderType.MARKET,
    OrderStatus.FILLED,
    None,
    D(10),
    D(10),
    D("0.392"),
    D("0.03136"),
    "USDT",
    PLACED_AT,
    client_order_id="a0f970a2-05fa-4e1f-9517-f6702c33cfd1",
    filled_quote=D("3.92"),
)


def test_closed_orders_and_order_by_id(coinbase: Answers, run: Run) -> None:
    coinbase.give("/historical/batch", {"orders": [MARKET], "sequence": "0", "has_next": False, "cursor": "748478308"})
    assert run(coinbase.wallet.get_order_history()) == [SOLD]
    coinbase.give(f"/historical/{ORDER}", {"order": MARKET})
    assert run(coinbase.wallet.get_order_status(ORDER, "ADA/USDT")) == SOLD


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("PENDING", OrderStatus.OPEN),
        ("OPEN", OrderStatus.OPEN),
        ("QUEUED", OrderStatus.OPEN),
        ("CANCEL_QUEUED", OrderStatus.OPEN),
        ("EDIT_QUEUED", OrderStatus.OPEN),
        ("CANCELLED", OrderStatus.CANCELLED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("FAILED", OrderStatus.REJECTED),
        ("UNKNOWN_ORDER_STATUS", OrderStatus.UNKNOWN),
    ],
)
def test_status(coinbase: Answers, run: Run, status: str, expected: OrderStatus) -> None:
    own = {"status": status, "time_in_force": "GOOD_UNTIL_DATE_TIME"}
    coinbase.give(f"/historical/{ORDER}", {"order": {**MARKET, **UNFILLED, **own}})
    assert run(coinbase.wallet.get_order_status(ORDER, "ADA/USDT")).status is expected


def test_open_stop_limit_order(coinbase: Answers, run: Run) -> None:
    stop = {
        "base_size": "10",
        "limit_price": "0.38",
        "stop_price": "0.385",
        "stop_direction": "STOP_DIRECTION_STOP_DOWN",
    }
    own: dict[str, Any] = {
        "order_configuration": {"stop_limit_stop_limit_gtc": stop}, "order_type": "STOP_LIMIT", "status": "OPEN",
        "time_in_force": "GOOD_UNTIL_CANCELLED", "trigger_status": "STOP_PENDING", "settled": False,
    }  # fmt: skip
    coinbase.give("/historical/batch", {"orders": [{**MARKET, **UNFILLED, **own}], "has_next": False, "cursor": ""})
    assert run(coinbase.wallet.get_open_orders()) == [
        OrderResult(
            ORDER,
            "ADA/USDT",
            OrderSide.SELL,
            OrderType.STOP_LIMIT,
            OrderStatus.OPEN,
            D("0.38"),
            D(10),
            D(0),
            None,
            D(0),
            "USDT",
            PLACED_AT,
            client_order_id="a0f970a2-05fa-4e1f-9517-f6702c33cfd1",
        )
    ]


def test_placed_order(coinbase: Answers, run: Run) -> None:
    success = {"order_id": ORDER, "product_id": "ADA-USDT", "side": "SELL", "client_order_id": "0000-00000-000000"}
    coinbase.give(f"/historical/{ORDER}", {"order": MARKET})
    coinbase.give("/brokerage/orders", {"success": True, "success_response": success}, "POST")
    order = OrderRequest("ADA/USDT", OrderSide.SELL, OrderType.MARKET, D(10))
    assert run(coinbase.wallet.send_order(order, f"{1:032x}")) == SOLD


FILL: dict[str, Any] = {
    "entry_id": "dc7424ac5193601ae273cf704ece1667", "trade_id": "19fc7eee-f4b4-40a7-8104-033da1db5311",
    "order_id": ORDER, "trade_time": "2023-11-26T10:19:47.504Z", "trade_type": "FILL", "price": "0.392",
    "size": "10", "commission": "0.03136", "product_id": "ADA-USDT",
    "sequence_timestamp": "2023-11-26T10:19:47.507001Z", "liquidity_indicator": "TAKER", "size_in_quote": False,
    "user_id": "dbcb91e7-2bc9-5152-bb6f-72d6677e6727", "side": "SELL",
}  # fmt: skip


def test_fills(coinbase: Answers, run: Run) -> None:
    coinbase.give("/historical/fills", {"fills": [FILL], "cursor": ""})
    assert run(coinbase.wallet.get_fills("ADA/USDT")) == [
        VenueFill(
            "19fc7eee-f4b4-40a7-8104-033da1db5311",
            ORDER,
            "ADA/USDT",
            OrderSide.SELL,
            D("0.392"),
            D(10),
            D("3.92"),
            D("0.03136"),
            "USDT",
            "taker",
            datetime(2023, 11, 26, 10, 19, 47, 504000, UTC),
        )
    ]


def test_adjusted_fills_have_ids_of_their_own(coinbase: Answers, run: Run) -> None:
    kinds = ["FILL", "REVERSAL", "CORRECTION", "SYNTHETIC"]
    rows = [changed(FILL, trade_type=kind, liquidity_indicator="UNKNOWN_LIQUIDITY_INDICATOR") for kind in kinds]
    coinbase.give("/historical/fills", {"fills": rows, "cursor": ""})
    found = run(coinbase.wallet.get_fills("ADA/USDT"))
    assert len({fill.fill_id for fill in found}) == len(kinds)
    assert {fill.liquidity for fill in found} == {None}


def test_liquidity_of_tomorrow_costs_no_fill(coinbase: Answers, run: Run) -> None:
    coinbase.give("/historical/fills", {"fills": [changed(FILL, liquidity_indicator="AUCTION")], "cursor": ""})
    (fill,) = run(coinbase.wallet.get_fills("ADA/USDT"))
    assert fill.liquidity is None


@pytest.mark.parametrize("allowed", [(True, True, False), (True, False, True), (False, False, False)])
def test_key_permissions(coinbase: Answers, run: Run, allowed: tuple[bool, bool, bool]) -> None:
    view, trade, transfer = allowed
    shown = {"can_view": view, "can_trade": trade, "can_transfer": transfer, "portfolio_type": "DEFAULT"}
    coinbase.give("/key_permissions", shown)
    assert run(coinbase.wallet.account.key_permissions()) == KeyPermissions(view, trade, transfer, None)
