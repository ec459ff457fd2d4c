"""A sell by quote amount sells the smallest amount that brings it in, compared with trying every size."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from moniqo_core.domain import money
from moniqo_core.domain.errors import OrderRejectedError
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.ledger.rules import ALL_RULES
from moniqo_core.domain.market.market import Market, PriceLevel, Snapshot
from moniqo_core.domain.matching.taker_fills import amount_for_quote, market_order_cost
from moniqo_core.domain.money import EXACT, exact
from moniqo_core.domain.orders.order import OrderSide
from tests.support.engine_harness import START, EngineHarness

D = Decimal


def sale_of(draft: AccountDraft, quote: str | Decimal, context: MarketContext) -> Decimal:
    with exact():
        return amount_for_quote(draft, OrderSide.SELL, D(quote), context)


def one_bid(tick: str = "1", lot: str = "0.01", size: str = "200", price: str = "100") -> MarketContext:
    market = Market("BTC/USDT", "BTC", "USDT", D(tick), D(lot), D(lot), D(0))
    bid, ask = PriceLevel(D(price), D(size)), PriceLevel(D(price) + D(tick), D(1))
    return MarketContext(market, Snapshot("BTC/USDT", START, D(price), [bid], [ask], "test"), {}, D(1))


def on_terms(harness: EngineHarness, version: int, slippage_bps: str) -> AccountDraft:
    terms = replace(harness.account.terms, slippage_bps=D(slippage_bps))
    return AccountDraft(replace(harness.account, terms=terms), START, ALL_RULES[version])


def test_sale_beyond_the_shown_book_is_the_smallest_lot_that_is_enough() -> None:
    harness, context = EngineHarness("1000000"), one_bid(size="2")
    # 2 sell at 100 and 18.91 at 99: 2,072.09, less a fee of 2.07209, is enough. One lot less brings in 2,069.0289.
    # From 21.05 on, everything beyond the book sells at 98, and only 21.11 is enough again.
    assert sale_of(on_terms(harness, 2, "10.5"), "2070", context) == D("20.91")
    assert sale_of(on_terms(harness, 1, "10.5"), "2070", context) == D("21.11")


def test_first_rules_search_as_they_always_did() -> None:
    # 61 is enough too. Which of them the search finds depends on where it begins.
    context = one_bid(lot="1", size="17", price="40")
    assert sale_of(on_terms(EngineHarness("1000000"), 1, "100"), "2312", context) == 59


@pytest.mark.parametrize("seed", range(400))
def test_no_smaller_sale_is_enough(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = Random(seed)
    if rng.random() < 0.3:
        monkeypatch.setattr(money, "FIAT", frozenset({"USDT"}))
    harness = EngineHarness("1000000")
    tick, lot = D(rng.choice(("1", "0.5", "0.01"))), D(rng.choice(("0.01", "0.1", "1", "0.00001")))
    ticks, levels = rng.choice((5, 40, 300, 5000)), []
    for _ in range(rng.randrange(1, 4)):
        levels.append(PriceLevel(ticks * tick, lot * rng.randrange(1, 90) + rng.choice((D(0), lot / 3))))
        ticks -= rng.randrange(1, 4)
    levels = [level for level in levels if level.price > 0]
    market = Market("BTC/USDT", "BTC", "USDT", tick, lot, lot, D(0))
    asks = [PriceLevel(levels[0].price + tick, D(1))]
    context = MarketContext(market, Snapshot("BTC/USDT", START, asks[0].price, levels, asks, "test"), {}, D(1))
    rate, bps = D(rng.choice(("0", "0.1", "5", "0.013"))), D(rng.choice((0, 5, 40, 400)))
    terms = replace(harness.account.terms, taker_fee_percent=rate, slippage_bps=bps)
    draft = AccountDraft(replace(harness.account, terms=terms), START)
    with exact():
        if rng.random() < 0.5:
            draft.taken["BTC/USDT@test", OrderSide.SELL] = {
                level: level.amount * rng.randrange(1, 12) / D(8) for level in levels if rng.random() < 0.7
            }
        most = int(sum((level.amount for level in levels), D(0)) / lot)
        brought = [market_order_cost(draft, OrderSide.SELL, lots * lot, context) for lots in range(1, 4 * most + 20)]
        finite = [value for value in brought if value.is_finite()]
        wanted = EXACT.create_decimal(
            rng.choice((rng.choice(finite), max(finite)))
            if rng.random() < 0.6
            else max(finite) * rng.randrange(1, 1000) / 1000
        )
        wanted = max(wanted.quantize(D(rng.choice(("0.0001", "0.00000001", "1")))), D("0.0001"))
        expected = next((lots * lot for lots, value in enumerate(brought, 1) if value >= wanted), None)
        if expected is not None:
            assert sale_of(draft, wanted, context) == expected


def test_last_part_of_the_book_sells_although_it_is_no_whole_lot_and_nothing_is_paid_beyond_it() -> None:
    context = one_bid(tick="0.01", lot="1", size="155.5", price="0.01")
    # A sale of 156 brings in 1.555 for what is shown, and nothing for the rest, less a fee of 0.1%.
    draft = on_terms(EngineHarness("1000000"), 2, "5")
    assert sale_of(draft, "1.553445", context) == 156
    assert sale_of(draft, "1.553446", context) > 1000, "more than the market fills"


def test_sale_that_no_size_brings_in_is_refused_by_the_depth() -> None:
    harness = EngineHarness("1000000")
    harness.place("buy", "market", "1")
    harness.book(("0", "0.001"))
    with pytest.raises(OrderRejectedError) as refused:
        harness.place("sell", "market", quote_amount="49000")
    assert refused.value.members["limit_type"] == "market_depth"


@pytest.mark.parametrize("side", list(OrderSide))
def test_enormous_quote_amount_is_a_refusal(side: OrderSide) -> None:
    harness = EngineHarness("1000000")
    context = one_bid(tick="0.00000001", lot="0.00000001", price="0.00000002")
    with exact():
        amount = amount_for_quote(harness.walk(), side, D("999999999999999999"), context)
    assert amount > 0
