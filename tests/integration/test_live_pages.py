"""Pages of live orders and fills: none is skipped or repeated at equal times, and a late page reads no newer fills."""

from __future__ import annotations

import secrets
from datetime import timedelta
from decimal import Decimal
from itertools import product
from random import Random

import pytest

from moniqo_core.domain.live.order import LiveOrder
from moniqo_core.domain.orders.list_queries import FillQuery, OrderPosition, OrderQuery
from moniqo_core.domain.orders.order import Fill, OrderSide, OrderStatus, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.storage.live.fills import FILLS, LiveFillStore, fill_insert, fill_to_store
from moniqo_core.storage.live.live_order_codec import ORDERS, live_document
from moniqo_core.storage.live.orders_of_owner import LiveOrdersOfOwner
from tests.conftest import Database, Run
from tests.support.database_cost import database_cost, examined
from tests.support.engine import NOON

D = Decimal
USER = "user"
WALLETS = ["first", "second", "third"]


def order(wallet: str, seq: int, drawn: Random) -> LiveOrder:
    """Several orders share one of ten milliseconds."""
    at = NOON + timedelta(milliseconds=seq // 3)
    side = drawn.choice(list(OrderSide))
    return LiveOrder(
        user_wallet_id=wallet,
        user_id=USER,
        venue="binance-spot-v1",
        seq=seq,
        venue_client_id=secrets.token_hex(8),
        token=secrets.token_hex(8),
        body_hash="hash",
        request=OrderRequest(drawn.choice(("BTC/USDT", "ETH/USDT")), side, OrderType.LIMIT, D(1), price=D(2)),
        created_at=at,
        updated_at=at,
        status=drawn.choice((OrderStatus.OPEN, OrderStatus.CANCELLED)),
        status_history=((OrderStatus.OPEN, at),),
        reconcile_at=None,
        amount=D(1),
        fee_currency="USDT",
    )


ORDER_QUERIES = [
    OrderQuery(4),
    OrderQuery(4, symbol="BTC/USDT"),
    OrderQuery(4, only_open=False, side=OrderSide.SELL),
    OrderQuery(4, since=NOON + timedelta(milliseconds=3), until=NOON + timedelta(milliseconds=8)),
]


def is_wanted(order: LiveOrder, query: OrderQuery) -> bool:
    return (
        query.symbol in {None, order.request.symbol}
        and (query.only_open is None or query.only_open is (order.status is OrderStatus.OPEN))
        and query.admits(order.request.side, order.request.type, None, order.created_at)
    )


@pytest.mark.parametrize("query", ORDER_QUERIES)
def test_pages_of_orders_neither_skip_nor_repeat_at_equal_times(
    query: OrderQuery, database: Database, run: Run, seed: int
) -> None:
    drawn = Random(seed)
    orders = [order(wallet, seq, drawn) for wallet, seq in product([*WALLETS, "deleted"], range(1, 31))]
    run(database[ORDERS].insert_many([live_document(each) for each in orders]))
    listed = LiveOrdersOfOwner(database, USER, WALLETS)

    def position(order: LiveOrder) -> OrderPosition:
        return OrderPosition(order.created_at, order.user_wallet_id, order.seq, 1)

    expected = sorted(
        (position(each) for each in orders if each.user_wallet_id in WALLETS and is_wanted(each, query)), reverse=True
    )
    found: list[OrderPosition] = []
    while page := run(listed.page(query, found[-1] if found else None)):
        found += [position(each) for each in page]
        assert len(page) == query.limit or len(found) == len(expected)
    assert found == expected
    # A cursor outside of the asked time belongs to no page of the list, and still shows no order outside of it.
    for moment in (NOON - timedelta(days=1), NOON + timedelta(days=1)):
        page = run(listed.page(query, OrderPosition(moment, "zzz", 1, 1)))
        assert [position(each) for each in page] == (expected[: query.limit] if moment > NOON else [])


def fill(number: int, drawn: Random) -> Fill:
    # A float of these times is less than they are, for some of them.
    at = NOON + timedelta(milliseconds=number // 4 * 7)
    symbol = drawn.choice(("BTC/USDT", "ETH/USDT"))
    values = (D(1), D(2), (), D("0.1"), "USDT", None)
    return Fill(f"f-{number}", "o-1-1", symbol, OrderSide.BUY, *values, at)


FILL_QUERIES = [
    FillQuery(5),
    FillQuery(5, symbol="BTC/USDT"),
    FillQuery(5, since=NOON + timedelta(milliseconds=20), until=NOON + timedelta(milliseconds=150)),
]


async def store_fills(database: Database, fills: list[Fill]) -> LiveFillStore:
    filled = order("first", 1, Random(1))
    writes = [fill_insert(database.name, fill_to_store(filled, fill)) for fill in fills]
    await database.client.bulk_write(writes)
    return LiveFillStore(database)


@pytest.mark.parametrize("query", FILL_QUERIES)
def test_pages_of_fills_neither_skip_nor_repeat_at_equal_times(
    query: FillQuery, database: Database, run: Run, seed: int
) -> None:
    drawn = Random(seed)
    fills = [fill(number, drawn) for number in range(100)]
    store = run(store_fills(database, fills))

    found: list[Fill] = []
    cursor = None
    while True:
        page, cursor = run(store.page("first", query._replace(after=cursor)))
        found += page
        if cursor is None:
            break
        assert len(page) == query.limit
    wanted = [
        each
        for each in fills
        if query.symbol in {None, each.symbol}
        and (query.since is None or each.at >= query.since)
        and (query.until is None or each.at < query.until)
    ]
    assert sorted(each.fill_id for each in found) == sorted(each.fill_id for each in wanted)
    assert [each.at for each in found] == sorted((each.at for each in wanted), reverse=True)


@pytest.mark.parametrize("milliseconds", [0, 2**53 - 1])
def test_cursor_of_fills_may_be_any_time(milliseconds: int, database: Database, run: Run) -> None:
    store = run(store_fills(database, [fill(number, Random(1)) for number in range(8)]))
    page, _ = run(store.page("first", FillQuery(5, after=(milliseconds, 0))))
    assert len(page) == (5 if milliseconds else 0)


def test_late_page_of_fills_reads_none_that_are_newer(database: Database, run: Run) -> None:
    fills = [fill(number, Random(1)) for number in range(200)]
    store = run(store_fills(database, fills))
    _, cursor = run(store.page("first", FillQuery(180)))

    with database_cost() as cost:
        page, _ = run(store.page("first", FillQuery(10, after=cursor)))

    assert len(page) == 10
    assert run(examined(database, cost, FILLS)) <= 24
