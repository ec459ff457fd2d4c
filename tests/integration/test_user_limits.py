"""Limits of a user: orders and syncs per minute, and wallets. Exact under races, without effect on others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from moniqo_core import bootstrap, event_loop
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import RateLimitExceededError
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.http.schemas.wallets.requests import CreateWalletRequest
from moniqo_core.services.shared.user_quotas import MINUTE
from moniqo_core.storage.rate_counters import COLLECTION, RateCounters
from moniqo_core.storage.wallets.wallet_slots import GRACE, WalletSlots
from tests.conftest import Database, Run
from tests.support.lambdas import STRANGER, TRADER, Answer, Invoke, User
from tests.support.round_trips import round_trips
from tests.support.wallets import aws, create, new_wallet

__all__ = ["aws"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")

ORDER: dict[str, Any] = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001"}
NEVER_MADE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CONNECTIONS = 8
"""The pool of an execution environment."""


@pytest.fixture(autouse=True)
def _within_one_minute(environment: pytest.MonkeyPatch) -> None:
    """Set every limit to three."""
    for name in ("ORDERS_PER_MINUTE", "SYNCS_PER_MINUTE", "WALLETS_PER_USER"):
        environment.setenv(name, "3")
    # Windows are minutes of the clock: longer ones do not end while a test runs.
    environment.setattr("moniqo_core.services.shared.user_quotas.MINUTE", timedelta(days=3650))
    bootstrap.settings.cache_clear()


def place(invoke: Invoke, wallet: str, user: User = TRADER, **fields: object) -> Answer:
    return invoke("place_order", "POST", f"/wallets/{wallet}/orders", user=user, body=ORDER | fields)


def assert_limited(answer: Answer, limit: int = 3, *, retryable: bool = True) -> None:
    assert (answer.status, answer.json["code"], answer.json["limit"]) == (429, "RATE_LIMIT_EXCEEDED", limit)
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json["retryable"] is retryable


def test_order_over_the_limit_is_429_and_not_placed(invoke: Invoke, database: Database, run: Run) -> None:
    wallet, theirs = create(invoke)["id"], create(invoke, user=STRANGER)["id"]
    assert [place(invoke, wallet).status for _ in range(3)] == [201] * 3
    before = run(database["demo_wallet_ledger"].count_documents({}))

    assert_limited(place(invoke, wallet))

    assert run(database["demo_wallet_ledger"].count_documents({})) == before
    assert place(invoke, theirs, STRANGER).status == 201


def test_closing_a_position_counts_as_an_order(invoke: Invoke) -> None:
    wallet = create(invoke)["id"]
    path, query = f"/wallets/{wallet}/positions/close", {"symbol": "BTC/USDT"}
    place(invoke, wallet)
    place(invoke, wallet)
    assert invoke("close_position", "POST", path, user=TRADER, query=query).status == 201
    assert_limited(place(invoke, wallet))
    assert_limited(invoke("close_position", "POST", path, user=TRADER, query=query))


def test_replacement_counts_as_an_order_and_its_repeat_does_not(invoke: Invoke) -> None:
    wallet = create(invoke)["id"]
    order = place(invoke, wallet, type="limit", price="20000").json["order_id"]

    def replace(price: str) -> Answer:
        return invoke("replace_order", "PATCH", f"/wallets/{wallet}/orders/{order}", user=TRADER, body={"price": price})

    assert [replace("21000").status for _ in range(3)] == [200] * 3
    assert place(invoke, wallet).status == 201
    assert_limited(replace("22000"))
    again = replace("21000")
    assert (again.status, again.json["price"]) == (200, "21000")


def test_refused_and_repeated_orders_do_not_count(invoke: Invoke) -> None:
    wallet = create(invoke)["id"]
    for _ in range(5):
        assert place(invoke, wallet, amount="900").status == 422
        assert place(invoke, NEVER_MADE).status == 404
        assert place(invoke, wallet, client_order_id="one").status in {200, 201}
        path = f"/wallets/{wallet}/positions/close"
        assert invoke("close_position", "POST", path, user=TRADER, query={"symbol": "ETH/USDT"}).status == 422
    assert [place(invoke, wallet).status for _ in range(3)] == [201, 201, 429]


def test_repeated_order_is_answered_at_the_limit(invoke: Invoke) -> None:
    wallet = create(invoke)["id"]
    first = place(invoke, wallet, client_order_id="one")
    assert [place(invoke, wallet).status for _ in range(3)] == [201, 201, 429]

    repeated = place(invoke, wallet, client_order_id="one")

    assert (repeated.status, repeated.json["order_id"]) == (200, first.json["order_id"])
    assert place(invoke, wallet, client_order_id="one", amount="0.002").json["code"] == "IDEMPOTENCY_MISMATCH"
    assert_limited(place(invoke, wallet, client_order_id="two"))


def test_cancelling_and_reading_have_no_limit(invoke: Invoke) -> None:
    wallet = create(invoke)["id"]
    ids = [place(invoke, wallet, type="limit", price="10000").json["order_id"] for _ in range(3)]
    assert_limited(place(invoke, wallet))
    for order_id in ids:
        path = f"/wallets/{wallet}/orders/{order_id}"
        assert invoke("cancel_order", "DELETE", path, user=TRADER).status == 200
        assert invoke("get_order", "GET", path, user=TRADER).status == 200


def test_manual_syncs_are_limited(invoke: Invoke) -> None:
    wallet = create(invoke)["id"]

    def sync(wallet_id: str, user: User = TRADER) -> Answer:
        return invoke("sync_balance", "POST", f"/wallets/{wallet_id}/sync-balance", user=user)

    assert [sync(NEVER_MADE).status for _ in range(4)] == [404] * 4
    assert [sync(wallet).status for _ in range(3)] == [200] * 3
    assert_limited(sync(wallet))
    assert len(invoke("get_sync_log", "GET", f"/wallets/{wallet}/sync-log", user=TRADER).json["items"]) == 3


def test_order_is_counted_in_its_commit(invoke: Invoke, database: Database, run: Run) -> None:
    wallet = create(invoke)["id"]
    place(invoke, wallet)  # reads the seed of the market
    with round_trips() as commands:
        assert place(invoke, wallet).status == 201
    assert commands == ["aggregate", "bulkWrite"]
    assert _counted(database, run) == 2


def test_order_at_the_limit_is_refused_by_the_read(invoke: Invoke) -> None:
    wallet = create(invoke)["id"]
    assert [place(invoke, wallet).status for _ in range(3)] == [201] * 3
    with round_trips() as commands:
        assert_limited(place(invoke, wallet))
    assert commands == ["aggregate"]


def test_order_that_lost_to_other_writers_counts_once(invoke: Invoke, database: Database, run: Run) -> None:
    """All orders are decided on the same entry, so all but one lose at least once."""
    wallet = create(invoke)["id"]
    outcomes = _at_once([_limit_order(wallet, number) for number in range(CONNECTIONS)])
    placed = sum(not isinstance(outcome, RateLimitExceededError) for outcome in outcomes)
    assert placed == 3
    assert _counted(database, run) == 3


def test_order_whose_answer_was_lost_counts_once(
    invoke: Invoke, database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same writes are sent again, also when the order was the last one below the limit."""
    wallet = create(invoke)["id"]
    place(invoke, wallet, amount="900")  # opens the connection
    client = bootstrap.database().client
    whole = client.bulk_write
    lost: list[bool] = []

    async def without_answer(models: Sequence[Any], **options: Any) -> object:
        lost.append(len(lost) % 2 == 0)
        answer = await whole(models, **options)
        if lost[-1]:
            raise AutoReconnect
        return answer

    monkeypatch.setattr(client, "bulk_write", without_answer)
    for count in (1, 2, 3):
        lost.clear()
        assert place(invoke, wallet).status == 201
        assert lost[0]
        assert _counted(database, run) == count
    assert_limited(place(invoke, wallet))


def _counted(database: Database, run: Run) -> int:
    (counter,) = run(database[COLLECTION].find().to_list())
    count: int = counter["count"]
    return count


def test_concurrent_orders_are_placed_up_to_exactly_the_limit(invoke: Invoke) -> None:
    wallet = create(invoke)["id"]
    outcomes = _at_once([_limit_order(wallet, number) for number in range(CONNECTIONS)])

    assert sum(isinstance(outcome, RateLimitExceededError) for outcome in outcomes) == CONNECTIONS - 3
    listed = invoke("list_orders", "GET", f"/wallets/{wallet}/orders", user=TRADER).json["items"]
    assert len(listed) == 3


def _limit_order(wallet: str, number: int) -> Coroutine[Any, Any, object]:
    wanted = OrderRequest(
        symbol="BTC/USDT",
        side=OrderSide.BUY,
        type=OrderType.LIMIT,
        amount=Decimal("0.001"),
        price=Decimal(10000),
        client_order_id=f"n{number}",
    )
    return bootstrap.orders().place(TRADER.id, wallet, wanted)


def _at_once(work: list[Coroutine[Any, Any, object]]) -> list[object]:
    """Run as many tasks at once as there are connections: waiting for a connection could time out on a busy machine."""
    assert len(work) == CONNECTIONS

    async def gathered() -> list[object]:
        return list(await asyncio.gather(*work, return_exceptions=True))

    outcomes = event_loop.run(gathered())
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, RateLimitExceededError):
            raise outcome
    return outcomes


def test_counter_restarts_with_each_window_and_expires(database: Database, run: Run) -> None:
    counters, now = RateCounters(database, MINUTE), utc_now().replace(second=0, microsecond=0)

    def take(after: float) -> bool:
        return run(counters.take("key", 2, now + timedelta(seconds=after)))

    assert [take(0), take(30), take(59.9)] == [True, True, False]
    assert [take(60), take(61), take(62)] == [True, True, False]
    run(counters.release("key", now + timedelta(seconds=61)))
    assert [take(63), take(64)] == [True, False]
    assert run(counters.take("another", 2, now))
    stored = run(database[COLLECTION].find().to_list())
    assert all(now + MINUTE < document["expires_at"] <= now + 4 * MINUTE for document in stored)
    (expiry,) = [index for index in run(_indexes(database)) if index["name"] == "expiry"]
    assert expiry["expireAfterSeconds"] == 0


async def _indexes(database: Database) -> list[Any]:
    return await (await database[COLLECTION].list_indexes()).to_list()


def test_concurrent_counting_is_exact(database: Database) -> None:
    counters, now = RateCounters(database, MINUTE), utc_now()

    async def take_five(key: str, taken: list[bool]) -> None:
        taken.extend([await counters.take(key, 11, now) for _ in range(5)])

    for key in map(str, range(8)):
        taken: list[bool] = []
        _at_once([take_five(key, taken) for _ in range(CONNECTIONS)])
        assert (taken.count(True), taken.count(False)) == (11, 29)


def test_wallet_over_the_limit_is_429(invoke: Invoke) -> None:
    ids = [create(invoke)["id"] for _ in range(3)]
    create(invoke, user=STRANGER)

    answer = invoke("create_wallet", "POST", "/wallets", user=TRADER, body=new_wallet())
    assert_limited(answer, retryable=False)
    assert "DELETE /wallets/{id}" in answer.json["hint"]
    assert_limited(invoke("fork_wallet", "POST", f"/wallets/{ids[0]}/fork", user=TRADER, body={}), retryable=False)
    assert len(invoke("list_wallets", "GET", "/wallets", user=TRADER).json["items"]) == 3


def test_repeated_creation_is_answered_at_the_limit(invoke: Invoke) -> None:
    made = create(invoke, headers={"Idempotency-Key": "first"})
    create(invoke)
    create(invoke)

    repeated = invoke(
        "create_wallet", "POST", "/wallets", user=TRADER, body=new_wallet(), headers={"Idempotency-Key": "first"}
    )

    assert (repeated.status, repeated.json["id"]) == (200, made["id"])


def test_concurrent_wallets_are_created_up_to_exactly_the_limit(invoke: Invoke, database: Database, run: Run) -> None:
    body = json.loads(json.dumps(new_wallet()), parse_float=Decimal)
    request = CreateWalletRequest.model_validate(body).to_new_wallet()

    outcomes = _at_once([bootstrap.wallet_creation().create(TRADER.id, request) for _ in range(CONNECTIONS)])

    assert sum(isinstance(outcome, RateLimitExceededError) for outcome in outcomes) == CONNECTIONS - 3
    assert run(database["user_wallets"].count_documents({"user_id": TRADER.id})) == 3


def test_deleted_wallet_frees_its_slot_after_a_grace_period(invoke: Invoke, database: Database, run: Run) -> None:
    ids = [create(invoke)["id"] for _ in range(3)]
    assert invoke("delete_wallet", "DELETE", f"/wallets/{ids[0]}", user=TRADER).status == 204
    slots, later = WalletSlots(database), utc_now() + GRACE + timedelta(seconds=1)

    assert not run(slots.take(TRADER.id, "new", 3, utc_now())), "its slot may be that of a wallet being made"
    assert run(slots.take(TRADER.id, "new", 3, later))
    assert not run(slots.take(TRADER.id, "newer", 3, later))
    assert run(slots.take(TRADER.id, "new", 3, later)), "it has its slot already"


def test_unused_slot_is_freed_after_its_grace_period(database: Database, run: Run) -> None:
    slots, now = WalletSlots(database), utc_now()
    assert [run(slots.take(TRADER.id, name, 2, now)) for name in "abc"] == [True, True, False]
    assert not run(slots.take(TRADER.id, "d", 2, now + GRACE))
    assert run(slots.take(TRADER.id, "d", 2, now + GRACE + timedelta(seconds=1)))


def test_wallets_older_than_slots_count(invoke: Invoke, database: Database, run: Run) -> None:
    for _ in range(2):
        create(invoke)
    run(_forget_all(database, "wallet_slots"))

    assert create(invoke)["id"]
    assert_limited(invoke("create_wallet", "POST", "/wallets", user=TRADER, body=new_wallet()), retryable=False)


async def _forget_all(database: Database, name: str) -> None:
    await database[name].delete_many({})
