"""The exposure of a live wallet, and the largest order that a refusal offers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.errors import InsufficientBalanceError
from moniqo_core.domain.live.exposure_limits import PendingBuy, exposure, open_buy
from moniqo_core.domain.live.order_rules import LiveDecision, VenueFunds
from moniqo_core.domain.live.order_updates import intend
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.portfolio.holding import Holding
from moniqo_core.domain.risk.limits import RiskLimits
from tests.support.user_wallets import active_wallet

D = Decimal
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MARKET = Market("BTC/USDT", "BTC", "USDT", D("0.01"), D("0.00001"), D("0.00001"), D(5))
MIDS = {"BTC/USDT": D(50_000), "ETH/BTC": D("0.06"), "ETH/USDT": D(3_000)}
LIMITS = RiskLimits(D(1_000_000), D(1_000_000), 50, daily_loss_limit_usd=D(100_000))
WALLET = active_wallet(LIMITS, NOON)


def order(side: OrderSide, amount: str, price: str | None = None) -> OrderRequest:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    return OrderRequest("BTC/USDT", side, kind, D(amount), price=(price and D(price)) or None, client_order_id="mine")


def refused_amount(request: OrderRequest, free: dict[str, str]) -> Decimal:
    """Return the amount that the refusal of an order suggests."""
    held = {asset: Holding(D(amount)) for asset, amount in free.items()}
    decision = LiveDecision(request, WALLET, None, 0, MARKET, NOON, funds=VenueFunds(held, MIDS, NOON))
    with pytest.raises(InsufficientBalanceError) as refusal:
        decision.check()
    suggested = refusal.value.members["suggested_amount"]
    assert isinstance(suggested, Decimal)
    return suggested


def test_pending_purchase_for_an_amount_of_bitcoin_counts_in_dollars() -> None:
    spends = PendingBuy("ETH/BTC", None, D("0.02"), None)

    found = exposure(order(OrderSide.BUY, "0.001"), MARKET, {}, [spends], MIDS)

    assert found.others["ETH"].pending_buys_usd == D(1_000)


def test_pending_limit_purchase_counts_at_the_higher_of_limit_and_mid() -> None:
    above = PendingBuy("ETH/BTC", D(2), D(0), D("0.07"))
    below = PendingBuy("ETH/BTC", D(2), D(0), D("0.05"))

    counted = [
        exposure(order(OrderSide.BUY, "0.001"), MARKET, {}, [buy], MIDS).others["ETH"].usd for buy in (above, below)
    ]

    assert counted == [D(7_000), D(6_000)]


def test_earn_and_staked_forms_count_as_their_coin() -> None:
    held = {"BTC": D("0.1"), "LDBTC": D("0.2"), "BTC.F": D("0.1"), "ETH.S": D(1), "LDUSDT": D(500), "DEAD": D(5)}

    found = exposure(order(OrderSide.BUY, "0.1"), MARKET, held, [], MIDS)

    assert (found.value, found.others_usd, found.positions) == (D(25_000), D(3_000), 2)


def test_dollar_token_below_par_lowers_the_exposure_of_what_it_prices() -> None:
    mids = MIDS | {"USDT/USD": D("0.5")}

    found = exposure(order(OrderSide.BUY, "0.1"), MARKET, {"ETH": D(2)}, [], mids)

    assert (found.order_usd, found.others["ETH"].usd) == (D(2_500), D(3_000))


@pytest.mark.parametrize(
    ("request_", "free", "suggested"),
    [
        (order(OrderSide.SELL, "1"), {"BTC": "0.009995"}, "0.00999"),
        (order(OrderSide.BUY, "1"), {"USDT": "1000"}, "0.02"),
        (order(OrderSide.BUY, "1", "40000"), {"USDT": "1000"}, "0.025"),
        (order(OrderSide.BUY, "1"), {}, "0"),
    ],
    ids=["sale", "market_purchase", "limit_purchase", "nothing_free"],
)
def test_refusal_suggests_the_largest_amount_in_whole_lots(
    request_: OrderRequest, free: dict[str, str], suggested: str
) -> None:
    assert refused_amount(request_, free) == D(suggested)


def test_debt_in_one_asset_makes_no_room_for_another() -> None:
    held = {"ETH": D(-10), "BTC": D("0.2")}

    found = exposure(order(OrderSide.BUY, "0.1"), MARKET, held, [PendingBuy("ETH/USDT", D(2), D(0), D(3_000))], MIDS)

    assert (found.value, found.others_usd, found.total) == (D(15_000), D(0), D(15_000))


def test_buy_that_only_reduces_a_debt_is_no_exposure() -> None:
    found = exposure(order(OrderSide.BUY, "0.1"), MARKET, {"BTC": D("-0.5"), "ETH": D(2)}, [], MIDS)

    assert (found.value, found.total) == (D(0), D(6_000))
    assert found.room(D(10_000)) == D("0.7")


@pytest.mark.parametrize(
    ("request_", "free"),
    [(order(OrderSide.BUY, "0.1"), {"USDT": "-500"}), (order(OrderSide.SELL, "0.1"), {"BTC": "-2"})],
)
def test_debt_covers_no_amount_of_an_order(request_: OrderRequest, free: dict[str, str]) -> None:
    assert refused_amount(request_, free) == 0


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ({"amount": D(1)}, PendingBuy("BTC/USDT", D("0.6"), D(0), None)),
        ({"amount": None, "quote_amount": D(50_000)}, PendingBuy("BTC/USDT", None, D(30_000), None)),
        ({"amount": None, "quote_amount": D(10_000)}, PendingBuy("BTC/USDT", None, D(0), None)),
    ],
    ids=["amount", "quote_amount", "more_was_spent"],
)
def test_open_purchase_counts_with_what_has_not_filled(wanted: dict[str, Any], left: PendingBuy) -> None:
    asked = OrderRequest("BTC/USDT", OrderSide.BUY, OrderType.MARKET, **wanted, client_order_id="mine")
    sent = intend(asked, user_wallet_id="w", user_id="u", venue="v", seq=1, venue_client_id="ff", token="t", now=NOON)

    partly_filled = replace(sent, amount=D(1), filled_amount=D("0.4"), filled_quote=D(20_000))

    assert open_buy(partly_filled) == left
