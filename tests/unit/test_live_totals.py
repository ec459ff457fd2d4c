"""Running totals of live wallets, compared with sums that are made from all fills at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from moniqo_core.domain.live.totals import LiveTotals, no_totals, with_fills, with_transfers
from moniqo_core.domain.live.transfers import Transfer
from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.order import Fill, OrderSide
from moniqo_core.venues.ccxt.parsing import VenueFill, position_of

D = Decimal
START = datetime(2026, 5, 4, tzinfo=UTC)
AMOUNTS = st.integers(1, 400).map(lambda number: D(number) / 100)
PRICES = st.integers(1, 900).map(D)


@st.composite
def fills(draw: st.DrawFn) -> list[Fill]:
    """Return fills of one symbol, each of an order of its own. Fees are in the base, the quote or a third asset."""
    made = []
    for number in range(draw(st.integers(1, 12))):
        amount, asset = draw(AMOUNTS), draw(st.sampled_from(["BTC", "USDT", "BNB"]))
        fee = amount / 1000 if asset == "BTC" else draw(st.sampled_from([ZERO, D("0.1")]))
        side = draw(st.sampled_from(OrderSide))
        at = START + timedelta(minutes=number)
        quote = amount * draw(PRICES)
        made.append(Fill(f"f{number}", f"o-{number}-1", "BTC/USDT", side, amount, quote, (), fee, asset, None, at))
    return made


def after_each(made: list[Fill]) -> LiveTotals:
    totals = no_totals(1, START)
    for fill in made:
        totals = with_fills(totals, 2, [fill], [("BTC/USDT", fill.order_id)])
    return totals


def as_venue_fill(fill: Fill) -> VenueFill:
    return VenueFill(
        fill_id=fill.fill_id,
        order_id=fill.order_id,
        symbol=fill.symbol,
        side=fill.side,
        price=fill.price,
        amount=fill.amount,
        quote=fill.quote,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        liquidity=None,
        at=fill.at,
    )


@given(fills())
def test_position_is_the_one_that_the_venue_shows(made: list[Fill]) -> None:
    assert after_each(made).positions["BTC/USDT"] == position_of(map(as_venue_fill, made), "BTC")


@given(fills())
def test_closed_trades_add_up_to_what_was_realised(made: list[Fill]) -> None:
    """Realised PnL = the results of closed trades less the fees of what is still held."""
    totals = after_each(made)
    held = totals.positions["BTC/USDT"]
    counted = totals.trades.symbols.get("BTC/USDT")
    if counted is None:
        assert held.realised == held.amount == 0
        return
    assert counted.amount == held.amount
    assert counted.fees == held.fees
    assert abs(counted.gains - counted.lost - counted.entry_fees - held.realised) < D("1e-20")
    assert (counted.trades, dict(counted.open_sales)) == (_sales_of_something(made), {})


def _sales_of_something(made: list[Fill]) -> int:
    held, sales = ZERO, 0
    for fill in made:
        kept = fill.fee if fill.fee_currency == "BTC" else ZERO
        if fill.side is OrderSide.BUY:
            held += fill.amount - kept
        else:
            sales += held > 0
            held = max(held - fill.amount - kept, ZERO)
    return sales


@given(fills())
def test_fees_in_other_assets_are_kept_apart(made: list[Fill]) -> None:
    paid = sum((fill.fee for fill in made if fill.fee_currency == "BNB"), ZERO)
    assert after_each(made).other_fees.get("BNB", ZERO) == paid


def test_sale_stays_open_until_its_order_ends() -> None:
    def fill(side: OrderSide, order: str, quote: str) -> Fill:
        return Fill(f"{order}:{quote}", order, "BTC/USDT", side, D(1), D(quote), (), ZERO, "USDT", None, START)

    bought = with_fills(
        no_totals(1, START), 2, [fill(OrderSide.BUY, "o-1-1", "10"), fill(OrderSide.BUY, "o-1-1", "20")], []
    )
    half = with_fills(bought, 3, [fill(OrderSide.SELL, "o-2-1", "25")], [])
    assert half.trades.symbols["BTC/USDT"].trades == 0

    sold = with_fills(half, 4, [fill(OrderSide.SELL, "o-2-1", "35")], [("BTC/USDT", "o-2-1")])

    totals = sold.trades.symbols["BTC/USDT"]
    assert (totals.trades, totals.best, sold.positions["BTC/USDT"].realised) == (1, D(30), D(30))


def test_transfers_add_up_by_asset() -> None:
    totals = with_transfers(no_totals(1, START), [Transfer("USDT", D(50), D(1)), Transfer("BTC", D(1), None)])

    assert with_transfers(totals, [Transfer("USDT", D(-20), D(1))]).transfers == {"USDT": D(30), "BTC": D(1)}


@given(fills())
def test_positions_begin_and_end_where_the_holding_does(made: list[Fill]) -> None:
    totals, held = no_totals(1, START), D(0)
    for seq, fill in enumerate(made, 2):
        before, totals = totals, with_fills(totals, seq, [fill], [])
        held = totals.positions["BTC/USDT"].amount
        opened = before.records.open.get("BTC/USDT")
        if held:
            record = totals.records.open["BTC/USDT"]
            assert record.bought - record.sold == held
            assert record.opened_at == (fill.at if opened is None else opened.opened_at)
        elif opened is not None:
            closed = totals.records.closed[-1]
            assert (closed.closed_at, closed.closed_seq, closed.bought) == (fill.at, seq, closed.sold)
            assert totals.records.open == {}

    realised = sum((each.realised for each in (*totals.records.closed, *totals.records.open.values())), start=ZERO)
    assert abs(realised - totals.positions["BTC/USDT"].realised) < D("1e-20")
