"""Two changes of one wallet at once both hold, because each is decided on what is stored when it is committed.

The changes run as tasks of one process. In each of eight rounds a seed chooses the changes and which of them begins.
``RACES=100`` runs longer races.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any, Protocol

import pytest

from moniqo_core import bootstrap
from moniqo_core.domain.errors import ValidationError, WalletError
from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.domain.orders.order import OrderSide, OrderType, order_age
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.services.shared.read_unless_known import Versioned
from moniqo_core.services.wallets.requests import Pause, WalletChange
from moniqo_core.storage.simulation_seed import simulation_seed
from moniqo_core.storage.wallets.due_wallets import DueWallets
from moniqo_core.storage.wallets.last_use import mark_used
from moniqo_core.wallets.demo.replay import WalletReplay
from tests.conftest import Database, Run
from tests.support.lambdas import TRADER, Invoke
from tests.support.live_harness import connect_live_wallet, live_deployment
from tests.support.wallets import aws, create

__all__ = ["aws"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")

ROUNDS = int(os.environ.get("RACES", "8"))
AMOUNTS = ("max_position_size_usd", "max_total_exposure_usd", "daily_loss_limit_usd", "max_drawdown_percent")
OTHERS: dict[str, Any] = {"blocked_symbols": ("SOL/USDT",), "respect_market_hours": True, "timezone": "Asia/Tokyo"}


class NewWallet(Protocol):
    """Makes wallets of one kind."""

    def __call__(self) -> str: ...


@pytest.fixture(params=["paper", "live"])
def new_wallet(
    request: pytest.FixtureRequest, invoke: Invoke, environment: pytest.MonkeyPatch, database: Database
) -> Iterator[NewWallet]:
    environment.setenv("WALLETS_PER_USER", "100")
    if request.param == "paper":
        bootstrap.settings.cache_clear()
        yield lambda: str(create(invoke)["id"])
        return
    with live_deployment(environment) as venue:
        yield lambda: connect_live_wallet(venue, invoke, database).wallet


async def at_once(changes: Sequence[Coroutine[Any, Any, Any]]) -> list[WalletError | None]:
    """Begin all changes, in this order, and return what refused each of them."""
    found = await asyncio.gather(*changes, return_exceptions=True)
    for error in found:
        if isinstance(error, BaseException) and not isinstance(error, WalletError):
            raise error
    return [error if isinstance(error, WalletError) else None for error in found]


def update(wallet: str, **change: Any) -> Coroutine[Any, Any, UserWallet]:
    return bootstrap.wallet_changes().update(TRADER.id, wallet, WalletChange(**change))


async def journal_agrees(wallet: UserWallet) -> bool:
    """Tell whether the account, which decides orders, has the limits and the status that the wallet shows."""
    if not wallet.is_demo:
        return True
    account = (await bootstrap.wallets().connect_demo(TRADER.id, wallet.id)).account
    return (account.limits, account.status) == (wallet.risk_limits, wallet.status)


async def replays(wallet: UserWallet) -> bool:
    """Tell whether every entry of a paper wallet's journal is decided again as it is stored."""
    if not wallet.is_demo:
        return True
    db = bootstrap.database()
    found = await WalletReplay(db, await simulation_seed(db)).run(wallet.id)
    assert found is not None
    return found.difference is None


def read(wallet: str) -> Coroutine[Any, Any, UserWallet]:
    return bootstrap.user_wallets().get(TRADER.id, wallet)


def test_changes_of_different_limits_both_hold(new_wallet: NewWallet, run: Run, seed: int) -> None:
    chance, wallet = Random(seed), new_wallet()
    lost: list[object] = []

    async def one_round(number: int) -> None:
        values = dict(OTHERS) | {name: Decimal(chance.randint(1, 99)) for name in AMOUNTS}
        names = chance.sample(sorted(values), 2)
        assert await at_once([update(wallet, limits={name: values[name]}) for name in names]) == [None, None]
        after = await read(wallet)
        assert await journal_agrees(after)
        lost.extend((number, name) for name in names if getattr(after.risk_limits, name) != values[name])

    for number in range(ROUNDS):
        run(one_round(number))
    assert lost == []
    assert run(replays(run(read(wallet))))


def test_limits_and_details_changed_at_once_both_hold(new_wallet: NewWallet, run: Run, seed: int) -> None:
    chance, wallet = Random(seed), new_wallet()
    lost: list[object] = []

    async def one_round(number: int) -> None:
        limit = Decimal(chance.randint(1, 99))
        changes = [
            update(wallet, limits={"max_position_size_usd": limit}, fields={"color": f"#0000{number:02d}"}),
            update(wallet, fields={"custom_name": f"round {number}"}),
            update(wallet, fields={"icon": f"icon-{number}"}, limits={"max_open_positions": number + 1}),
        ]
        chance.shuffle(changes)
        assert await at_once(changes) == [None] * 3
        after = await read(wallet)
        found = (after.risk_limits.max_position_size_usd, after.color, after.custom_name, after.icon)
        if (*found, after.risk_limits.max_open_positions) != (
            *(limit, f"#0000{number:02d}", f"round {number}", f"icon-{number}"),
            number + 1,
        ):
            lost.append((number, found))

    for number in range(ROUNDS):
        run(one_round(number))
    assert lost == []


def test_a_daily_loss_limit_stays_when_both_are_removed_at_once(new_wallet: NewWallet, run: Run, seed: int) -> None:
    chance, wallet = Random(seed), new_wallet()
    without: list[int] = []

    async def one_round(number: int) -> None:
        await update(wallet, limits={"daily_loss_limit_usd": Decimal(5), "daily_loss_limit_percent": Decimal(5)})
        removals = [
            update(wallet, limits={name: None}) for name in ("daily_loss_limit_usd", "daily_loss_limit_percent")
        ]
        chance.shuffle(removals)
        refused = await at_once(removals)
        limits = (await read(wallet)).risk_limits
        if limits.daily_loss_limit_usd is None and limits.daily_loss_limit_percent is None:
            without.append(number)
        else:
            assert [type(error) for error in refused if error is not None] == [ValidationError]

    for number in range(ROUNDS):
        run(one_round(number))
    assert without == []


def test_wallet_paused_and_suspended_at_once_is_paused_when_reinstated(
    new_wallet: NewWallet, run: Run, seed: int
) -> None:
    chance, wallet = Random(seed), new_wallet()
    after: list[tuple[bool, str]] = []
    life = bootstrap.wallet_lifecycle()

    async def one_round() -> None:
        pause, suspend = (
            life.pause(TRADER.id, wallet, Pause("a rest"), bootstrap.buy_cancellation()),
            life.suspend(wallet, "a review"),
        )
        changes = [(pause, "pause"), (suspend, "suspend")]
        chance.shuffle(changes)
        refused = await at_once([change for change, _ in changes])
        codes = {name: error and error.code for (_, name), error in zip(changes, refused, strict=True)}
        # A pause that comes after the suspension is refused, and then the owner wants an active wallet.
        assert codes in ({"pause": None, "suspend": None}, {"pause": "WALLET_SUSPENDED", "suspend": None})
        assert (await read(wallet)).status == "suspended"
        back = await life.reinstate(wallet, "cleared")
        after.append((codes["pause"] is None, back.status.value))
        assert await journal_agrees(back)
        if back.status == "paused":
            await life.resume(TRADER.id, wallet, bootstrap.resuming())

    for _ in range(ROUNDS):
        run(one_round())
    assert {pair for pair in after if pair[0]} == {(True, "paused")}
    assert {pair for pair in after if not pair[0]} <= {(False, "active")}
    assert run(replays(run(read(wallet))))


def test_limits_changed_while_a_wallet_is_paused_or_resumed_hold(new_wallet: NewWallet, run: Run, seed: int) -> None:
    chance, wallet = Random(seed), new_wallet()
    wrong: list[object] = []
    life = bootstrap.wallet_lifecycle()

    async def one_round(number: int) -> None:
        limit, pausing = Decimal(chance.randint(1, 999)), number % 2 == 0
        status = life.pause(TRADER.id, wallet, Pause(), bootstrap.buy_cancellation()) if pausing else _resume(wallet)
        changes = [status, update(wallet, limits={"max_position_size_usd": limit})]
        chance.shuffle(changes)
        refused = await at_once(changes)
        found = await read(wallet)
        expected = "paused" if pausing else "active"
        if refused != [None, None] or (found.status, found.risk_limits.max_position_size_usd) != (expected, limit):
            wrong.append((number, refused, found.status))

    for number in range(ROUNDS):
        run(one_round(number))
    assert wrong == []


def _resume(wallet: str) -> Coroutine[Any, Any, UserWallet]:
    return bootstrap.wallet_lifecycle().resume(TRADER.id, wallet, bootstrap.resuming())


async def before_the_user_wallet(
    patch: pytest.MonkeyPatch, change: Coroutine[Any, Any, object], later: Coroutine[Any, Any, object]
) -> None:
    """Run ``change``, and ``later`` between the entry of the first and its writes to the user wallet.

    The writes of a commit are one request but no transaction, so those of the next one may come in between.
    """
    client = bootstrap.database().client
    whole = client.bulk_write

    async def interrupted(models: Sequence[Any], **options: Any) -> object:
        patch.setattr(client, "bulk_write", whole)
        await whole(models[:2], **options)
        await later
        return await whole(models[2:], **options)

    patch.setattr(client, "bulk_write", interrupted)
    await change


def test_user_wallet_keeps_the_later_of_two_commits_that_reach_it_in_the_wrong_order(
    invoke: Invoke, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = str(create(invoke)["id"])

    async def work() -> None:
        life = bootstrap.wallet_lifecycle()
        first = update(wallet, limits={"max_open_positions": 7}, fields={"color": "#000001"})
        later = update(wallet, limits={"max_position_size_usd": Decimal(9)})
        await before_the_user_wallet(monkeypatch, first, later)
        pause = life.pause(TRADER.id, wallet, Pause("a rest"), bootstrap.buy_cancellation())
        await before_the_user_wallet(monkeypatch, pause, life.suspend(wallet, "a review"))

    run(work())
    found = run(read(wallet))
    limits = found.risk_limits
    assert (limits.max_open_positions, limits.max_position_size_usd, found.color) == (
        7,
        Decimal(9),
        "#000001",
    )
    assert (found.status, found.status_before_suspension) == ("suspended", "paused")
    assert run(journal_agrees(found))


def test_orders_of_the_later_commit_are_evaluated_on_schedule(
    invoke: Invoke, run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = str(create(invoke)["id"])
    orders = bootstrap.orders()
    far = OrderRequest("BTC/USDT", OrderSide.BUY, OrderType.LIMIT, Decimal("0.001"), price=Decimal(10000))

    async def work() -> tuple[UserWallet, OrderRecord, list[str]]:
        first = await orders.place(TRADER.id, wallet, far)
        placing = orders.place(TRADER.id, wallet, far)
        await before_the_user_wallet(monkeypatch, orders.cancel(TRADER.id, wallet, first.order_id), placing)
        page = await orders.page(TRADER.id, wallet, OrderQuery(10, only_open=True), lambda _: False)
        assert isinstance(page, Versioned)
        (second,) = page.value.records
        due = DueWallets(database).to_evaluate_ids(second.created_at - timedelta(hours=1), 10)
        return await read(wallet), second, [name async for names in due for name in names]

    shown, second, due = run(work())
    assert shown.has_open_orders
    assert due == [wallet]
    assert shown.last_used_at == second.created_at
    assert (shown.journal_seq, 1) == order_age(second.order_id)


def test_suspending_and_reinstating_is_no_use_of_a_wallet(new_wallet: NewWallet, run: Run) -> None:
    wallet, life = new_wallet(), bootstrap.wallet_lifecycle()
    before = run(update(wallet, limits={"max_open_positions": 7})).last_used_at
    assert before is not None
    run(life.suspend(wallet, "a review"))
    assert run(life.reinstate(wallet, "cleared")).last_used_at == before


def test_earlier_command_does_not_set_back_the_last_use_of_a_live_wallet(
    invoke: Invoke, environment: pytest.MonkeyPatch, database: Database, run: Run
) -> None:
    with live_deployment(environment) as venue:
        wallet = connect_live_wallet(venue, invoke, database).wallet
        later = run(update(wallet, limits={"max_open_positions": 7})).last_used_at
        assert later is not None
        for at in (later - timedelta(seconds=5), later + timedelta(seconds=5)):
            run(database.client.bulk_write([mark_used(database.name, wallet, at)]))
            assert run(read(wallet)).last_used_at == max(at, later)
